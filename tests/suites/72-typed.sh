#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Topics with a declared type on a real Kafka, as clients of WebSocket and of gRPC see them, against Python's
# protobuf: tests/integration/typed.py. Arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"

dir=${TC_E2E_DIR:-build/e2e}
if ! tests/e2e/setup.sh >"$TC_WORK/setup.log" 2>&1; then
    cat "$TC_WORK/setup.log"
    tc_fail "setup: grpcio and Python's protobuf"
    tc_finish
fi
exec "$dir/venv/bin/python" tests/integration/typed.py "$@"
