#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The seeded simulations: many seeds as released, fewer under the address sanitizer.
. "$(dirname "$0")/lib.sh"

seeds=10000 seeds_asan=300
if [ -n "$TC_FULL" ]; then seeds=100000 seeds_asan=3000; fi

# A program that counts for itself is believed; otherwise a run is one test.
simulate() { # PROGRAM SEEDS
    local name log code=0 counts
    name=$(basename "$(dirname "$(dirname "$1")")")/$(basename "$1")
    log=$TC_WORK/${name//\//-}.log
    "$1" --seeds "$2" >"$log" 2>&1 || code=$?
    tail -n 20 "$log"
    counts=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' "$log" | tail -n 1)
    if [ -n "$counts" ] && { [ $code = 0 ] || [ "${counts#* }" != 0 ]; }; then
        # shellcheck disable=SC2086  # two numbers
        tc_add $counts
    elif [ $code = 0 ]; then
        tc_pass "$name, $2 seeds"
    else
        tc_fail "$name, $2 seeds (exit code $code)"
    fi
}

tc_build release sims || tc_fail 'build release sims'
tc_build asan sims || tc_fail 'build asan sims'
for program in "$TC_BUILD"/tests/sim-*; do
    [ ! -x "$program" ] || simulate "$program" $seeds
done
for program in "$TC_ASAN"/tests/sim-*; do
    [ ! -x "$program" ] || simulate "$program" $seeds_asan
done
tc_finish
