#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input: configurations, start-up, HTTP, WebSocket frames, commands, origins, limits of connections."""
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import RUN, TICKCAST, Closed, Engine, Ws, case, check, equal, http, main, run, start, wait_for

SYNTH = {"name": "main", "synth": {"symbols": 4, "rate": 200, "burst": 1, "payload_bytes": 150, "seed": 1,
                                   "room": "ticker-S{n}", "event": "ticker-update"}}
_engine = []


def engine():
    if not _engine:
        _engine.append(Engine([SYNTH], origins=["https://ui.example"]))
    return _engine[0]


# ---------------------------------------------------------------- configuration

GOOD = """listen: "127.0.0.1:1"
sources:
  - name: main
    kafka:
      brokers: "127.0.0.1:9092"
      start: latest
      topics:
        - { topic: ticks, format: json, room: "ticker-{key}", event: ticker-update, class: latest }
"""

REPLAY = """listen: "127.0.0.1:1"
sources:
  - name: main
    replay:
      file: "no-such-recording.jsonl.gz"
"""

# name, text, the line that must be named, a part of the message
CONFIGS = [
    ("unknown key", GOOD + "colour: red\n", 9, "colour"),
    ("unknown nested key", GOOD + "workers: { count: 1, speed: 2 }\n", 9, "speed"),
    ("wrong type", GOOD + "workers:\n  count: many\n", 10, "count"),
    ("out of range", GOOD + "limits:\n  event_bytes: 99999999999\n", 10, "event_bytes"),
    ("not YAML", GOOD + "workers: { count: 1\n", None, ""),
    ("a key twice", GOOD + "reactor: auto\nreactor: epoll\n", 10, "reactor"),
    ("unknown value", GOOD + "reactor: kqueue\n", 9, "kqueue"),
    ("template with an unknown part", GOOD.replace("{key}", "{keys}"), 8, "keys"),
    ("template with an open brace", GOOD.replace("{key}", "{key"), 8, ""),
    ("template with an illegal byte", GOOD.replace("ticker-{key}", "ticker {key}"), 8, ""),
    ("class book", GOOD.replace("class: latest", "class: book"), 8, "book"),
    ("class every", GOOD.replace("class: latest", "class: every"), 8, "every"),
    ("private rooms", GOOD.replace("ticker-{key}", "orders-{key}"), 8, "orders-"),
    ("two topics, one room", GOOD + '        - { topic: other, format: json, room: "ticker-{header:s}", event: x-update, class: latest }\n',
     9, "ticker-"),
    ("no source", 'listen: "127.0.0.1:1"\n', None, "source"),
    ("bad address", GOOD.replace("127.0.0.1:1\"", "nowhere\""), 1, "listen"),
    ("bad start", GOOD.replace("start: latest", "start: soonish"), 6, "start"),
    ("property unknown to librdkafka", GOOD + '      properties: { bogus.key: "1" }\n', 9, "bogus.key"),
    ("property of a wrong value", GOOD + '      properties:\n        fetch.wait.max.ms: "abc"\n', 10, "fetch.wait.max.ms"),
    ("no such recording", REPLAY, 5, "no-such-recording.jsonl.gz"),
]


def check_config(text, *args):
    file = os.path.join(RUN, "bad.yaml")
    with open(file, "w") as f:
        f.write(text)
    return run([TICKCAST, args[0] if args else "check-config", *([] if not args else ["--config"]), file])


def config_case(name, text, line, part):
    def configuration():
        code, out, err = check_config(text)
        said = out + err
        equal(code, 1, "exit code (said %r)" % said[:300])
        if line:
            check(re.search(r"\b%d:[1-9]" % line, said) or re.search(r"line %d\b.*col" % line, said),
                  "line %d and a column are not named: %r" % (line, said[:300]))
        check(part in said, "%r is not named: %r" % (part, said[:300]))
        code, out, err = check_config(text, "run")
        equal(code, 1, "exit code of run")
        if line:
            check(re.search(r":%d:[1-9]" % line, out + err), "run names no line %d and column: %r" % (line, (out + err)[:300]))
    configuration.__name__ = "configuration_" + re.sub(r"\W+", "_", name)
    case(configuration)


for row in CONFIGS:
    config_case(*row)


@case
def good_configuration():
    """The base of the cases above is itself accepted, and so is what default-config prints."""
    code, out, err = check_config(GOOD)
    equal(code, 0, "exit code (%s)" % (out + err)[:300])
    code, out, _ = run([TICKCAST, "default-config"])
    equal(code, 0, "default-config")
    code, out, err = check_config(out)
    equal(code, 0, "check-config of default-config (%s)" % (out + err)[:300])


