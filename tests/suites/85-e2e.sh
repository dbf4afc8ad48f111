#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real clients: npm ws, Python websockets, Chromium; both reactors, both topologies.
# Its cases are in tests/integration/e2e.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
tc_build asan tickcast
exec "$TC_PYTHON" tests/integration/e2e.py "$@"
