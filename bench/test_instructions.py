#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Goal: instructions.py fails for what has grown and for what has gone, and skips what has no baseline."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import instructions

FACTS = {"compiler": "gcc 14.2.0", "arch": "x86_64", "libc": "glibc 2.41", "tool": "valgrind-3.24.0"}


class Compare(unittest.TestCase):
    def judge(self, before, now, facts=None):
        """(exit code, last line, all lines) for a baseline (None: there is none) and counts."""
        out = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
            path = pathlib.Path(folder) / "baseline.json"
            if before is not None:
                path.write_text(json.dumps({"facts": facts or FACTS, "instructions": {"p": before}}))
            code = instructions.compare(path, FACTS, {"p": now})
        lines = out.getvalue().splitlines()
        return code, [x for x in lines if " passed, " in x][-1], out.getvalue()

    def test_equal(self):
        code, last, _ = self.judge({"a": 100.0, "b": 5.0}, {"a": 100.0, "b": 5.0})
        self.assertEqual((code, last), (0, "2 passed, 0 failed"))

    def test_within_the_tolerance(self):
        code, last, _ = self.judge({"a": 1000.0, "b": 5.0}, {"a": 1019.0, "b": 5.9})
        self.assertEqual((code, last), (0, "2 passed, 0 failed"))

    def test_grown(self):
        code, last, text = self.judge({"a": 1000.0, "b": 5.0}, {"a": 1021.0, "b": 6.1})
        self.assertEqual((code, last), (1, "0 passed, 2 failed"))
        self.assertIn("FAIL  p: a: 1021.0 instructions, baseline 1000.0: +2.1 %", text)
        self.assertNotIn("was recorded with", text)

    def test_grown_with_another_library(self):
        _, _, text = self.judge({"a": 1000.0}, {"a": 1100.0}, {**FACTS, "compiler": "gcc 14.1.0"})
        self.assertIn("was recorded with compiler gcc 14.1.0, here gcc 14.2.0", text)

    def test_shrunk(self):
        code, last, text = self.judge({"a": 1000.0}, {"a": 900.0})
        self.assertEqual((code, last), (0, "1 passed, 0 failed"))
        self.assertIn("1 cases are more than 2 % below", text)

    def test_new_and_gone(self):
        code, last, text = self.judge({"a": 1000.0}, {"b": 1000.0})
        self.assertEqual((code, last), (1, "0 passed, 1 failed, 1 skipped"))
        self.assertIn("is not there any more", text)

    def test_no_baseline(self):
        code, last, text = self.judge(None, {"a": 1000.0})
        self.assertEqual((code, last), (0, "0 passed, 0 failed, 1 skipped"))
        self.assertIn("NO BASELINE FOR THIS COMPILER AND MACHINE", text)
        self.assertIn("instructions.py --record", text)

    def test_name_of_the_baseline(self):
        self.assertEqual(instructions.baseline_of(FACTS).name, "gcc-14-x86_64-glibc-2.41.json")


if __name__ == "__main__":
    unittest.main()
