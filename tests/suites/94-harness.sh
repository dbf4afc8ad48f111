#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bench harness: scenario files, verdicts, bad input, runs that prove nothing, the report.
# Its cases are in tests/integration/bench_harness.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
tc_build release tickcast benches || { tc_fail 'build release tickcast benches'; tc_finish; }
exec "$TC_PYTHON" tests/integration/bench_harness.py "$@"
