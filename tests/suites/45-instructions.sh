#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Instructions of the micro benchmarks against the baseline of this compiler and machine kind:
# bench/instructions.py, which counts for itself, and the test of its judgement.
. "$(dirname "$0")/lib.sh"

tc_case 'what bench/instructions.py passes and fails' "$TC_PYTHON" bench/test_instructions.py
if ! tc_build release benches; then
    tc_fail 'build release benches'
    tc_finish
fi
log=$TC_WORK/instructions.log
"$TC_PYTHON" bench/instructions.py --build "$TC_BUILD" --jobs "$TC_JOBS" 2>&1 | tee "$log"
code=${PIPESTATUS[0]} passed=
read -r passed failed skipped < <(
    sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' "$log" | tail -n 1)
if [ -n "$passed" ]; then
    tc_add "$passed" "$failed" "${skipped:-0}"
else
    tc_fail "bench/instructions.py (exit code $code)"
fi
tc_finish
