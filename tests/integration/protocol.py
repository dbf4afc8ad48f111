#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/protocol.md at /ws, on a synthetic source: replies, order, snapshot, resume, errors, surroundings."""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import echo  # noqa: F401  its cases run with these
from harness import Chain, Closed, Engine, Ws, case, check, equal, http, main, wait_for

SYNTH = [{"name": "main", "synth": {"symbols": 12, "rate": 240, "burst": 1, "payload_bytes": 150, "seed": 1,
                                    "room": "ticker-S{n}", "event": "ticker-update"}}]
_engine = []


def engine():
    """One engine for the cases that change nothing in it."""
    if not _engine:
        _engine.append(Engine(SYNTH))
    return _engine[0]


def rooms():
    """Two rooms that have records."""
    pair = ["ticker-S0", "ticker-S1"]
    with Ws(engine().port) as ws:
        for room in pair:
            if ws.subscribe(room)["pos"] is None:
                ws.expect("ticker-update", room=room)
    return pair


@case
def shorthand_confirms_then_snapshot_then_live():
    """subscribe-ticker: confirmation first, with the id, then the snapshot, then an unbroken chain."""
    room = rooms()[0]
    with Ws(engine().port) as ws:
        ws.send("subscribe-ticker", room.split("-", 1)[1], id=1)
        first = ws.next()
        equal((first["event"], first["id"], first["room"]), ("subscription-confirmed", 1, room), "first event")
        equal(first["data"], {"symbol": room.split("-", 1)[1]}, "data of the confirmation")
        check(isinstance(first["log"], str) and "@" in first["log"], "log of the confirmation: %s" % first)
        snapshot = ws.next()
        check(snapshot.get("snapshot") is True and snapshot["pos"] == first["pos"], "snapshot: %s" % snapshot)
        check(abs(snapshot["ts"] - time.time() * 1000) < 60000, "ts is in ms since the epoch: %s" % snapshot)
        chain = Chain()
        chain.feed(first)
        for _ in range(40):
            event = ws.expect("ticker-update", room=room)
            check("snapshot" not in event or event["snapshot"] is False, "a second snapshot")
            chain.feed(event)


@case
def subscribe_is_without_snapshot_by_default():
    """subscribe gives a snapshot only if asked; one confirmation per room, each with the id."""
    pair = rooms()
    with Ws(engine().port) as ws:
        ws.send("subscribe", {"rooms": pair}, id="both")
        for room in pair:
            equal(ws.expect("subscription-confirmed", room=room)["id"], "both", "id")
        chains = {room: Chain() for room in pair}
        for event in ws.seen:
            chains[event["room"]].feed(event)
        for _ in range(40):
            event = ws.expect("ticker-update")
            check(not event.get("snapshot"), "snapshot that was not asked for")
            chains[event["room"]].feed(event)


@case
def twice_is_one_subscription():
    """Subscribing twice is one subscription and two confirmations."""
    room = rooms()[0]
    with Ws(engine().port) as ws:
        ws.subscribe(room)
        ws.subscribe(room)
        positions = [ws.expect("ticker-update", room=room)["pos"] for _ in range(30)]
        equal(len(set(positions)), 30, "distinct positions")


@case
def nothing_after_unsubscribed():
    """After unsubscribed nothing of that room comes; the other room goes on."""
    one, two = rooms()
    with Ws(engine().port) as ws:
        ws.subscribe(one, two)
        ws.send("unsubscribe", {"rooms": [one]}, id=3)
        equal(ws.expect("unsubscribed", room=one)["id"], 3, "id")
        for _ in range(30):
            check(ws.next()["room"] == two, "an event of the room that was left")


@case
def unsubscribe_overtakes():
    """Each of eleven commands in one segment has its answer, also a subscribe that is taken back before it is confirmed."""
    room = rooms()[0]
    with Ws(engine().port) as ws:
        ws.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        for i in range(11):
            ws.send("unsubscribe" if i % 2 else "subscribe", {"rooms": [room]}, id=i)
        ws.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        for i in range(10):
            equal(ws.expect("unsubscribed", room=room)["id"], i, "id")
        equal(ws.expect("subscription-confirmed", room=room)["id"], 10, "id")
        ws.expect("ticker-update", room=room)


