#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The form of the tree: formatting, the rules of tools/check, scripts that parse.
. "$(dirname "$0")/lib.sh"

formatted() {
    find core proto io tools tests bench -name '*.[ch]' 2>/dev/null | sort |
        xargs -r clang-format-19 --dry-run -Werror
}

scripts() {
    local bad=0 file
    while read -r file; do
        bash -n "$file" || bad=1
    done < <(find run .ci/run cmake tests bench tools deploy -name '*.sh' -o -path run -o -path .ci/run 2>/dev/null)
    return $bad
}

tc_case 'formatted as .clang-format says (./run fmt does it)' formatted
tc_case 'the rules of tools/check/check.py' "$TC_PYTHON" tools/check/check.py
tc_case 'scripts parse' scripts

log=$TC_WORK/check.log
(cd tools/check && "$TC_PYTHON" test_check.py) >"$log" 2>&1
code=$?
cnt=$(sed -nE 's/^Ran ([0-9]+) tests?.*/\1/p' "$log")
bad=$(sed -nE 's/^FAILED \(([a-z]+=[0-9]+(, )?)+\)/\1/p' "$log" | grep -oE '[0-9]+' | awk '{ n += $1 } END { print n + 0 }')
[ $code = 0 ] || { cat "$log"; [ "${bad:-0}" != 0 ] || bad=1; }
tc_add $((${cnt:-0} - ${bad:-0})) "${bad:-0}"
tc_finish
