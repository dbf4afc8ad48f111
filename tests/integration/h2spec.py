#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""h2spec, strict, against the engine's two public ports: 147 cases each, all of which pass.

usage: h2spec.py [SECTION...]     only those, as http2/5.1 or hpack"""
import os
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import RUN, TICKCAST, Tls, go_tool, make_cert, need, run

SYNTH = [{"name": "main", "synth": {"symbols": 12, "rate": 60, "room": "ticker-S{n}"}}]
CASES = 147


def judged(tool, word, port, *more):
    """(passed, failed) on that port."""
    report = os.path.join(RUN, word + ".xml")
    code, out, err = run([tool, "--strict", "-h", "127.0.0.1", "-p", port, "-j", report, *more, *sys.argv[1:]], 600)
    try:
        rows = xml.etree.ElementTree.parse(report).iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        print("FAILED  %s: exit code %d, no report (%s): %s" % (word, code, error, (out + err)[-1000:]))
        return 0, CASES
    passed = failed = 0
    for row in rows:
        if len(row) == 0:
            passed += 1
            continue
        failed += 1
        print("FAILED  %s %s: %s: %s" % (word, row.get("package"), row.get("classname"),
                                         " / ".join((part.text or part.tag).replace("\n", ", ") for part in row)))
    if passed + failed != CASES and not sys.argv[1:]:
        print("FAILED  %s: %d cases ran, wanted %d" % (word, passed + failed, CASES))
        failed += 1
    if code != 0 and not failed:
        print("FAILED  %s: exit code %d: %s" % (word, code, (out + err)[-1000:]))
        failed += 1
    print("%-7s %s: %d passed, %d failed" % ("FAILED" if failed else "ok", word, passed, failed), flush=True)
    return passed, failed


def main():
    need(TICKCAST, "openssl")
    tool = go_tool("h2spec", 2 * CASES)
    with Tls([make_cert("localhost", "localhost")], SYNTH) as e:
        sums = [judged(tool, "plain", e.port), judged(tool, "tls", e.tls, "-t", "-k")]
        if e.process.poll() is not None:
            print("FAILED  the engine has ended: %s" % e.log()[-800:])
            sums.append((0, 1))
    passed, failed = (sum(column) for column in zip(*sums))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
