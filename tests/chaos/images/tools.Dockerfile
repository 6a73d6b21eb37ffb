# What the fault suite needs beside the lab's own images: a firewall, a clock that can be set, Python.
# docker build -f tests/chaos/images/tools.Dockerfile -t callbridge-chaos-tools tests/chaos/images

FROM debian:bookworm-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 iptables libfaketime \
 && rm -rf /var/lib/apt/lists/* \
 && cp /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/local/lib/
CMD ["sleep", "infinity"]