@case
def usage_errors():
    """Unknown subcommands and arguments: exit 2."""
    for args in (["fly"], ["run", "--fast"], ["run"], ["sub"], ["check-config"], ["rooms", "http://a", "http://b"], ["rooms", "ws://a/ws"],
                 ["sub", "a", "--grpc", "--url", "ws://a/ws"]):
        equal(run([TICKCAST, *args])[0], 2, "exit code of %s" % args)
    code, _, err = run([TICKCAST, "sub", "a", "ws://a/ws"])
    check(code == 2 and "--url ws://a/ws" in err, "exit code %s: %s" % (code, err))
    for args in (["--help"], ["run", "--help"], ["sub", "--help"], ["rooms", "--help"], ["pub", "--help"], ["version"]):
        equal(run([TICKCAST, *args])[0], 0, "exit code of %s" % args)


@case
def sub_says_how_it_ended():
    """Exit 4 and why: a room that is refused beside one that is not, an engine that went away; else 0."""
    with Engine([SYNTH]) as e:
        url = ["--url", "ws://127.0.0.1:%d/ws" % e.port]
        code, out, err = run([TICKCAST, "sub", "ticker-S1", "--seconds", "1", *url])
        check(code == 0 and "ticker-S1" in out, "a good end: %s %s" % (code, err[-300:]))
        code, out, err = run([TICKCAST, "sub", "orders-1", "ticker-S1", "--seconds", "1", *url])
        check(code == 4 and "ticker-S1" in out and "refused 1 of 2 rooms: orders-1" in err, "refused: %s %s" % (code, err[-300:]))
        process = start([TICKCAST, "sub", "ticker-S1", "--seconds", "3", "--quiet", *url], stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
        wait_for(lambda: e.metrics()["tickcast_members"] == 1, 5, "the subscription")
        e.kill()
        _, err = process.communicate(timeout=20)
        check(process.returncode == 4 and b"not connected at the end" in err, "went away: %s %s" % (process.returncode, err[-300:]))


# ---------------------------------------------------------------- start-up


def fails_to_start(what, *parts, files=None, **more):
    e = Engine([SYNTH], ready=False, files=files, **more)
    try:
        e.process.wait(15)
    finally:
        code = e.process.poll()
        if code is None:
            e.kill()
    equal(code, 3, "exit code with %s; said %s" % (what, e.log()[-300:]))
    for part in parts:
        check(part in e.log(), "%r is not named: %s" % (part, e.log()[-400:]))


@case
def port_in_use():
    """The port taken by another program, and by another tickcast: exit 3 and the port is named."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        fails_to_start("a port in use", str(port), port=port)
    fails_to_start("a port of another tickcast", str(engine().port), port=engine().port)
    equal(http(engine().port, "/health")[0], 200, "the first one goes on")


@case
def cpu_that_does_not_exist():
    """A cpu that is not there: exit 3 and it is named."""
    fails_to_start("cpu 1000", "1000", workers={"count": 1, "cpus": [1000]})


@case
def limits_too_small():
    """Memory or descriptors that cannot hold the configured limits: exit 3 and how to mend it."""
    fails_to_start("1 MiB of memory", "memory", limits={"memory_bytes": 1048576})
    fails_to_start("200 descriptors for 20000 connections", "descriptors", files=200)


# ---------------------------------------------------------------- HTTP

HEAD = "GET /ws HTTP/1.1\r\nHost: x\r\n%s\r\n"
UPGRADE = ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
GET = "GET /health HTTP/1.1\r\nHost: x\r\n%s\r\n"

# name, bytes, statuses that are right (None: closed without an answer)
REQUESTS = [
    ("not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", (400, None)),
    ("unknown method", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", (400, 405, 501)),
    ("no version", "GET /\r\n\r\n", (400, None)),
    ("HTTP/3.0", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", (400, 505)),
    ("no Host", "GET /health HTTP/1.1\r\n\r\n", (400,)),
    ("two Hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", (400,)),
    ("length and chunked", GET % "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", (400,)),
    ("two lengths", GET % "Content-Length: 3\r\nContent-Length: 4\r\n", (400,)),
    ("signed length", GET % "Content-Length: +3\r\n", (400,)),
    ("negative length", GET % "Content-Length: -1\r\n", (400,)),
    ("hex length", GET % "Content-Length: 0x3\r\n", (400,)),
    ("double chunked", GET % "Transfer-Encoding: chunked, chunked\r\n", (400, 501)),
    ("hidden chunked", GET % "Transfer-Encoding: xchunked\r\n", (400, 501)),
    ("folded field", GET % "X-A: b\r\n  c\r\n", (400,)),
    ("space before colon", GET % "X-A : b\r\n", (400,)),
    ("NUL in a field", GET % "X-A: b\0c\r\n", (400,)),
    ("bare CR", GET % "X-A: b\rc\r\n", (400,)),
    ("bare LF", "GET /health HTTP/1.1\nHost: x\n\n", (400,)),
    ("space in the target", "GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n", (400,)),
    ("absolute form of another host", "GET http://evil/health HTTP/1.1\r\nHost: x\r\n\r\n", (400,)),
    ("65 fields", GET % "".join("X-%d: y\r\n" % n for n in range(65)), (431,)),
    ("a head of 20 KB", GET % ("X-A: %s\r\n" % ("y" * 20000)), (431,)),
    ("a target of 20 KB", "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % ("y" * 20000), (431, 414)),
    ("upgrade without a key", HEAD % "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", (400,)),
    ("key of a wrong length", HEAD % UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), (400,)),
    ("key that is not base64", HEAD % UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "!!!!IHNhbXBsZSBub25jZQ=="), (400,)),
    ("two keys", HEAD % (UPGRADE + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), (400,)),
    ("version 8", HEAD % UPGRADE.replace(": 13", ": 8"), (426, 400)),
    ("no Connection: Upgrade", HEAD % UPGRADE.replace("Connection: Upgrade", "Connection: close"), (400, 426)),
    ("POST upgrade", (HEAD % UPGRADE).replace("GET", "POST"), (400, 405)),
    ("foreign origin", HEAD % (UPGRADE + "Origin: https://evil.example\r\n"), (403,)),
    ("origin null", HEAD % (UPGRADE + "Origin: null\r\n"), (403,)),
    ("origin that only begins alike", HEAD % (UPGRADE + "Origin: https://ui.example.evil\r\n"), (403,)),
]


def answer(port, text, within=5):
    """Status of the answer and whether the connection was closed after it."""
    with socket.create_connection(("127.0.0.1", port), within) as s:
        try:
            s.sendall(text.encode("latin-1"))
        except OSError:
            pass
        got, closed = b"", False
        end = time.monotonic() + within
        while time.monotonic() < end:
            s.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = s.recv(65536)
            except socket.timeout:
                break
            except OSError:
                more = b""
            if not more:
                closed = True
                break
            got += more
    return (int(got.split()[1]) if got.startswith(b"HTTP/1.1 ") else None), closed, len(re.findall(rb"(?m)^HTTP/1\.1 \d", got))


def request_case(name, text, wanted):
    def request():
        status, closed, count = answer(engine().port, text, 3)
        check(status in wanted, "answered %s, wanted %s" % (status, wanted))
        check(count <= 1, "%d answers to one request" % count)
        if status not in (403, 404, 405, 426):
            check(closed, "the connection stays open after %s" % status)
    request.__name__ = "request_" + re.sub(r"\W+", "_", name)
    case(request)


for row in REQUESTS:
    request_case(*row)


@case
def allowed_origins():
    """No Origin, the listed one and the same origin are let in."""
    port = engine().port
    for headers in ([], ["Origin: https://ui.example"], ["Origin: http://127.0.0.1:%d" % port]):
        with Ws(port, headers=headers) as ws:
            equal(ws.status, 101, "status with %s" % headers)


@case
def slow_head():
    """A head that does not come in time: 408 or closed."""
    with Engine([SYNTH], timeouts={"head_ms": 1000}) as e, socket.create_connection(("127.0.0.1", e.port), 5) as s:
        s.sendall(b"GET / HT")
        begin = time.monotonic()
        s.settimeout(6)
        got = s.recv(4096)
        check(0.5 < time.monotonic() - begin < 5, "after %.1f s" % (time.monotonic() - begin))
        check(not got or b" 408 " in got.split(b"\r\n")[0], "answer: %r" % got[:100])


# ---------------------------------------------------------------- WebSocket frames

FRAMES = [
    ("no mask", lambda ws: ws.send_frame(0x81, b"{}", mask=False), (1002,)),
    ("RSV1", lambda ws: ws.send_frame(0xC1, b"{}"), (1002,)),
    ("RSV2", lambda ws: ws.send_frame(0xA1, b"{}"), (1002,)),
    ("opcode 3", lambda ws: ws.send_frame(0x83, b"{}"), (1002,)),
    ("opcode 11", lambda ws: ws.send_frame(0x8B, b""), (1002,)),
    ("continuation of nothing", lambda ws: ws.send_frame(0x80, b"{}"), (1002,)),
    ("ping of 126 bytes", lambda ws: ws.send_frame(0x89, b"x" * 126), (1002,)),
    ("ping in fragments", lambda ws: ws.send_frame(0x09, b"x"), (1002,)),
    ("close code 1005", lambda ws: ws.send_frame(0x88, struct.pack(">H", 1005)), (1002,)),
    ("half a close code", lambda ws: ws.send_frame(0x88, b"\x03"), (1002,)),
    ("binary", lambda ws: ws.send_frame(0x82, b"{}"), (1003,)),
    ("bad UTF-8", lambda ws: ws.send_frame(0x81, b'{"event":"\xff"}'), (1007,)),
    ("bad UTF-8 in a first fragment", lambda ws: ws.send_frame(0x01, b'{"event":"\xff'), (1007,)),
    ("a message of 65 KiB", lambda ws: ws.send_frame(0x81, b" " * (65 * 1024)), (1009,)),
    ("a length of 2^63", lambda ws: ws.socket.sendall(b"\x81\xff" + struct.pack(">Q", 1 << 63) + b"abcd"), (1002, 1009)),
    ("a length of 2^40", lambda ws: ws.socket.sendall(b"\x81\xff" + struct.pack(">Q", 1 << 40) + b"abcdx"), (1009,)),
    ("a length not in its shortest form", lambda ws: ws.socket.sendall(b"\x81\xfe\x00\x02abcd{}"), (1002,)),
    ("17 fragments", lambda ws: [ws.send_frame(1 if not n else 0, b" ") for n in range(17)], (1008, 1009)),
    ("endless empty fragments", lambda ws: [ws.send_frame(1 if not n else 0, b"") for n in range(100)], (1008, 1009)),
    ("a flood of pings", lambda ws: [ws.send_frame(0x89, b"") for _ in range(500)], (1008,)),
]


def frame_case(name, send, wanted):
    def frames():
        with Ws(engine().port) as ws:
            try:
                send(ws)
            except OSError:
                pass  # ended while sending
            code = ws.close_code(5)
            check(code in wanted, "closed with %s, wanted %s" % (code, wanted))
        with Ws(engine().port) as ws:
            ws.subscribe("ticker-S0")
    frames.__name__ = "frame_" + re.sub(r"\W+", "_", name)
    case(frames)


for row in FRAMES:
    frame_case(*row)


# ---------------------------------------------------------------- commands

COMMANDS = [
    ("not JSON", "hello", "bad-request"),
    ("an array", "[]", "bad-request"),
    ("no event", '{"data":1}', "bad-request"),
    ("event is a number", '{"event":1}', "bad-request"),
    ("cut off", '{"event":"ping"', "bad-request"),
    ("two values", '{"event":"ping"}{}', "bad-request"),
    ("too deep", '{"event":"subscribe","data":' + "[" * 20 + "]" * 20 + "}", "bad-request"),
    ("id is an object", '{"event":"ping","id":{}}', "bad-request"),
    ("id too long", '{"event":"ping","id":"%s"}' % ("x" * 65), "bad-request"),
    ("a key twice", '{"event":"ping","event":"pong"}', "bad-request"),
    ("unknown event", '{"event":"buy","data":1}', "unknown-event"),
    ("subscribe without data", '{"event":"subscribe"}', "bad-request"),
    ("rooms is a string", '{"event":"subscribe","data":{"rooms":"ticker-S0"}}', "bad-request"),
    ("a room is a number", '{"event":"subscribe","data":{"rooms":[1]}}', "bad-request"),
    ("no rooms", '{"event":"subscribe","data":{"rooms":[]}}', "bad-request"),
    ("from without pos", '{"event":"subscribe","data":{"rooms":["ticker-S0"],"from":{"ticker-S0":{"log":"a"}}}}', "bad-request"),
    ("from with a negative pos", '{"event":"subscribe","data":{"rooms":["ticker-S0"],"from":{"ticker-S0":{"log":"a","pos":-2}}}}',
     "bad-request"),
    ("snapshot is a number", '{"event":"subscribe","data":{"rooms":["ticker-S0"],"snapshot":1}}', "bad-request"),
    ("illegal room", '{"event":"subscribe","data":{"rooms":["*"]}}', "room-illegal"),
    ("unknown room", '{"event":"subscribe","data":{"rooms":["weather"]}}', "room-unknown"),
    ("private room", '{"event":"subscribe","data":{"rooms":["orders-7"]}}', "not-supported"),
    ("a rate", '{"event":"subscribe","data":{"rooms":["ticker-S0"],"rate":"1s"}}', "not-supported"),
]


def command_case(name, text, code):
    def command():
        with Ws(engine().port) as ws:
            ws.send_frame(0x81, text.encode())
            error = ws.expect("error")
            equal(error["code"], code, "code (%s)" % error)
            check(error.get("message"), "no message: %s" % error)
            ws.send("ping", id=1)
            ws.expect("pong", id=1)
    command.__name__ = "command_" + re.sub(r"\W+", "_", name)
    case(command)


for row in COMMANDS:
    command_case(*row)


@case
def errors_carry_the_id():
    """The error repeats the id of its command and names the room."""
    with Ws(engine().port) as ws:
        ws.send("subscribe", {"rooms": ["weather"]}, id="abc")
        error = ws.expect("error")
        equal((error["id"], error["room"]), ("abc", "weather"), "id and room")


@case
def too_many_rooms():
    """More rooms than allowed on one connection: too-many-rooms, and those before it stay."""
    with Engine([SYNTH], limits={"conn_rooms": 8}) as e, Ws(e.port) as ws:
        for n in range(8):
            ws.subscribe("ticker-S%d" % n)
        ws.send("subscribe", {"rooms": ["ticker-S8"]}, id=1)
        equal(ws.expect("error", id=1)["code"], "too-many-rooms", "code")
        ws.send("unsubscribe", {"rooms": ["ticker-S0"]})
        ws.expect("unsubscribed")
        ws.subscribe("ticker-S8")
    with Ws(engine().port) as ws:
        ws.send("subscribe", {"rooms": ["ticker-S%d" % n for n in range(1025)]}, id=2)
        check(ws.expect("error", id=2)["code"] in ("too-many-rooms", "bad-request"), "1025 rooms in one command")


@case
def too_fast():
    """Too many commands: rate-limited, then 1008; others are not touched."""
    other = Ws(engine().port)
    other.subscribe("ticker-S0")
    with Ws(engine().port) as ws:
        body = json.dumps({"event": "ping"}).encode()
        frame = bytes([0x81, 0x80 | len(body)]) + b"\0\0\0\0" + body
        code, codes = None, set()
        try:
            for _ in range(200):
                ws.socket.sendall(frame * 50)
        except OSError:
            pass
        try:
            while True:
                event = ws.next(5)
                if event["event"] == "error":
                    codes.add(event["code"])
        except Closed as closed:
            code = closed.code
        except OSError:
            pass
        check(codes == {"rate-limited"}, "error codes: %s" % codes)
        equal(code, 1008, "close code")
    other.expect("ticker-update")
    other.close()


# ---------------------------------------------------------------- connections


@case
def connections_beyond_the_limit():
    """The connection beyond the limit is refused politely; after one left, the next is served."""
    with Engine([SYNTH], limits={"connections": 8}) as e:
        held = [Ws(e.port) for _ in range(8)]
        status, closed, _ = answer(e.port, GET % "", 3)
        check(status in (503, None) and closed, "refused with %s" % status)
        held[0].subscribe("ticker-S0")
        held.pop().close()

        def served():
            try:
                with Ws(e.port, timeout=1) as ws:
                    return ws.status == 101
            except (OSError, Closed, IndexError):
                return False
        wait_for(served, 5, "a place that became free")
        for ws in held:
            ws.close()


@case
def descriptors_run_out():
    """No descriptors left: no spin, those inside are served, and it recovers."""
    with Engine([SYNTH], files=120, limits={"connections": 32}) as e:
        inside = Ws(e.port)
        inside.subscribe("ticker-S0")
        crowd = []
        for _ in range(200):
            s = socket.socket()
            s.settimeout(1)
            s.connect(("127.0.0.1", e.port))
            crowd.append(s)
        cpu = e.cpu_s()
        begin = time.monotonic()
        while time.monotonic() - begin < 2:
            inside.expect("ticker-update")
        used = (e.cpu_s() - cpu) / (time.monotonic() - begin)
        check(used < 0.5, "%.0f %% of a core while refusing" % (used * 100))
        for s in crowd:
            s.close()

        def served():
            try:
                with Ws(e.port, timeout=1) as ws:
                    return ws.status == 101
            except (OSError, Closed, IndexError):
                return False
        wait_for(served, 5, "recovery")
        inside.close()


if __name__ == "__main__":
    main()
