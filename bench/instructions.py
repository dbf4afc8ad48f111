#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of the micro benchmarks, counted by callgrind, beside a committed baseline.

usage: bench/instructions.py [--build DIR] [--jobs N] [--record]
       bench/instructions.py [--build DIR] --top CASE

Without --record: each case is compared with the baseline of this compiler, architecture and C library,
bench/instructions/<compiler>-<arch>-<libc>.json. The last line is `N passed, M failed[, K skipped]`, the
exit code 1 if something failed. Nothing is written to the tree.

--record   writes that baseline: commit it with the change that moved it, and say why in the commit
--top      the functions that the instructions of one case lie in (part of its name will do)

Times differ from run to run; instructions of one program do not: seen over runs, folders and environments,
counts differed by less than one in ten thousand. Of the processor only what the C library chooses by it would
matter, so that choice is pinned (TUNABLES). Start-up is not counted: callgrind looks only at what happens
inside micro_counted(), after a run of the same that reached the steady state.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASELINES = ROOT / "bench" / "instructions"
COUNTED = "micro_counted"
# A count that is higher by more fails; changes that are worth it are recorded.
TOLERANCE_PCT = 2.0
TOLERANCE_MIN = 1.0  # instructions: of the shortest cases a percent is less than one
# The plainest functions of x86's C library, whatever the processor offers.
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-SSSE3,-AVX_Fast_Unaligned_Load"
PROGRAM_SECONDS_MAX = 600


class Problem(Exception):
    """What the user is told instead of a figure."""


def cmake_values(path, pattern):
    try:
        return dict(re.findall(pattern, path.read_text(), re.M))
    except OSError as e:
        raise Problem(f"no release build in {path.parent}: {e.strerror}; ./run build") from e


def facts_of(build):
    """Compiler, C library and tool: the first three name the baseline."""
    cache = cmake_values(build / "CMakeCache.txt", r"^(\w+):\w+=(.*)$")
    if cache.get("CMAKE_BUILD_TYPE") != "Release" or cache.get("TC_HARDEN") != "ON":
        raise Problem(f"{build} is not a release build")
    files = list(build.glob("CMakeFiles/*/CMakeCCompiler.cmake"))
    if len(files) != 1:
        raise Problem(f"{build} does not say which compiler made it; ./run build")
    compiler = cmake_values(files[0], r'^set\((\w+) "([^"]*)"\)$')
    name, version = compiler["CMAKE_C_COMPILER_ID"], compiler["CMAKE_C_COMPILER_VERSION"]
    tool = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True)
    return {
        "compiler": f"{'gcc' if name == 'GNU' else name.lower()} {version}",
        "arch": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "tool": tool.stdout.strip(),
    }


def baseline_of(facts):
    compiler, version = facts["compiler"].split(" ")
    libc = facts["libc"].replace(" ", "-")
    return BASELINES / f"{compiler}-{version.split('.')[0]}-{facts['arch']}-{libc}.json"


def programs_of(build):
    names = sorted(p.stem.replace("_", "-") for p in (ROOT / "bench").glob("micro_*.c"))
    missing = [n for n in names if not (build / "bench" / n).exists()]
    if missing:
        raise Problem(f"not built: {', '.join(missing)}")
    return names


