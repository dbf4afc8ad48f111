# SPDX-License-Identifier: Apache-2.0
# For the suites beside it: `. tests/suites/lib.sh` first. Not a suite.
#
# A suite runs with the tree's top as its folder, and ends with the line `N passed, N failed[, N skipped]`
# (tc_finish prints it). Its environment: TC_FULL (not empty: the long runs), TC_BUILD (the release build),
# TC_ASAN (the asan build, made on demand: tc_build asan tickcast), TC_WORK (an empty folder, kept after
# the run), TC_JOBS, TC_PYTHON. The defaults here let a suite run without the runner.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export TC_ROOT=$PWD TC_FULL=${TC_FULL-} TC_JOBS=${TC_JOBS:-$(nproc)}
export TC_BUILD=${TC_BUILD:-$PWD/build/release} TC_ASAN=${TC_ASAN:-$PWD/build/asan}
export TC_PYTHON=${TC_PYTHON:-/usr/bin/python3} PYTHONDONTWRITEBYTECODE=1
if [ -z "${TC_WORK-}" ]; then
    TC_WORK=$PWD/build/test-work/$(basename "$0" .sh)
    rm -rf "$TC_WORK"
    mkdir -p "$TC_WORK"
fi
export TC_WORK

# What sanitizers do about a finding: say where and end the program with a code of their own.
export ASAN_OPTIONS=${ASAN_OPTIONS-abort_on_error=0:allocator_may_return_null=1:exitcode=66:detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS-exitcode=66:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp}

tc_passed=0
tc_failed=0
tc_skipped=0

tc_pass() { # NAME
    tc_passed=$((tc_passed + 1))
    echo "ok    $*"
}

tc_fail() { # NAME
    tc_failed=$((tc_failed + 1))
    echo "FAIL  $*"
}

tc_skip() { # NAME and why
    tc_skipped=$((tc_skipped + 1))
    echo "skip  $*"
}

# Passes if COMMAND exits with 0.
tc_case() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then tc_pass "$name"; else tc_fail "$name (exit code $?)"; fi
}

# The counts of a part that counts for itself.
tc_add() { # PASSED FAILED [SKIPPED]
    tc_passed=$((tc_passed + $1))
    tc_failed=$((tc_failed + $2))
    tc_skipped=$((tc_skipped + ${3:-0}))
}

# A script of tests/integration that counts for itself, as a part of a suite.
tc_script() { # SCRIPT [ARG...]
    local log=$TC_WORK/$1.log code passed='' failed=0 skipped=0
    "$TC_PYTHON" "tests/integration/$1" "${@:2}" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    read -r passed failed skipped < <(
        sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' "$log" | tail -n 1)
    tc_add "${passed:-0}" "${failed:-0}" "${skipped:-0}"
    if [ -z "$passed" ] || { [ "$code" != 0 ] && [ "$failed" = 0 ]; }; then
        tc_fail "$1 (exit code $code)"
    fi
}

# Configures and builds; goes on after an error, so that what can be judged is judged.
tc_build() { # PRESET [TARGET...]
    local preset=$1 target=()
    shift
    [ $# = 0 ] || target=(--target "$@")
    cmake --preset "$preset" >"$TC_WORK/configure-$preset.log" 2>&1 ||
        { cat "$TC_WORK/configure-$preset.log"; return 1; }
    cmake --build --preset "$preset" -j "$TC_JOBS" "${target[@]}" -- -k 0 >"$TC_WORK/build-$preset.log" 2>&1 ||
        { tail -n 60 "$TC_WORK/build-$preset.log"; return 1; }
}

# Unit tests of a preset, counted as Criterion counts them.
tc_ctest() { # PRESET [CTEST_ARG...]
    local log=$TC_WORK/ctest-$1.log counts
    ctest --test-dir "build/$1" -V -j "$TC_JOBS" "${@:2}" >"$log" 2>&1
    counts=$(awk -f tests/suites/criterion.awk "$log")
    if [ "${counts#* }" != 0 ]; then
        grep -aE '^[0-9]+: |\*\*\*' "$log" | grep -avE '\[(SKIP|RUN |PASS|----)\]'
    fi
    # shellcheck disable=SC2086  # two numbers
    tc_add $counts
}

tc_finish() {
    if [ "$tc_skipped" = 0 ]; then
        echo "$tc_passed passed, $tc_failed failed"
    else
        echo "$tc_passed passed, $tc_failed failed, $tc_skipped skipped"
    fi
    [ "$tc_failed" = 0 ]
    exit
}
