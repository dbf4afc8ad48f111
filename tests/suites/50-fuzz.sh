#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each fuzz target on its corpus, then for a while on inputs of its own. What is found lies in
# build/test-work/50-fuzz/<target>; a finding that is mended goes into tests/fuzz/corpus.
. "$(dirname "$0")/lib.sh"

seconds=20
[ -z "$TC_FULL" ] || seconds=300

tc_build fuzz fuzzers || tc_fail 'build fuzz fuzzers'

fuzz() { # PROGRAM; prints its case lines
    local program=$1 name place corpus seeds=() options
    name=$(basename "$program")
    place=$TC_WORK/$name
    corpus=tests/fuzz/corpus/${name#fuzz_}
    mkdir -p "$place/new"
    [ ! -d "$corpus" ] || seeds=("$corpus")
    options=(-timeout=10 -rss_limit_mb=1024 -artifact_prefix="$place/" -print_final_stats=1)
    [ ! -f "tests/fuzz/${name#fuzz_}.dict" ] || options+=(-dict="tests/fuzz/${name#fuzz_}.dict")
    if "$program" "${options[@]}" -runs=0 "${seeds[@]}" >"$place/corpus.log" 2>&1; then
        echo "ok    $name: corpus"
    else
        tail -n 30 "$place/corpus.log"
        echo "FAIL  $name: corpus"
        return
    fi
    if "$program" "${options[@]}" -max_total_time="$FUZZ_SECONDS" "$place/new" "${seeds[@]}" \
        >"$place/new.log" 2>&1; then
        echo "ok    $name: $FUZZ_SECONDS s, $(sed -nE 's/.*number_of_executed_units: *//p' "$place/new.log") inputs"
    else
        tail -n 30 "$place/new.log"
        echo "FAIL  $name: $FUZZ_SECONDS s"
    fi
}
export -f fuzz
export FUZZ_SECONDS=$seconds

log=$TC_WORK/cases.log
find build/fuzz/fuzz -maxdepth 1 -name 'fuzz_*' -executable 2>/dev/null | sort |
    xargs -r -P 2 -I {} bash -c 'out=$(fuzz {}); printf "%s\n" "$out"' >"$log"
cat "$log"
tc_add "$(grep -c '^ok ' "$log")" "$(grep -c '^FAIL ' "$log")"
tc_finish