@case
def ping_pong():
    """ping is answered by pong with id and time."""
    with Ws(engine().port) as ws:
        for number in (0, -7, 1.5, "x", "Ω"):
            ws.send("ping", id=number)
            pong = ws.expect("pong")
            equal(pong["id"], number, "id")
            check(isinstance(pong["ts"], int), "ts: %s" % pong)


@case
def websocket_ping_is_ponged():
    """A ping frame comes back as a pong with its bytes."""
    with Ws(engine().port) as ws:
        ws.send_frame(0x89, b"12345")
        equal(ws.frame(), (0x8A, b"12345"), "answer")


@case
def resume_is_recovered():
    """A resume from a position in the ring brings recovered and then exactly the missing updates."""
    room = rooms()[0]
    with Ws(engine().port) as ws:
        confirmed = ws.subscribe(room)
        chain = Chain()
        chain.feed(confirmed)
        for _ in range(20):
            last = ws.expect("ticker-update", room=room)
            chain.feed(last)
    place = {"log": confirmed["log"], "pos": last["pos"], "ts": last["ts"]}
    ahead = Ws(engine().port)
    ahead.subscribe(room)
    for _ in range(30):
        ahead.expect("ticker-update", room=room)
    with Ws(engine().port) as ws:
        ws.send("subscribe", {"rooms": [room], "from": {room: place}}, id=2)
        equal(ws.next()["event"], "subscription-confirmed", "first event")
        recovered = ws.next()
        equal((recovered["event"], recovered["from"]), ("recovered", last["pos"]), "second event")
        check(recovered["count"] >= 30, "count: %s" % recovered)
        again = Chain(last["pos"])
        for n in range(recovered["count"] + 20):
            event = ws.expect("ticker-update", room=room)
            check(not event.get("snapshot"), "a snapshot after a recovery")
            again.feed(event)
            if n == recovered["count"] - 1:
                equal(event["pos"], recovered["to"], "the last recovered position")
    ahead.close()


@case
def resume_needs_no_existing_offset():
    """A position without a record (between two) is as good as one with."""
    room = rooms()[0]
    with Ws(engine().port) as ws:
        confirmed = ws.subscribe(room)
        for _ in range(5):
            last = ws.expect("ticker-update", room=room)
        start = last["prev"]
        ws.send("unsubscribe", {"rooms": [room]})
        ws.expect("unsubscribed")
        ws.send("subscribe", {"rooms": [room], "from": {room: {"log": confirmed["log"], "pos": start}}})
        ws.expect("recovered", room=room)
        equal(ws.expect("ticker-update", room=room)["pos"], last["pos"], "first update")


@case
def resume_of_another_incarnation_cannot_recover():
    """Another log name: cannot-recover, then a snapshot, then live."""
    room = rooms()[0]
    with Ws(engine().port) as ws:
        log = ws.subscribe(room)["log"]
        ws.send("unsubscribe", {"rooms": [room]})
        ws.expect("unsubscribed")
        ws.send("subscribe", {"rooms": [room], "from": {room: {"log": log.split("@")[0] + "@0000", "pos": 3}}}, id=9)
        ws.expect("subscription-confirmed", room=room)
        event = ws.next()
        equal((event["event"], event.get("id"), event["from"]), ("cannot-recover", 9, 3), "second event")
        snapshot = ws.next()
        check(snapshot.get("snapshot") is True, "then a snapshot: %s" % snapshot)
        chain = Chain(snapshot["pos"])
        for _ in range(10):
            chain.feed(ws.expect("ticker-update", room=room))


@case
def waiting_room_and_illegal_rooms():
    """A fitting name without a record is confirmed with nulls; names that fit nothing or are illegal are not."""
    synth = dict(SYNTH[0]["synth"], rate=0)
    with Engine([{"name": "main", "synth": synth}]) as quiet, Ws(quiet.port) as ws:
        ws.send("subscribe", {"rooms": ["ticker-S3"], "snapshot": True})
        confirmed = ws.expect("subscription-confirmed", within=10)
        equal((confirmed["log"], confirmed["pos"]), (None, None), "log and pos")
        ws.send("subscribe", {"rooms": ["weather-1"]}, id=1)
        equal(ws.expect("error", id=1)["code"], "room-unknown", "code")
        for bad in ("", "a b", 'a"b', "a\\b", "*", "a,b", "é", "x" * 129, "a\u0001"):
            ws.send("subscribe", {"rooms": [bad]}, id=bad[:8])
            equal(ws.expect("error", id=bad[:8])["code"], "room-illegal", "code for %r" % bad[:20])


