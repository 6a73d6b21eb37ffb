#!/bin/sh
# The service. Its wall clock follows /chaos/clock ("+3600") if that file is there at the start; its monotonic
# clock never does. Without the file nothing is preloaded, and nothing costs more than in the field.
if [ -e /chaos/clock ]; then
  export LD_PRELOAD=/usr/local/lib/libfaketimeMT.so.1 FAKETIME_TIMESTAMP_FILE=/chaos/clock
  export DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_CACHE_DURATION=1 NO_FAKE_STAT=1
fi
exec callbridge "$@"
