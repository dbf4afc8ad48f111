#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tickcast bench` against engines and against servers that cheat."""
import base64
import hashlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, TICKCAST, Engine, Tls, case, check, equal, free_port, main, make_cert, need, run, start, wait_for

ROOMS = 20
FEED = {"name": "main", "synth": {"symbols": ROOMS, "rate": 200, "burst": 20, "payload_bytes": 150, "seed": 1,
                                  "room": "ticker-S{n}", "event": "ticker-update"}}
SHORT = ("--warm-ms", "300", "--window-ms", "400")
_engine = []


def engine():
    if not _engine:
        _engine.append(Tls([make_cert("bench", "localhost")], [FEED]))
    return _engine[0]


def bench(*words, **more):
    return run([TICKCAST, "bench", *(str(w) for w in words)], **more)


def measured(*words, address=None):
    """The windows of a run with figures. Where others keep the machine busy, a moment may be missed: tried again."""
    address = address or "127.0.0.1:%d" % engine().port
    for _ in range(5):
        code, out, err = bench("--connect", address, "--json", "--windows", 2, *SHORT, *words)
        lines = [json.loads(line) for line in out.splitlines()]
        check(lines and "ready" in lines[0], "no connections: %s" % err)
        windows = lines[1:]
        if code == 0:
            check(all(w["valid"] and w["why"] == "" for w in windows) and len(windows) == 2, out)
            return windows
        equal(code, 4, "exit code; " + out + err)
        for w in windows:
            check(w["valid"] or (w["ns_per_delivery"] is None and w["latency_us"] is None and w["per_s"] is None and w["why"]),
                  "a void window has figures: %s" % w)
        check(all("no moment" in w["why"] or "busy" in w["why"] for w in windows if not w["valid"]), out)
    raise AssertionError("no figure in 5 tries: %s" % out)


def near(value, wanted, what):
    check(0.6 * wanted < value < 1.5 * wanted, "%s: %s, about %s was due" % (what, value, wanted))


# ---------------------------------------------------------------- what it measures


@case
def websocket():
    """One room: every update once to each connection, the CPU of the process, intended times."""
    for w in measured("--conns", 40, "--pid", engine().process.pid):
        equal(w["deliveries"], w["expected"], "deliveries")
        near(w["per_s"], 40 * 10, "deliveries/s")
        check(w["ns_per_delivery"] > 0 and w["latency_us"]["count"] > 0 and w["latency_us"]["p50"] > 0, w)


@case
def grpc():
    """The same over gRPC."""
    for w in measured("--dialect", "grpc", "--conns", 40, "--pid", engine().process.pid):
        near(w["per_s"], 40 * 10, "deliveries/s")
        check(w["latency_us"]["count"] > 0, w)


@case
def tls():
    """Both over TLS."""
    for dialect in ("tickcast", "grpc"):
        for w in measured("--tls", "--dialect", dialect, "--conns", 20, address="127.0.0.1:%d" % engine().tls):
            near(w["per_s"], 20 * 10, "deliveries/s of " + dialect)


@case
def follow_in_processes():
    """Many rooms per connection over several processes: each (connection, room) has a chain of its own."""
    for dialect in ("tickcast", "grpc"):
        for w in measured("--dialect", dialect, "--conns", 30, "--procs", 3, "--rooms", ROOMS, "--follow", 8):
            near(w["per_s"], 30 * 8 * 10, "deliveries/s of " + dialect)
            equal((w["procs"], w["follow"]), (3, 8), "what it says of itself")


@case
def two_servers():
    """Processes share several servers; the account is one."""
    with Engine([FEED]) as other:
        address = "127.0.0.1:%d,127.0.0.1:%d" % (engine().port, other.port)
        for w in measured("--conns", 20, "--procs", 4, "--pid", "%d,%d" % (engine().process.pid, other.process.pid), address=address):
            near(w["per_s"], 20 * 10, "deliveries/s")


