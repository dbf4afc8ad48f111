#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the tree and refuses what the compiler cannot see.

usage: check.py [ROOT]       one line per finding, FILE:LINE: RULE: TEXT; exit 1 if there is any

Rules (each can be lifted for a file in exceptions.txt, with the reason):
  layer     a file includes only lower layers and folders listed before its own; paths from the tree's top
  system    core and proto include no header of sockets, threads, clocks, descriptors
  banned    calls that have no place anywhere, or only in their one home
  spdx      the licence line
  size      files of at most 600 lines, functions of at most 70
  line      100 columns, no tabs, no trailing blanks (C)
  test      a module has a unit test at the mirrored path
  goal      a unit test says its goal in its first comment
  path      no path of one machine
  word      no note of unfinished work
  stale     an exception that lifts nothing
"""

import fnmatch
import os
import re
import sys

LAYERS = {
    "core": "base mem time conf obs bus room fanout flow auth topo".split(),
    "proto": "schema json pb feed http1 h2 ws sse eio grpc transcode tls jwt consul".split(),
    "io": "os reactor net upstream session source registry side engine".split(),
    # web first: its table of pages is what the programs serve
    "tools": "web bench tickcast services sdk check".split(),
}
ORDER = list(LAYERS)
FREE = {"tests", "bench"}  # may include everything
FILES_ONLY = {"deploy", "cmake", "docs", ".ci", ".github"}

SYSTEM = re.compile(
    r"^(sys/(socket|epoll|eventfd|timerfd|mman|stat|select|un|ioctl)\.h|netinet/.*|arpa/.*|net/.*"
    r"|netdb\.h|poll\.h|unistd\.h|fcntl\.h|pthread\.h|threads\.h|semaphore\.h|sched\.h"
    r"|liburing.*|librdkafka/.*|curl/.*|linux/.*)$"
)

# name: (layers where it is banned, folders that are its home, instead of it)
EVERYWHERE = ("core", "proto", "io", "tools", "tests", "bench")
LAYERED = ("core", "proto", "io", "tools")
BANNED = {}
for _name in "strcpy strcat sprintf vsprintf strtok gets atoi atol atoll atof alloca".split():
    BANNED[_name] = (EVERYWHERE, (), "a bounded function")
for _name in "malloc calloc realloc free strdup strndup asprintf vasprintf posix_memalign".split():
    BANNED[_name] = (LAYERED, ("core/mem",), "tc_mem_take, tc_alloc, tc_free")
for _name in "aligned_alloc".split():
    BANNED[_name] = (LAYERED, ("core/mem",), "tc_mem_take")
for _name in "time gettimeofday rand srand random srandom drand48".split():
    BANNED[_name] = (LAYERED, ("io/os",), "time and randomness that are handed in")
for _name in "clock_gettime clock_nanosleep nanosleep usleep getrandom getentropy fopen".split():
    BANNED[_name] = (("core", "proto"), (), "an argument")
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")

SPDX = "SPDX-License-Identifier: Apache-2.0"
SPDX_NAMES = re.compile(
    r"(\.(c|h|py|sh|cmake|js|mjs|cjs|ts|css|html|svg|xml|ya?ml|proto|toml|service|supp)"
    r"|(^|/)(CMakeLists\.txt|Dockerfile|run|\.clang-format|\.clang-tidy|\.editorconfig|\.gitignore))$"
)
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
MACHINE = re.compile(r"(?<![\w./}$])/(work|home|root|Users)/\w")
WORDS = re.compile(r"\b(" + "|".join(("TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK")) + r")\b")
SKIP_FOLDERS = {".git", "build", "node_modules", "__pycache__", ".cache", ".venv"}
NO_TEXT = re.compile(r"^(LICENSE$|tests/fuzz/corpus/|docs/img/)")


def files_of(root):
    """Every file of the tree, as a path from its top."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIP_FOLDERS)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root)


def blank(text):
    """C without its comments and the contents of its literals; lines keep their numbers."""

    def hide(m):
        s = m.group(0)
        if s[0] in "\"'":
            return s[0] + s[0]
        return " " + "\n" * s.count("\n")

    return re.sub(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', hide, text, flags=re.S
    )


def layer_of(path):
    parts = path.split("/")
    return parts[0], parts[1] if len(parts) > 2 else ""


def check_includes(path, text):
    layer, folder = layer_of(path)
    for number, line in enumerate(text.split("\n"), 1):
        m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if not m:
            continue
        quote, name = m.groups()
        if quote == "<":
            if layer in ("core", "proto") and SYSTEM.match(name):
                yield number, "system", f"{layer} includes <{name}>"
            continue
        to_layer, to_folder = layer_of(name)
        if to_layer not in LAYERS and to_layer not in FREE:
            yield number, "layer", f'"{name}" is not a path from the tree\'s top'
        elif layer in FREE:
            continue
        elif to_layer in FREE or ORDER.index(to_layer) > ORDER.index(layer):
            yield number, "layer", f"{layer} includes {to_layer}, which is above it"
        elif to_layer == layer and to_folder != folder:
            order = LAYERS[layer]
            if to_folder not in order:
                yield number, "layer", f"{to_layer}/{to_folder} is not in the table of folders"
            elif folder in order and order.index(to_folder) > order.index(folder):
                yield number, "layer", f"{layer}/{folder} includes {layer}/{to_folder}, listed after it"