@case
def private_rooms_are_refused():
    """Rooms that need authentication are refused with not-supported."""
    with Ws(engine().port) as ws:
        for room in ("orders-1", "portfolio-1", "notifications-1"):
            ws.send("subscribe", {"rooms": [room]}, id=room)
            equal(ws.expect("error", id=room)["code"], "not-supported", "code for " + room)


@case
def server_pings_and_closes_the_silent():
    """The server pings a silent client and closes one that stays silent."""
    more = {"timeouts": {"ping_ms": 1000, "idle_ms": 3000}}
    with Engine(SYNTH, **more) as e, Ws(e.port) as ws:
        equal(ws.frame(4)[0], 0x89, "a ping")
        begin = time.monotonic()
        code = None
        try:
            while time.monotonic() - begin < 8:
                first, body = ws.frame(8)
                if first == 0x88:
                    code = int.from_bytes(body[:2], "big")
                    break
        except Closed:
            pass
        check(1 < time.monotonic() - begin < 7, "closed after %.1f s with %s" % (time.monotonic() - begin, code))


@case
def draining_tells_the_clients():
    """SIGTERM: draining with a delay, then close 1012, exit 0."""
    e = Engine(SYNTH)
    clients = [Ws(e.port) for _ in range(5)]
    for ws in clients:
        ws.subscribe("ticker-S1")
    e.signal(signal.SIGTERM)
    for ws in clients:
        event = ws.expect("draining", 5)
        check(0 <= event["reconnect_ms"] <= 60000, "delay: %s" % event)
        equal(ws.close_code(10), 1012, "close code")
    equal(e.stop(), 0, "exit code")


@case
def http_surroundings():
    """/, /health, /healthz, /readyz, /metrics, and problems as application/problem+json."""
    e = engine()
    status, headers, body = http(e.port, "/")
    check(status == 200 and "text/html" in headers["Content-Type"] and "<" in body, "/: %s" % status)
    equal(http(e.port, "/health")[0], 200, "/health")
    status, headers, _ = http(e.port, "/nowhere")
    equal((status, headers["Content-Type"].split(";")[0]), (404, "application/problem+json"), "/nowhere")
    equal(http(e.port, "/ws")[0] // 100, 4, "/ws without an upgrade")
    with socket.create_connection(("127.0.0.1", e.port), 5) as s:
        s.sendall(b"DELETE /health HTTP/1.1\r\nHost: x\r\n\r\n")
        check(s.recv(4096).startswith(b"HTTP/1.1 405"), "DELETE /health")
    equal(http(e.admin, "/healthz")[0], 200, "/healthz")
    equal(http(e.admin, "/readyz")[0], 200, "/readyz")
    metrics = e.metrics()
    check(metrics and all(name.startswith("tickcast_") for name in metrics), "names of metrics")
    status, headers, _ = http(e.admin, "/metrics")
    check(headers["Content-Type"].startswith("text/plain"), "type of metrics")


@case
def compression_is_declined():
    """permessage-deflate is not agreed to."""
    with Ws(engine().port, headers=["Sec-WebSocket-Extensions: permessage-deflate"]) as ws:
        equal(ws.status, 101, "status")
        check("sec-websocket-extensions" not in ws.head.lower(), "an extension was agreed to")


@case
def a_byte_at_a_time():
    """A handshake and a command that come byte by byte are the same as at once."""
    with socket.create_connection(("127.0.0.1", engine().port), 5) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = ("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
        frame = b"\x81\x90\0\0\0\0" + b'{"event":"ping"}'
        for b in head + frame:
            s.sendall(bytes([b]))
        got = b""
        while b"pong" not in got:
            more = s.recv(4096)
            check(more, "closed after %r" % got[-200:])
            got += more
        check(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in got, "Sec-WebSocket-Accept")


if __name__ == "__main__":
    main()
