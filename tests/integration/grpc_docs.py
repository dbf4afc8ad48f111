#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/grpc.md against the server: each row of its table of bad input over the wire, and its examples.

usage: grpc_docs.py [--print] [PART...]     --print writes the rows of the table as they are found
"""
import gzip
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from h2raw import H2, request
from harness import BUILD, ROOT, RUN, TICKCAST, Engine, case, check, equal, go_tool, main, need, run, wait_for

PAGE = os.path.join(ROOT, "docs", "grpc.md")
SERVICE = "/jts.marketdata.v1.MarketDataService/"
E2E = os.environ.get("TC_E2E_DIR") or os.path.join(ROOT, "build", "e2e")
SOURCES = [{"name": "main", "synth": {"symbols": 5, "rate": 100}}]
STATUS = """OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED
    RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS
    UNAUTHENTICATED""".split()
_engine = []


def engine():
    if not _engine:
        _engine.append(Engine(SOURCES, origins=["https://app.example"]))
    return _engine[0]


# ---------------------------------------------------------------- messages


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    raw = value if isinstance(value, bytes) else value.encode()
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def framed(body, flag=0, length=None):
    return struct.pack(">BI", flag, len(body) if length is None else length) + body


def rooms(*names):
    return b"".join(text(1, name) for name in names)


def place(room, log="l", pos=1, ts=0):
    return text(4, text(1, room) + text(2, text(1, log) + number(2, pos) + number(3, ts)))


# ---------------------------------------------------------------- calls


def said(fields):
    fields = dict(fields or ())
    if "grpc-status" not in fields:
        return None
    return STATUS[int(fields["grpc-status"])], urllib.parse.unquote(fields.get("grpc-message", ""))


def outcome(answer):
    """(status, message) of an answer over HTTP/2."""
    found = said(answer.trailers) or said(answer.fields)
    if found:
        return found
    if answer.reset is not None:
        return "RST_STREAM", str(answer.reset)
    code = re.search(rb'"code":"([a-z-]+)"', answer.body)
    return "HTTP %d" % answer.status, code.group(1).decode() if code else ""


def call(method, body, more=(), kind="application/grpc", path=None, verb="POST", end=True, port=None):
    fields = request(verb, path or SERVICE + method, [("te", "trailers"), ("content-type", kind), *more])
    with H2(port or engine().port) as h2:
        stream = h2.open(fields, end=not body and end)
        if body:
            h2.send_body(stream, body, end)
        return outcome(h2.answer(stream))


def subscribe(body, **more):
    return call("Subscribe", framed(body), **more)


def web(body, kind="application/grpc-web", more=""):
    """gRPC-Web over HTTP/1.1: the status is in the head if there is no body, or in a frame of the body."""
    head = "POST %sListRooms HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n" % (
        SERVICE, kind, len(body), more)
    got = b""
    with socket.create_connection(("127.0.0.1", engine().port), 5) as s:
        s.sendall(head.encode() + body)
        while part := s.recv(65536):
            got += part
    found = said(re.findall(r"^(grpc-[a-z]+): ?(.*?)\r$", got.decode("latin-1"), re.M | re.I))
    check(found, "no status in %r" % got[:300])
    return found


def flood():
    """More commands than the token bucket has."""
    with H2(engine().port) as h2:
        stream = h2.open(request("POST", SERVICE + "Stream", [("te", "trailers"), ("content-type", "application/grpc")]), end=False)
        h2.send_body(stream, framed(text(3, b"")) * 4000, end=False)
        return outcome(h2.answer(stream))


def drained():
    with Engine(SOURCES) as e, H2(e.port) as h2:
        fields = request("POST", SERVICE + "Subscribe", [("te", "trailers"), ("content-type", "application/grpc")])
        stream = h2.open(fields, end=False)
        h2.send_body(stream, framed(rooms("ticker-S0")))
        h2.wait(lambda: h2.answers[stream].body, "an event")
        e.signal(signal.SIGTERM)
        found = outcome(h2.answer(stream, 10))
        check(b"\x62" in h2.answers[stream].body, "no event of draining")
        return found


ROOM = rooms("ticker-S0")
BIG = 64 << 20

# Names are those of the page.
ROWS = {
    "`content-type` that is not gRPC's": lambda: call("Subscribe", framed(ROOM), kind="application/json"),
    "another HTTP method than POST": lambda: call("Subscribe", b"", verb="GET", kind="text/plain"),
    "a path that is not canonical (`/./a.B/C`)": lambda: call("", framed(b""), path="/./" + SERVICE[1:] + "ListRooms"),
    "another format than protobuf (`application/grpc+json`)": lambda: subscribe(ROOM, kind="application/grpc+json"),
    "no such service": lambda: call("", framed(b""), path="/a.B/C"),
    "no such method": lambda: call("Publish", framed(b"")),
    "`grpc-encoding` other than `identity` and `gzip`": lambda: subscribe(ROOM, more=[("grpc-encoding", "br")]),
    "`grpc-timeout` malformed": lambda: subscribe(ROOM, more=[("grpc-timeout", "5")]),
    "the deadline has passed": lambda: call("Subscribe", framed(ROOM), more=[("grpc-timeout", "50m")]),
    "no message": lambda: call("ListRooms", b""),
    "two messages": lambda: call("ListRooms", framed(b"") * 2),
    "the request ends inside a message": lambda: call("ListRooms", framed(b"", length=5)),
    "a message longer than the limit, as declared": lambda: call("ListRooms", framed(b"", length=BIG), end=False),
    "an unknown flag of a message": lambda: call("ListRooms", framed(b"", flag=2), end=False),
    "a frame of trailers": lambda: call("ListRooms", framed(b"", flag=0x80), end=False),
    "compressed without `grpc-encoding`": lambda: call("ListRooms", framed(b"", flag=1), end=False),
    "gzip that is damaged or followed by more": lambda: call("ListRooms", framed(b"junk", flag=1), more=[("grpc-encoding", "gzip")]),
    "gzip of more than the limit": lambda: call("ListRooms", framed(gzip.compress(bytes(4 << 20)), flag=1),
                                                more=[("grpc-encoding", "gzip")]),
    "a message that is not protobuf": lambda: call("ListRooms", framed(b"\xff")),
    "a text that is not UTF-8": lambda: call("ListRooms", framed(text(1, b"\xff"))),
    "`rooms` empty, or more than 1024": lambda: subscribe(b""),
    "`id` longer than 64 bytes": lambda: subscribe(ROOM + text(5, "a" * 65)),
    "`rate` other than `raw`": lambda: subscribe(ROOM + text(3, "1/s")),
    "an illegal name, alone": lambda: subscribe(rooms("a b")),
    "an unknown room, alone": lambda: subscribe(rooms("weather")),
    "a private room, alone": lambda: subscribe(rooms("orders-1")),
    "several rooms, and none can be had": lambda: subscribe(rooms("weather", "orders-1")),
    "`from` of a room that is not among `rooms`": lambda: subscribe(ROOM + place("ticker-S1")),
    "`from` of a room twice": lambda: subscribe(ROOM + place("ticker-S0") * 2),
    "`log` of `from` empty or longer than 400 bytes": lambda: subscribe(ROOM + place("ticker-S0", log="")),
    "`pos` or `ts_ms` of `from` negative": lambda: subscribe(ROOM + place("ticker-S0", pos=-1)),
    "`GetSnapshot` of an unknown room": lambda: call("GetSnapshot", framed(text(1, "weather"))),
    "`GetSnapshot` of a room without a value": lambda: call("GetSnapshot", framed(text(1, "ticker-S77"))),
    "`page_size` above 1000": lambda: call("ListRooms", framed(number(2, 1001))),
    "`page_token` of no page": lambda: call("ListRooms", framed(text(3, "x"))),
    "too many commands": flood,
    "health of an unknown service": lambda: call("", framed(text(1, "a.B")), path="/grpc.health.v1.Health/Check"),
    "gRPC-Web from a foreign origin": lambda: web(framed(b""), more="Origin: https://evil.example\r\n"),
    "gRPC-Web text that is not base64": lambda: web(b"!!!!", kind="application/grpc-web-text"),
    "gRPC-Web text that ends inside base64": lambda: web(b"AAAAA", kind="application/grpc-web-text"),
    "the server stops": drained,
}


def table():
    """{input: (status, message)} of the page."""
    found = {}
    for line in open(PAGE, encoding="utf-8"):
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) == 3 and re.match(r"`([A-Z_]+|HTTP \d+)`$", cells[1]):
            found[cells[0]] = (cells[1].strip("`"), cells[2].strip("`"))
    return found


@case
def table_is_whole():
    """The page has the rows that are tried here, and no other."""
    equal(sorted(table()), sorted(ROWS), "rows")


def row_case(name, attempt):
    def one():
        equal(attempt(), table().get(name), name)
        check(engine().process.poll() is None, "the engine has ended")
    one.__name__ = "row_" + re.sub(r"\W+", "_", name)
    case(one)


for row_name, row_attempt in ROWS.items():
    row_case(row_name, row_attempt)


# ---------------------------------------------------------------- examples


def example(language):
    found = re.findall(r"```%s\n(.*?)```" % language, open(PAGE, encoding="utf-8").read(), re.S)
    check(found, "no example of %s" % language)
    return found[0].replace("127.0.0.1:8080", "127.0.0.1:%d" % engine().port).replace("ticker-BTCUSDT", "ticker-S0")


def in_tree(argv, **more):
    """With the paths of the tree, as the page has them."""
    code, out, err = run(argv, 60, cwd=ROOT, env=dict(os.environ, **more))
    equal(code, 0, "exit code (%s)" % (out + err)[-600:])
    return out


@case
def example_python():
    """The page's program prints three updates."""
    file = os.path.join(RUN, "example.py")
    with open(file, "w") as f:
        f.write(example("python"))
    out = in_tree([os.path.join(E2E, "venv", "bin", "python"), file])
    equal(len(re.findall(r"^\d+ \S*b?'?\{.*\"symbol\"", out, re.M)), 3, "updates in %r" % out[:300])