def check_calls(path, code):
    layer, folder = layer_of(path)
    for number, line in enumerate(code.split("\n"), 1):
        for m in CALL.finditer(line):
            where, homes, instead = BANNED[m.group(1)]
            if layer in where and f"{layer}/{folder}" not in homes:
                yield number, "banned", f"{m.group(1)}(): use {instead}"


def check_shape(path, text, code):
    lines = text.split("\n")
    if len(lines) - 1 > FILE_LINES_MAX:
        yield 1, "size", f"{len(lines) - 1} lines, at most {FILE_LINES_MAX}: it has two ideas"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, "line", f"{len(line)} columns, at most {COLUMNS_MAX}"
        if "\t" in line:
            yield number, "line", "a tab"
        if line != line.rstrip():
            yield number, "line", "blanks at the end"
    start = 0
    for number, line in enumerate(code.split("\n"), 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            if number - start + 1 > FUNCTION_LINES_MAX:
                length = number - start + 1
                yield start, "size", f"a function of {length} lines, at most {FUNCTION_LINES_MAX}"
            start = 0


def check_goals(text):
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not re.match(r"(Test|ParameterizedTest|Theory)\(", line):
            continue
        rest = "\n".join(lines[number - 1 :])
        m = re.match(r"[^{]*\{\s*(/\*|//)", blank_none(rest))
        if not m:
            yield number, "goal", "the test's first comment says its goal"


def blank_none(text):
    """The text up to the body's first words: initialisers in the head have braces of their own."""
    head = re.match(r"[^\n]*(\n[^{\n][^\n]*)*\n\{", text)
    return "{" + text[head.end() :] if head else text


def check_tests(paths):
    tests = {p for p in paths if p.startswith("tests/unit/")}
    for path in paths:
        layer, folder = layer_of(path)
        if layer not in LAYERS or not path.endswith(".c") or not folder:
            continue
        base = os.path.basename(path)[:-2]
        place = f"tests/unit/{os.path.dirname(path)}/test_{base}"
        if not any(t == place + ".c" or t.startswith(place + "_") for t in tests):
            yield path, 1, "test", f"no {place}.c"


def check_places(paths):
    for path in paths:
        layer, folder = layer_of(path)
        if not path.endswith((".c", ".h")):
            continue
        if layer in LAYERS and folder not in LAYERS[layer]:
            yield path, 1, "layer", f"{layer}/{folder} is not in the table of folders"
        elif layer not in LAYERS and layer not in FREE:
            yield path, 1, "layer", f"no code in {layer}"


def check_text(path, text):
    is_spdx = bool(SPDX_NAMES.search(path)) or text.startswith("#!")
    head = text.split("\n", 3)[: 1 if path.endswith((".c", ".h")) else 3]
    if is_spdx and text.strip() and not any(SPDX in line for line in head):
        yield 1, "spdx", f"the first line holds {SPDX}"
    for number, line in enumerate(text.split("\n"), 1):
        if MACHINE.search(line):
            yield number, "path", "a path of one machine"
        if WORDS.search(line):
            yield number, "word", "a note of unfinished work"


def check_tree(root):
    paths = list(files_of(root))
    yield from check_places(paths)
    yield from check_tests(paths)
    for path in paths:
        full = os.path.join(root, path)
        if os.path.islink(full) or NO_TEXT.match(path):
            continue
        with open(full, "rb") as f:
            raw = f.read()
        if b"\0" in raw[:4096]:
            continue
        text = raw.decode("utf-8", "replace")
        found = list(check_text(path, text))
        if path.endswith((".c", ".h")):
            code = blank(text)
            found += check_includes(path, text)
            found += check_calls(path, code)
            found += check_shape(path, text, code)
            if path.startswith("tests/unit/"):
                found += check_goals(text)
        for number, rule, what in found:
            yield path, number, rule, what


def exceptions_of(root):
    """Rows RULE GLOB REASON; the reason is not optional."""
    rows = []
    name = "tools/check/exceptions.txt"
    try:
        with open(os.path.join(root, name), encoding="utf-8") as f:
            lines = f.read().split("\n")
    except FileNotFoundError:
        return name, rows
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(None, 2)
        if len(fields) != 3:
            sys.exit(f"{name}:{number}: a row is RULE PATH REASON")
        rows.append([number, fields[0], fields[1], 0])
    return name, rows


def findings(root):
    name, rows = exceptions_of(root)
    for path, number, rule, what in check_tree(root):
        for row in rows:
            if row[1] == rule and fnmatch.fnmatch(path, row[2]):
                row[3] += 1
                break
        else:
            yield f"{path}:{number}: {rule}: {what}"
    for number, rule, glob, used in rows:
        if not used:
            yield f"{name}:{number}: stale: {rule} {glob} lifts nothing"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../..")
    found = list(findings(os.path.abspath(root)))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