@case
def rooms_by_name():
    """Rooms may be named one by one."""
    for w in measured("ticker-S3", "ticker-S5", "--conns", 10, "--follow", 2):
        near(w["per_s"], 10 * 2 * 10, "deliveries/s")


@case
def slow_ones():
    """Connections that stop reading are not measured, and the others are complete."""
    for w in measured("--conns", 20, "--slow", 5):
        near(w["per_s"], 15 * 10, "deliveries/s")


@case
def churn():
    """Connections that come and go keep their rate and do not disturb the account."""
    for dialect in ("tickcast", "grpc"):
        for w in measured("--dialect", dialect, "--conns", 20, "--procs", 2, "--churn", 300):
            near(w["churn_per_s"], 300, "commands/s of " + dialect)
            near(w["per_s"], 20 * 10, "deliveries/s")


@case
def idle():
    """Idle connections stay until the end of input, in each dialect, with the calls that were asked for."""
    for words in ((), ("--dialect", "grpc", "--streams", "30"), ("--dialect", "grpc", "--streams", "0"), ("--procs", "2")):
        process = start([TICKCAST, "bench", "--connect", "127.0.0.1:%d" % engine().port, "--idle", "--json", "--conns", "24",
                         *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = json.loads(process.stdout.readline())
        equal(line["ready"], 24, "ready")
        wait_for(lambda: engine().metrics()["tickcast_connections"] == 24, 10, "24 connections")
        _, err = process.communicate(b"", timeout=30)
        equal(process.returncode, 0, "exit code; %s" % err)
        wait_for(lambda: engine().metrics()["tickcast_connections"] == 0, 10, "no connections")


@case
def held():
    """Windows begin at the end of input, however late that is."""
    process = start([TICKCAST, "bench", "--connect", "127.0.0.1:%d" % engine().port, "--hold", "--json", "--conns", "24",
                     "--windows", "1", *SHORT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = json.loads(process.stdout.readline())
    equal(line["ready"], 24, "ready")
    before = engine().metrics()["tickcast_deliveries_total"]
    span = 4 * (int(SHORT[1]) + int(SHORT[3])) / 1000
    wait_for(lambda: engine().metrics()["tickcast_deliveries_total"] > before + 24 * 10 * span, 30, "more than the windows take")
    check(not select.select([process.stdout], [], [], 0)[0], "a window before the end of input")
    out, err = process.communicate(b"", timeout=30)
    windows = [json.loads(line) for line in out.splitlines()]
    check(len(windows) == 1 and windows[0]["wall_s"] < span, "%s %s" % (out, err))
    check(process.returncode == 0 or not windows[0]["valid"], "exit code %d: %s" % (process.returncode, err))


@case
def of_its_own():
    """Without a server it starts one, measures it and ends it."""
    for words in ((), ("--dialect", "grpc"), ("--rooms", "5", "--follow", "3")):
        code, out, err = bench("--conns", 50, "--rate", 100, "--burst", 10, "--windows", 1, *SHORT, *words)
        check(code == 0 or "no figure" in out, "exit code %d: %s%s" % (code, out, err))
        check("window 1: " in out and (code != 0 or "server CPU" in out), out)


@case
def saturated():
    """A server that cannot keep up is measured by the clock; what it left out is told, not lost."""
    code, out, err = bench("--conns", 20, "--rate", 10000000, "--burst", 100, "--saturate", "--windows", 2, "--json", *SHORT)
    equal(code, 0, "exit code; " + out + err)
    for w in [json.loads(line) for line in out.splitlines()[1:]]:
        check(w["valid"] and w["deliveries"] > 0 and w["broken"] == 0 and w["latency_us"] is None, w)


# ---------------------------------------------------------------- the floor


@case
def the_floor():
    """The floor sends each room what it is due, and as fast as it can if it is told to."""
    floor, loadgen = os.path.join(BUILD, "bench", "floor"), os.path.join(BUILD, "bench", "loadgen")
    need(floor, loadgen)
    rows = [(("200", "20", "150"), ("--conns", "10"), 10 * 200), (("200", "20", "150", "20"),
            ("--conns", "40", "--rooms", "20", "--path", "/%u"), 40 * 10), (("max", "10", "150"), ("--saturate",), None)]
    for feed, words, per_s in rows:
        port = free_port()
        process = start([floor, str(port), *feed], stderr=subprocess.PIPE)

        def is_up():
            check(process.poll() is None, "the floor ended")
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        wait_for(is_up, 10, "the floor listens")
        for attempt in range(5):
            code, out, err = run([loadgen, "--connect", "127.0.0.1:%d" % port, "--dialect", "raw", "--json", "--windows", "1",
                                  "--conns", "10", *SHORT, *words])
            if code == 0:
                break
            check("no moment" in out or "busy" in out, "exit code %d: %s%s" % (code, out, err))
        w = json.loads(out.splitlines()[1])
        check(w["valid"], w)
        if per_s:
            near(w["per_s"], per_s, "deliveries/s")
        process.terminate()
        equal(process.wait(10), 0, "exit code of the floor")


# ---------------------------------------------------------------- servers that cheat


class Cheat:
    """A WebSocket server of one connection that sends positions from 1 on, as fast as `each` lets it."""

    def __init__(self, each, answer=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.each, self.answer = each, answer
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            peer, _ = self.listener.accept()
            head = b""
            while b"\r\n\r\n" not in head:
                head += peer.recv(4096)
            key = [line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")][0]
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            peer.sendall(self.answer or b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            for pos in range(1, 1000):
                for text in self.each(pos):
                    peer.sendall(b"\x81" + bytes([len(text)]) + text)
                time.sleep(0.02)  # the server's own pace, which the generator does not see
        except OSError:
            pass  # the generator has left


def update(pos, prev=None):
    return b'{"pos":%d,"prev":%d,"t_ns":%d}' % (pos, pos - 1 if prev is None else prev, time.monotonic_ns())


def cheated(each, why):
    code, out, err = bench("--connect", Cheat(each).address, "--dialect", "raw", "--conns", 1, "--json", "--windows", 1, *SHORT)
    equal(code, 4, "exit code; " + out + err)
    w = json.loads(out.splitlines()[1])
    check(not w["valid"] and why in w["why"], w)
    check(w["ns_per_delivery"] is None and w["per_s"] is None and w["latency_us"] is None, "figures of a void window: %s" % w)
    check("1 of 1 windows gave no figure" in err, err)


@case
def lost_messages():
    """A message that is not sent is found, and there is no figure."""
    cheated(lambda pos: [] if pos == 20 else [update(pos)], "something is missing")


@case
def repeated_messages():
    """A message that comes twice is found."""
    cheated(lambda pos: [update(pos)] * (2 if pos == 20 else 1), "do not follow")


@case
def unexpected_messages():
    """A message that is no update is found."""
    cheated(lambda pos: [b'{"hello":1}'] if pos == 20 else [update(pos)], "not expected")


@case
def no_updates():
    """A server that sends nothing has no figure."""
    cheated(lambda pos: [], "no update came")


@case
def honest():
    """The same server without a fault has one: the cases above prove something."""
    words = ("--dialect", "raw", "--conns", 1, "--json", "--windows", 1, *SHORT)
    for _ in range(5):
        code, out, err = bench("--connect", Cheat(lambda pos: [update(pos)]).address, *words)
        if code == 0:
            return
        check("no moment" in out or "busy" in out, out + err)
    raise AssertionError("no figure in 5 tries: %s%s" % (out, err))


# ---------------------------------------------------------------- refusals


def refused(code, part, *words, **more):
    found, out, err = bench(*words, **more)
    equal(found, code, "exit code of %s; %s%s" % (words, out, err))
    check(part in err and "deliveries" not in out, "%r is not in: %s%s" % (part, out, err))


@case
def command_line():
    """A wrong command line is told, with what would be right."""
    at = ("--connect", "127.0.0.1:1")
    refused(2, "no dialect soap: there are tickcast, grpc, raw", "--dialect", "soap")
    refused(2, "did you mean --conns?", "--cons", 5)
    refused(2, "--conns is a number from 1", "--conns", "many")
    refused(2, "--conns needs a value", "--conns")
    refused(2, "--connect is HOST:PORT", "--connect", "localhost")
    refused(2, "--pid is a list", *at, "--pid", "1,x")
    refused(2, "no process has the id 2147483647", *at, "--pid", 2147483647)
    refused(2, "not with --connect", *at, "--rate", 5)
    refused(2, "--follow is more than there are rooms", *at, "--follow", 2)
    refused(2, "follows one room", *at, "--dialect", "raw", "--rooms", 3, "--follow", 2)
    refused(2, "--churn is not for dialect raw", *at, "--dialect", "raw", "--churn", 2)
    refused(2, "--streams goes with --idle", *at, "--streams", 2)
    refused(2, "leaves no connection that reads", *at, "--conns", 5, "--slow", 5)
    refused(2, "--procs is more than", *at, "--conns", 2, "--procs", 5)


@case
def nobody_there():
    """A refused connection says where and why."""
    port = free_port()
    refused(4, "cannot connect to 127.0.0.1:%d: Connection refused" % port, "--connect", "127.0.0.1:%d" % port)
    refused(4, "no address of nowhere.invalid:1", "--connect", "nowhere.invalid:1")


@case
def not_a_server_of_this():
    """A path without WebSocket, TLS where there is none, HTTP/1 where gRPC was asked for, a room that is not there."""
    at = ("--connect", "127.0.0.1:%d" % engine().port, "--conns", 3)
    refused(4, "refused the upgrade to WebSocket at /nothing (HTTP 404)", *at, "--path", "/nothing")
    refused(4, "no TLS", *at, "--tls")
    refused(4, "room-unknown", *at, "--room", "weather-")
    cheat = Cheat(lambda pos: [], answer=b"HTTP/1.1 200 OK\r\n\r\n")
    refused(4, "refused the upgrade", "--connect", cheat.address, "--conns", 1)


@case
def too_few_descriptors():
    """It says which limit, what is needed and how to get it, before the first connection."""
    argv = ["prlimit", "--nofile=200:200", TICKCAST, "bench", "--connect", "127.0.0.1:1", "--conns", "500"]
    code, out, err = run(argv)
    equal(code, 3, "exit code; " + out + err)
    for part in ("RLIMIT_NOFILE", "is 200", "--procs 4", "ulimit -n 532", "LimitNOFILE=532"):
        check(part in err, "%r is not in: %s" % (part, err))
    code, out, err = run(["prlimit", "--nofile=200:200", TICKCAST, "bench", "--conns", "500", "--procs", "4"])
    equal(code, 3, "exit code of one with an engine of its own; " + out + err)
    check("RLIMIT_NOFILE" in err, err)


@case
def the_server_ends():
    """A server that ends during the run ends it, without a figure."""
    with tempfile.TemporaryFile() as out, Engine([FEED]) as own:
        process = start([TICKCAST, "bench", "--connect", "127.0.0.1:%d" % own.port, "--conns", "10", "--procs", "2", "--windows",
                         "100"], stdout=out, stderr=subprocess.PIPE)
        wait_for(lambda: own.metrics()["tickcast_connections"] == 10, 10, "10 connections")
        own.process.kill()
        _, err = process.communicate(timeout=30)
        equal(process.returncode, 4, "exit code; %s" % err)
        check(b"ended a connection" in err, err)


if __name__ == "__main__":
    main()