def run(build, program, out, args=()):
    """The lines that the program has printed; callgrind's part for line i is OUT.i+1."""
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
            f"--toggle-collect={COUNTED}", f"--dump-after={COUNTED}"]
    env = {"PATH": os.environ["PATH"], "GLIBC_TUNABLES": TUNABLES}
    command = tool + [str(build / "bench" / program), "--instructions", *args]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False,
                          timeout=PROGRAM_SECONDS_MAX)
    if done.returncode != 0:
        raise Problem(f"{program} under callgrind: exit code {done.returncode}\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def count(build, program):
    """{case: instructions per operation}"""
    with tempfile.TemporaryDirectory(prefix="tickcast-") as folder:
        out = pathlib.Path(folder) / "out"
        cases = {}
        for i, row in enumerate(run(build, program, out), 1):
            part = pathlib.Path(f"{out}.{i}")
            total = part.exists() and re.search(r"^totals: ([1-9]\d*)$", part.read_text(), re.M)
            if not total:
                raise Problem(f"{program}: callgrind has not seen {COUNTED}() for {row['name']}")
            cases[row["name"]] = round(int(total[1]) / row["ops"], 2)
    return cases


def count_all(build, jobs):
    programs = programs_of(build)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return dict(zip(programs, pool.map(lambda p: count(build, p), programs)))


def record(path, facts, counts):
    BASELINES.mkdir(exist_ok=True)
    path.write_text(json.dumps({"facts": facts, "instructions": counts}, indent=1) + "\n")
    print(f"recorded {sum(map(len, counts.values()))} cases in {path.relative_to(ROOT)}")


class Verdict:
    def __init__(self):
        self.cnt = {"ok": 0, "FAIL": 0, "skip": 0}
        self.lower = 0

    def tell(self, word, program, case, text):
        self.cnt[word] += 1
        print(f"{word:<5} {program}: {case}: {text}")

    def judge(self, program, case, now, before):
        text = f"{now:.1f} instructions, baseline {before:.1f}"
        change = now - before
        if change > max(before * TOLERANCE_PCT / 100, TOLERANCE_MIN):
            self.tell("FAIL", program, case, f"{text}: {100 * change / before:+.1f} %")
            return
        self.lower += change < -max(before * TOLERANCE_PCT / 100, TOLERANCE_MIN)
        self.tell("ok", program, case, text)

    def end(self):
        skipped = f", {self.cnt['skip']} skipped" if self.cnt["skip"] else ""
        print(f"{self.cnt['ok']} passed, {self.cnt['FAIL']} failed{skipped}")
        return 1 if self.cnt["FAIL"] else 0


def explain(verdict, facts, recorded):
    differ = [f"{k} {recorded.get(k)}, here {v}" for k, v in facts.items() if recorded.get(k) != v]
    if verdict.cnt["FAIL"] and differ:
        print(f"note: the baseline was recorded with {'; '.join(differ)}")
    if verdict.cnt["FAIL"]:
        print("note: bench/instructions.py --top CASE shows where they are; a change that is worth it"
              " is recorded by bench/instructions.py --record")
    if verdict.lower:
        print(f"note: {verdict.lower} cases are more than {TOLERANCE_PCT:.0f} % below their baseline:"
              " record it, so that it cannot be lost again")


def compare(path, facts, counts):
    verdict = Verdict()
    name = os.path.relpath(path, ROOT)
    if path.exists():
        before = json.loads(path.read_text())
    else:
        print(f"NO BASELINE FOR THIS COMPILER AND MACHINE: there is no {name}.\n"
              "Nothing is compared. bench/instructions.py --record makes one; commit it.")
        before = {"facts": facts, "instructions": {}}
    for program, cases in counts.items():
        known = before["instructions"].get(program, {})
        for case, now in cases.items():
            if case in known:
                verdict.judge(program, case, now, known[case])
            else:
                verdict.tell("skip", program, case, f"{now:.1f} instructions, not in {name}")
    for program, cases in before["instructions"].items():
        for case in cases:
            if case not in counts.get(program, {}):
                verdict.tell("FAIL", program, case, f"it is in {name} but is not there any more")
    explain(verdict, facts, before["facts"])
    return verdict.end()


def names_of(build, program):
    """Its cases, found by doing them once without callgrind."""
    done = subprocess.run([build / "bench" / program, "--instructions"], capture_output=True,
                          text=True, check=True, timeout=PROGRAM_SECONDS_MAX)
    return [json.loads(line)["name"] for line in done.stdout.splitlines()]


def top(build, text):
    """Each case in a run of its own: callgrind names functions in the first part of a run alone."""
    found = [(p, n) for p in programs_of(build) for n in names_of(build, p) if text in n]
    if not found:
        raise Problem(f"no case has '{text}' in its name")
    for program, name in found:
        with tempfile.TemporaryDirectory(prefix="tickcast-") as folder:
            out = pathlib.Path(folder) / "out"
            ops = run(build, program, out, ("--only", name))[0]["ops"]
            print(f"==== {program}: {name}, {ops} operations", flush=True)
            subprocess.run(["callgrind_annotate", "--auto=no", f"{out}.1"], check=True)


def main():
    parser = argparse.ArgumentParser(prog="bench/instructions.py", usage=__doc__.split("\n\n")[1][7:])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--top", metavar="CASE")
    args = parser.parse_args()
    try:
        if not shutil.which("valgrind"):
            raise Problem("there is no valgrind: cmake/deps.sh test installs it")
        facts = facts_of(args.build.resolve())
        if args.top:
            top(args.build, args.top)
            return 0
        counts = count_all(args.build, args.jobs)
        if args.record:
            record(baseline_of(facts), facts, counts)
            return 0
        return compare(baseline_of(facts), facts, counts)
    except Problem as e:
        print(f"instructions: {e}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
