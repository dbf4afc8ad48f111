#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reference of the protobuf schema, docs/schema.md, from the comments of its .proto files.

usage: schema_page.py > docs/schema.md     tests/integration/docs.py says when it is stale

Reads the subset of the language that our files keep to: one declaration or field a line, its comment in the lines
before it. What it does not understand is an error, not a gap in the page.
"""
import os
import re
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
FOLDER = "proto/schema/jts/marketdata/v1"
FILES = "marketdata request event tick".split()
HEAD = """# Schema

<!-- SPDX-License-Identifier: Apache-2.0. Made by tests/tools/schema_page.py from the files in {folder}. -->

The messages of package `jts.marketdata.v1`. [grpc.md](grpc.md) says how they are used. `optional` fields may be absent; other
fields have their zero then.
"""


def anchor(name):
    return name.lower()


def cell(text):
    return text.replace("|", "\\|")


class Page:
    def __init__(self):
        self.out = [HEAD.format(folder=FOLDER).rstrip()]
        self.names = set()

    def type_of(self, name):
        bare = name.rsplit(".", 1)[-1]
        return "[%s](#%s)" % (bare, anchor(bare)) if bare in self.names else "`%s`" % name

    def field(self, note, label, kind, name, number):
        pair = re.match(r"map<(\w+), (\w+)>$", kind)
        shown = "map of %s to %s" % tuple(self.type_of(k) for k in pair.groups()) if pair else self.type_of(kind)
        if label:
            shown = "%s %s" % (label, shown)
        self.out.append("| %s | `%s` | %s | %s |" % (number, name, shown, cell(note)))

    def begin(self, word, name, note):
        self.out += ["", "### %s" % name, "", note]
        if word == "service":
            self.out += ["", "| method | request | answer | |", "|---|---|---|---|"]
        elif word == "message":
            self.out += ["", "| number | field | type | |", "|---|---|---|---|"]
        else:
            self.out += ["", "| number | value | |", "|---|---|---|"]

    def line(self, where, text, notes, inside):
        """One line that is no comment; returns what it is inside of afterwards."""
        note = " ".join(notes)
        found = re.match(r"(message|enum|service) (\w+) \{$", text)
        if found and not inside:
            if not note:
                sys.exit("%s: no comment" % where)
            self.begin(found.group(1), found.group(2), note)
            return [found.group(1)]
        found = re.match(r"oneof \w+ \{$", text)
        if found and inside == ["message"]:
            return inside + ["oneof"]
        if text == "}" and inside:
            return inside[:-1]
        found = re.match(r"(?:(optional|repeated) )?([\w.]+|map<\w+, \w+>) (\w+) = (\d+);$", text)
        if found and inside and inside[0] == "message":
            self.field(note, "one of" if inside[-1] == "oneof" else found.group(1), *found.groups()[1:])
            return inside
        found = re.match(r"(\w+) = (\d+);$", text)
        if found and inside == ["enum"]:
            self.out.append("| %s | `%s` | %s |" % (found.group(2), found.group(1), cell(note)))
            return inside
        found = re.match(r"rpc (\w+)\((stream )?(\w+)\) returns \((stream )?(\w+)\);$", text)
        if found and inside == ["service"]:
            name, many_in, kind_in, many_out, kind_out = found.groups()
            self.out.append("| `%s` | %s%s | %s%s | %s |" % (name, many_in or "", self.type_of(kind_in), many_out or "",
                                                            self.type_of(kind_out), cell(note)))
            return inside
        sys.exit("%s: not understood: %s" % (where, text))

    def file(self, name):
        path = os.path.join(FOLDER, name + ".proto")
        notes, inside, is_head = [], [], True
        self.out += ["", "## %s.proto" % name]
        for number, line in enumerate(open(os.path.join(ROOT, path), encoding="utf-8"), 1):
            line = line.strip()
            if line.startswith("//"):
                notes.append(line[2:].strip())
            elif not line:
                if is_head and notes and not notes[0].startswith("SPDX"):
                    self.out += ["", self.prose(notes)]
                notes = []
            elif re.match(r"(syntax|package|import|option) ?", line):
                notes = []
            else:
                inside = self.line("%s:%d" % (path, number), line, notes, inside)
                notes, is_head = [], False
        if inside:
            sys.exit("%s: a } is missing" % path)

    @staticmethod
    def prose(notes):
        return "\n\n".join(" ".join(part) for part in split(notes))


def split(notes):
    """Paragraphs: an empty line of the comment parts them."""
    parts = [[]]
    for note in notes:
        if note:
            parts[-1].append(note)
        else:
            parts.append([])
    return [part for part in parts if part]


def main():
    page = Page()
    for name in FILES:
        with open(os.path.join(ROOT, FOLDER, name + ".proto"), encoding="utf-8") as f:
            page.names.update(re.findall(r"^(?:message|enum) (\w+) \{", f.read(), re.M))
    for name in FILES:
        page.file(name)
    print("\n".join(page.out))


if __name__ == "__main__":
    main()
