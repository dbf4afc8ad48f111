#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""connectconformance against tests/connectrpc-adapter: every case of tests/conformance/connectrpc.yaml passes.

usage: connect.py [--side] [PATTERN...]

--side: the service's methods run on the side thread. PATTERN: only cases that fit one of connectconformance's, as
'Basic/**'."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ROOT, go_tool, need, program, run

ADAPTER = program("connectrpc-adapter")
CONF = os.path.join(ROOT, "tests", "conformance", "connectrpc.yaml")
CASES = 1304


def main():
    need(ADAPTER)
    patterns = [a for a in sys.argv[1:] if a != "--side"]
    adapter = [ADAPTER, "--side"] if "--side" in sys.argv else [ADAPTER]
    argv = [go_tool("connectconformance", CASES), "--mode", "server", "--conf", CONF, "--max-servers", "2"]
    for pattern in patterns:
        argv += ["--run", pattern]
    code, out, err = run([*argv, "--", *adapter], 600)
    sums = re.search(r"^Total cases: (\d+)\n(\d+) passed, (\d+) failed$", out, re.M)
    if not sums:
        print("FAILED: exit code %d and no sums: %s" % (code, (out + err)[-2000:]))
        print("0 passed, %d failed" % CASES)
        return 1
    total, passed, failed = (int(n) for n in sums.groups())
    print("\n".join(out[:sums.start()].splitlines()[:100]))
    if total != CASES and not patterns:
        print("FAILED: %d cases ran, wanted %d" % (total, CASES))
        failed += 1
    if code != 0 and not failed:
        print("FAILED: exit code %d: %s" % (code, err[-2000:]))
        failed += 1
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
