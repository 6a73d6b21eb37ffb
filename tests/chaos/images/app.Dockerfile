# Callbridge as it is, with a wall clock that the fault suite may step. Of callbridge-app and callbridge-chaos-tools.
# docker build -f tests/chaos/images/app.Dockerfile -t callbridge-chaos-app tests/chaos/images

FROM callbridge-chaos-tools AS tools
FROM callbridge-app
COPY --from=tools /usr/local/lib/libfaketimeMT.so.1 /usr/local/lib/
COPY entry.sh /usr/local/bin/chaos-entry
ENTRYPOINT ["/bin/sh", "/usr/local/bin/chaos-entry"]
