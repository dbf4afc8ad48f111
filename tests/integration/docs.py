#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documents against the program and the tree.

usage: docs.py [PART...]     only cases whose name has one of the parts

Each example, link, subcommand and row of a table in the code is a case of its own. A page that has lost all
its examples, or a table that is no longer found, is a failure too: otherwise it would pass by being empty.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import certs

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TICKCAST = os.path.join(os.environ.get("TC_BUILD") or os.path.join(ROOT, "build", "release"), "tickcast")
SKIP = {".git", "build", "node_modules", ".cache", ".venv"}
# A variable of the person who runs this must not change what a file means.
ENV = {name: value for name, value in os.environ.items() if not name.startswith("TICKCAST_")}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def pages():
    """Every page of the tree, as a path from its top."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in SKIP)
        for name in sorted(names):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def user_pages():
    return ["README.md"] + sorted(os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, "docs", "*.md")))


def blocks(path, language):
    """(number of the first line, text) of each fenced block of that language."""
    first, lines, inside = 0, [], None
    for number, line in enumerate(read(path).split("\n"), 1):
        fence = re.match(r"\s*```(\w*)\s*$", line)
        if not fence:
            lines.append(line)
        elif inside is None:
            first, lines, inside = number + 1, [], fence.group(1)
        else:
            if inside == language:
                yield first, "\n".join(lines)
            inside = None
    if inside is not None:
        raise AssertionError("%s:%d: a block without its end" % (path, first - 1))


def prose(path):
    """(number, line) of everything outside of blocks, without code in it."""
    inside = False
    for number, line in enumerate(read(path).split("\n"), 1):
        if re.match(r"\s*```", line):
            inside = not inside
        elif not inside:
            yield number, re.sub(r"`[^`]*`", "", line)


def anchors(path):
    """What GitHub makes of the headings."""
    found = set()
    inside = False
    for line in read(path).split("\n"):
        if re.match(r"\s*```", line):
            inside = not inside
        head = re.match(r"#+\s+(.*)", line)
        if head and not inside:
            found.add(re.sub(r"[^\w\- ]", "", head.group(1).lower()).replace(" ", "-"))
    return found


def program(*args, text=""):
    done = subprocess.run([TICKCAST, *args], input=text, env=ENV, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def table(path, row):
    """The first group of each row of a table in the code."""
    return re.findall(row, read(path))


# ---------------------------------------------------------------- cases: (name, None or what is wrong)


def at_least(cnt, least, what):
    yield "there are %s" % what, None if cnt >= least else "only %d, at least %d" % (cnt, least)


def json_examples():
    cnt = 0
    for path in user_pages():
        for first, text in blocks(path, "json"):
            for number, line in enumerate(text.split("\n"), first):
                cnt += path == "docs/protocol.md"
                wrong = None
                try:
                    if not isinstance(json.loads(line), dict):
                        wrong = "not an object"
                except ValueError as error:
                    wrong = "%s: %s" % (error, line[:100])
                yield "json %s:%d" % (path, number), wrong
    yield from at_least(cnt, 25, "json examples in docs/protocol.md")


def yaml_examples():
    cnt = 0
    files = {}
    folder = os.environ.get("TC_WORK") or tempfile.mkdtemp()
    for name in ("ui", "api"):
        crt, key = certs.make(folder, name, name + ".example")
        files.update({"/etc/tickcast/%s.pem" % name: crt, "/etc/tickcast/%s.key" % name: key})
    for path in user_pages():
        for first, text in blocks(path, "yaml"):
            cnt += 1
            for name, file in files.items():
                text = text.replace(name, file)
            code, _, err = program("check-config", "-", text=text)
            yield "yaml %s:%d" % (path, first), None if code == 0 else "exit code %d: %s" % (code, err.strip())
    yield from at_least(cnt, 2, "yaml examples")
    code, _, _ = program("check-config", "-", text="no-such-key: 1\n")
    yield "yaml that is wrong is refused", None if code == 1 else "exit code %d" % code


def links():
    cnt = 0
    for path in pages():
        for number, line in prose(path):
            for target in re.findall(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", line):
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue
                cnt += 1
                name, _, anchor = target.partition("#")
                to = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
                wrong = None
                if to.startswith("..") or not os.path.exists(os.path.join(ROOT, to)):
                    wrong = "there is no %s" % to
                elif anchor and to.endswith(".md") and anchor not in anchors(to):
                    wrong = "no heading #%s in %s" % (anchor, to)
                yield "link %s:%d %s" % (path, number, target), wrong
    yield from at_least(cnt, 15, "links")


def decisions():
    index = read("docs/adr/README.md")
    names = sorted(os.path.basename(p) for p in glob.glob(os.path.join(ROOT, "docs", "adr", "[0-9]*.md")))
    for i, name in enumerate(names, 1):
        title = read("docs/adr/" + name).split("\n", 1)[0]
        wrong = None
        if name[:4] != "%04d" % i:
            wrong = "number %04d is missing or taken twice" % i
        elif not title.startswith("# %s: " % name[:4]):
            wrong = "its title is %r" % title
        elif "(%s)" % name not in index:
            wrong = "not in docs/adr/README.md"
        elif not all("\n## %s\n" % part in read("docs/adr/" + name) for part in ("Context", "Decision", "Consequences")):
            wrong = "a part is missing"
        yield "decision %s" % name, wrong
    yield from at_least(len(names), 8, "decisions")


def subcommands():
    names = table("tools/tickcast/cmd.c", r'\n    \{ "([a-z-]+)", "')
    readme = read("README.md")
    _, overview, _ = program("--help")
    for name in names:
        code, out, err = program(name, "--help")
        wrong = None
        if code != 0:
            wrong = "exit code %d: %s" % (code, err.strip()[:200])
        elif not out.startswith("usage: tickcast %s" % name):
            wrong = "it prints %r" % out[:60]
        elif "\n  %s " % name not in overview:
            wrong = "not in tickcast --help"
        elif "`tickcast %s" % name not in readme:
            wrong = "not in README.md"
        yield "%s --help" % name, wrong
    yield from at_least(len(names), 7, "subcommands")


def words_of_the_protocol():
    page = read("docs/protocol.md")
    rows = [
        ("error code", "proto/json/codes.h", r'X\([A-Z_]+, "([a-z-]+)", "', "| `%s` |", 10),
        ("gap reason", "core/bus/gap.h", r'X\([A-Z_]+, "([a-z-]+)"\)', "| `%s` |", 4),
        ("cannot-recover reason", "core/fanout/resume.c", r'cannot\(.*"([a-z-]+)"\)', "| `%s` |", 4),
        ("notice", "proto/ws/ws_json.c", r'\[TC_NOTICE_[A-Z_]+\] = "([a-z-]+)"', "| `%s` |", 9),
        ("close code", "io/net/close.h", r'X\([A-Z_]+, "[a-z-]+", (1\d\d\d), ', "| %s |", 8),
        ("problem code", "io/session/http.c", r'"([a-z]+(?:-[a-z]+)+)", *(?:detail|"|\n)', "| `%s` |", 5),
    ]
    for what, path, row, form, least in rows:
        found = sorted(set(table(path, row)))
        for word in found:
            # sent by no path of the code so far
            if what == "close code" and word in ("1000", "1011"):
                continue
            yield "%s %s" % (what, word), None if form % word in page else "not in docs/protocol.md"
        yield from at_least(len(found), least, "%ss in %s" % (what, path))


def generated():
    done = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "tests", "tools", "schema_page.py")], capture_output=True, text=True,
                          timeout=30)
    wrong = None
    if done.returncode != 0:
        wrong = done.stderr.strip()
    elif done.stdout != read("docs/schema.md"):
        wrong = "stale: tests/tools/schema_page.py > docs/schema.md"
    yield "docs/schema.md is what the .proto files say", wrong
    declared = [name for path in glob.glob(os.path.join(ROOT, "proto", "schema", "jts", "**", "*.proto"), recursive=True)
                for name in re.findall(r"^(?:message|enum|service) (\w+) \{", read(os.path.relpath(path, ROOT)), re.M)]
    for name in declared:
        yield "%s in docs/schema.md" % name, None if "\n### %s\n" % name in read("docs/schema.md") else "it has no section"
    yield from at_least(len(declared), 25, "messages of the schema")


GROUPS = [json_examples, yaml_examples, links, decisions, subcommands, words_of_the_protocol, generated]


def main():
    wanted = sys.argv[1:]
    passed = failed = 0
    for group in GROUPS:
        try:
            cases = list(group())
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            cases = [(group.__name__, str(error))]
        for name, wrong in cases:
            if wanted and not any(w in name for w in wanted):
                continue
            passed += wrong is None
            failed += wrong is not None
            print("%-5s %s%s" % ("ok" if wrong is None else "FAIL", name, "" if wrong is None else ": " + wrong))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
