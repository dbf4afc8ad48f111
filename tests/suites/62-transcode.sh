#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# JSON and protobuf against Python's protobuf on random messages: tests/integration/transcode.py. Arguments are
# its seconds and seed; the same messages in every run without them, others with TC_FULL=1.
. "$(dirname "$0")/lib.sh"

seconds=20
seed=20260401
if [ -n "$TC_FULL" ]; then
    seconds=300
    seed=
fi

dir=${TC_TRANSCODE_DIR:-build/transcode}
if ! tests/integration/setup.sh "$dir" >"$TC_WORK/setup.log" 2>&1; then
    cat "$TC_WORK/setup.log"
    tc_fail "setup: Python's protobuf"
    tc_finish
fi
if ! tc_build asan transcode; then
    tc_fail 'build asan transcode'
    tc_finish
fi
exec "$dir/venv/bin/python" tests/integration/transcode.py "$TC_ASAN/tests/transcode" "${1-$seconds}" ${2-$seed}
