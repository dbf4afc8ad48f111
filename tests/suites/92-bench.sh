#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `tickcast bench`, the generator under it and the floor: what they count, and what they refuse.
# Its cases are in tests/integration/bench_command.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
tc_build release tickcast loadgen floor || { tc_fail 'build release'; tc_finish; }
exec "$TC_PYTHON" tests/integration/bench_command.py "$@"
