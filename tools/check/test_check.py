#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each rule of check.py fires on the smallest tree that breaks it, and on nothing else."""

import os
import tempfile
import unittest

import check

HEAD = "// SPDX-License-Identifier: Apache-2.0\n"


class CheckTest(unittest.TestCase):
    def rules(self, files):
        """The findings in a tree of these files, as (path, rule)."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as f:
                    f.write(text)
            found = []
            for line in check.findings(root):
                place, rule, _ = line.split(": ", 2)
                found.append((place.rsplit(":", 1)[0], rule))
            return found

    def one(self, path, body, *want, head=HEAD):
        """A tree of one file (with a unit test where it needs one) gives exactly these rules."""
        files = {path: head + body}
        if path.endswith(".c") and path.split("/")[0] in check.LAYERS:
            place, name = os.path.split(path)
            files[f"tests/unit/{place}/test_{name}"] = HEAD
        self.assertEqual([r for _, r in self.rules(files)], list(want))

    def test_clean(self):
        self.one("core/bus/a.c", '#include "core/base/base.h"\n#include <stdio.h>\n')

    def test_layer_above(self):
        self.one("core/bus/a.h", '#include "io/os/os.h"\n', "layer")

    def test_layer_folder_after(self):
        self.one("core/base/a.h", '#include "core/bus/bus.h"\n', "layer")

    def test_layer_folder_before(self):
        self.one("io/engine/a.h", '#include "io/source/source.h"\n#include "proto/ws/ws.h"\n')

    def test_layer_relative(self):
        self.one("core/bus/a.h", '#include "bus.h"\n', "layer")

    def test_layer_unknown_folder(self):
        self.one("core/misc/a.h", "", "layer")

    def test_layer_unknown_top(self):
        self.one("util/a.h", "", "layer")

    def test_layer_tests_are_free(self):
        self.one("tests/lib/a.h", '#include "io/os/os.h"\n#include "tests/lib/b.h"\n')

    def test_layer_not_from_tests(self):
        self.one("io/os/a.h", '#include "tests/lib/b.h"\n', "layer")

    def test_system(self):
        self.one("proto/ws/a.h", "#include <sys/socket.h>\n", "system")

    def test_banned_everywhere(self):
        self.one("tests/lib/a.c", "void f(void)\n{\n    strcpy(a, b);\n}\n", "banned")

    def test_banned_has_a_home(self):
        self.one("core/mem/a.c", "void f(void)\n{\n    free(a);\n}\n")
        self.one("io/net/a.c", "void f(void)\n{\n    free(a);\n}\n", "banned")

    def test_banned_not_in_words(self):
        self.one("io/net/a.c", '/* free() */ const char *s = "time(0)"; x->free(a); my_free(a);\n')

    def test_spdx(self):
        self.one("core/bus/a.h", "int a;\n", "spdx", head="")
        self.one("tests/suites/a.sh", "echo\n", "spdx", head="#!/bin/bash\n")

    def test_size_of_file(self):
        self.one("core/bus/a.h", "int a;\n" * 599)
        self.one("core/bus/a.h", "int a;\n" * 600, "size")

    def test_size_of_function(self):
        self.one("core/bus/a.c", "int f(void)\n{\n" + "    a();\n" * 68 + "}\n")
        self.one("core/bus/a.c", "int f(void)\n{\n" + "    a();\n" * 69 + "}\n", "size")

    def test_line(self):
        self.one("core/bus/a.h", "int a; \n", "line")
        self.one("core/bus/a.h", "\tint a;\n", "line")
        self.one("core/bus/a.h", "/*" + "-" * 97 + "*/\n", "line")

    def test_module_without_test(self):
        self.assertEqual(self.rules({"core/bus/a.c": HEAD}), [("core/bus/a.c", "test")])

    def test_module_with_threaded_test(self):
        files = {"core/bus/a.c": HEAD, "tests/unit/core/bus/test_a_mt.c": HEAD}
        self.assertEqual(self.rules(files), [])

    def test_goal(self):
        self.one("tests/unit/core/a.c", "Test(bus, a)\n{\n    b();\n}\n", "goal")
        self.one("tests/unit/core/a.c", "Test(bus, a)\n{\n    /* b is a */\n    b();\n}\n")
        self.one("tests/unit/core/a.c", "Test(bus, a, .init = x,\n     .fini = y)\n{\n    // b\n}\n")

    def test_machine_path(self):
        self.one("docs/a.md", "cd /home" "/me/x\n", "path")
        self.one("docs/a.md", "https://example.org/home/x\n")

    def test_word(self):
        self.one("docs/a.md", "TO" "DO: more\n", "word")

    def test_exception(self):
        files = {"core/bus/a.c": HEAD, "tools/check/exceptions.txt": "test core/bus/a.c why not\n"}
        self.assertEqual(self.rules(files), [])

    def test_stale_exception(self):
        files = {"tools/check/exceptions.txt": "test core/bus/a.c why not\n"}
        self.assertEqual(self.rules(files), [("tools/check/exceptions.txt", "stale")])


if __name__ == "__main__":
    unittest.main()
