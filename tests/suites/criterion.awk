# SPDX-License-Identifier: Apache-2.0
# From the output of `ctest -V` with Criterion programs: PASSED FAILED, in tests. A program that failed without
# a failed test (it crashed, it leaked, it was too slow, it was not built) counts as one.
{ gsub(/\033\[[0-9;]*m/, "") }
/Synthesis: Tested:/ {
    id = $1 + 0
    n = split($0, part, /[:|]/)
    for (i = 1; i < n; i++) {
        if (part[i] ~ /Passing *$/) passed += part[i + 1]
        if (part[i] ~ /(Failing|Crashing) *$/) failed_of[id] += part[i + 1]
    }
}
/ Test +#[0-9]+: / && (/\*\*\*/) {
    match($0, /#[0-9]+/)
    bad[substr($0, RSTART + 1, RLENGTH - 1) + 0] = 1
}
END {
    for (id in failed_of) failed += failed_of[id]
    for (id in bad) if (!failed_of[id]) failed++
    print passed + 0, failed + 0
}