@case
def example_node():
    file = os.path.join(E2E, "example-%d.mjs" % os.getpid())  # beside node_modules
    try:
        with open(file, "w") as f:
            f.write(example("js"))
        out = in_tree(["node", file])
    finally:
        os.unlink(file)
    equal(len(re.findall(r"^\d+ \{.*\"symbol\"", out, re.M)), 3, "updates in %r" % out[:300])


@case
def example_shell():
    """Each command of the page by itself; a subscription is ended after its first events."""
    grpcurl = go_tool("grpcurl", is_needed=False)
    path = os.pathsep.join([os.path.dirname(grpcurl or ""), BUILD, os.environ["PATH"]])
    commands = [line for line in example("sh").split("\n") if line and not line.startswith("#")]
    check(len(commands) >= 5, "only %d commands" % len(commands))
    commands = [c for c in commands if grpcurl or not c.startswith("grpcurl")]
    for command in commands:
        out = in_tree(["bash", "-c", "set -o pipefail; " + command], PATH=path)
        check(out.strip(), "nothing from %s" % command)


if __name__ == "__main__":
    need(TICKCAST)
    if "--print" in sys.argv:
        for name, attempt in ROWS.items():
            print("| %s | `%s` | `%s` |" % (name, *attempt()))
        sys.exit(0)
    need("node", "npm")
    code, out, err = run([os.path.join(ROOT, "tests", "e2e", "setup.sh")], 300)
    check(code == 0, "set-up: %s" % (out + err)[-600:])
    main()
