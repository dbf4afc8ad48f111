#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 on the public ports: h2c with prior knowledge, h2 by ALPN; what RFC 9113 wants refused, and what it
wants served. Each case runs on both ports, unless its name says another thing."""
import json
import os
import signal
import socket
import ssl
import sys
import time

import hpack

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import h2raw
from h2raw import H2, Ended, data, headers, request
from harness import Tls, Ws, case, check, equal, http, main, make_cert, need, run, wait_for

SYNTH = [{"name": "main", "synth": {"symbols": 12, "rate": 240, "payload_bytes": 150, "room": "ticker-S{n}",
                                    "event": "ticker-update"}}]
LARGE = "/app.js"  # a page of some frames
STREAMS_MAX = 100
_engine = []


def engine():
    """One engine for the cases that change nothing in it."""
    if not _engine:
        own = make_cert("shared", "localhost")
        _engine.append((Tls([own], SYNTH), own))
    return _engine[0][0]


def trusting(crt=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations((crt or _engine[0][1])[0])
    return context


def on_plain(**more):
    return H2(engine().port, **more)


def on_tls(**more):
    return H2(engine().tls, tls=trusting(), name="localhost", **more)


def both(function):
    """A case for each port: function(connect), where connect(**more) gives an H2."""
    for word, connect in (("plain", on_plain), ("tls", on_tls)):
        def one(connect=connect):
            engine()
            function(connect)
            check(engine().process.poll() is None, "the engine has ended")
        one.__name__ = "%s_%s" % (function.__name__, word)
        case(one)
    return function


# ---------------------------------------------------------------- requests that are malformed

def without(name):
    return [field for field in request() if field[0] != name]


def changed(name, value):
    return [(key, value if key == name else old) for key, old in request()]


POST = request("POST", "/")

# name, fields, frames that follow the HEADERS on that stream; none: HEADERS ends it
MALFORMED = [
    ("upper case in a name", request(more=[("X-Upper", "1")])),
    ("no method", without(":method")),
    ("no scheme", without(":scheme")),
    ("no path", without(":path")),
    ("neither authority nor host", without(":authority")),
    ("method twice", [(":method", "GET"), *request()]),
    ("scheme twice", [(":scheme", "http"), *request()]),
    ("path twice", [(":path", "/"), *request()]),
    ("authority twice", [(":authority", "localhost"), *request()]),
    ("unknown pseudo-field", [(":colour", "red"), *request()]),
    ("pseudo-field of answers", [(":status", "200"), *request()]),
    ("pseudo-field after a field", [*without(":path"), ("accept", "*/*"), (":path", "/health")]),
    ("empty path", changed(":path", "")),
    ("path without a slash", changed(":path", "health")),
    ("path * of GET", changed(":path", "*")),
    ("path with a space", changed(":path", "/he alth")),
    ("path with a line end", changed(":path", "/health HTTP/1.1\r\nhost: x")),
    ("path with a fragment", changed(":path", "/health#top")),
    ("empty method", changed(":method", "")),
    ("method with a space", changed(":method", "GET /")),
    ("connection", request(more=[("connection", "close")])),
    ("keep-alive", request(more=[("keep-alive", "timeout=5")])),
    ("proxy-connection", request(more=[("proxy-connection", "keep-alive")])),
    ("transfer-encoding", request(more=[("transfer-encoding", "chunked")])),
    ("upgrade", request(more=[("upgrade", "websocket")])),
    ("te of gzip", request(more=[("te", "gzip")])),
    ("te of trailers and more", request(more=[("te", "trailers, gzip")])),
    ("content-length without a body", request(more=[("content-length", "5")])),
    ("body shorter than content-length", [*POST, ("content-length", "5")], lambda s: [data(s, b"four", end=True)]),
    ("body longer than content-length", [*POST, ("content-length", "5")], lambda s: [data(s, b"sixsix", end=True)]),
    ("body longer than content-length by parts", [*POST, ("content-length", "5")],
     lambda s: [data(s, b"four"), data(s, b"four", end=True)]),
    ("content-length and trailers too early", [*POST, ("content-length", "5")],
     lambda s: [data(s, b"four"), headers(s, [("x-sum", "1")])]),
    ("two content-lengths", [*POST, ("content-length", "4"), ("content-length", "5")], lambda s: [data(s, b"four", end=True)]),
    ("content-length twice", [*POST, ("content-length", "4"), ("content-length", "4")], lambda s: [data(s, b"four", end=True)]),
    ("content-length with a sign", [*POST, ("content-length", "+4")], lambda s: [data(s, b"four", end=True)]),
    ("content-length of words", [*POST, ("content-length", "four")], lambda s: [data(s, b"four", end=True)]),
    ("content-length above 64 bits", [*POST, ("content-length", "18446744073709551620")], lambda s: [data(s, b"four", end=True)]),
    ("empty content-length", [*POST, ("content-length", "")], lambda s: [data(s, end=True)]),
    ("NUL in a value", request(more=[("x-value", "a\0b")])),
    ("CR in a value", request(more=[("x-value", "a\rb")])),
    ("LF in a value", request(more=[("x-value", "a\nb")])),
    ("a field smuggled in a value", request(more=[("x-value", "a\r\nhost: evil.example")])),
    ("space before a value", request(more=[("x-value", " a")])),
    ("space behind a value", request(more=[("x-value", "a ")])),
    ("tab before a value", request(more=[("x-value", "\ta")])),
    ("tab behind a value", request(more=[("x-value", "a\t")])),
    ("space in a name", request(more=[("x value", "a")])),
    ("colon in a name", request(more=[("x:value", "a")])),
    ("control byte in a name", request(more=[("x\x01value", "a")])),
    ("byte above ASCII in a name", request(more=[("x\xffvalue", "a")])),
    ("empty name", request(more=[("", "a")])),
    ("host and authority differ", request(more=[("host", "evil.example")])),
    ("two hosts", [*without(":authority"), ("host", "localhost"), ("host", "evil.example")]),
    ("userinfo in authority", changed(":authority", "user@localhost")),
    ("empty authority", changed(":authority", "")),
    ("authority with a slash", changed(":authority", "localhost/x")),
    ("CONNECT with a path", changed(":method", "CONNECT")),
    ("CONNECT without an authority", [(":method", "CONNECT")]),
    ("pseudo-field in trailers", POST, lambda s: [data(s, b"x"), headers(s, [(":path", "/")])]),
    ("upper case in trailers", POST, lambda s: [data(s, b"x"), headers(s, [("X-Sum", "1")])]),
    ("connection in trailers", POST, lambda s: [data(s, b"x"), headers(s, [("connection", "close")])]),
    ("trailers that end nothing", POST, lambda s: [data(s, b"x"), headers(s, [("x-sum", "1")], end=False)]),
    ("path // before", changed(":path", "//health")),
    ("path // inside", changed(":path", "/x//health")),
    ("path /./", changed(":path", "/./health")),
    ("path /../", changed(":path", "/x/../health")),
    ("path above the top", changed(":path", "/../health")),
    ("path that ends in /..", changed(":path", "/health/..")),
    ("path that ends in /.", changed(":path", "/health/.")),
    ("path with an escaped dot", changed(":path", "/%2e/health")),
    ("path with escaped dots", changed(":path", "/x/%2E%2e/health")),
]


def malformed_case(name, fields, then=None):
    def one(connect):
        with connect() as h2:
            stream = h2.open(fields, end=not then)
            if then:
                h2.send(*then(stream))
            found = h2.answer(stream)
            check(found.reset == h2raw.PROTOCOL_ERROR or found.status == 400, "not refused: %s" % found)
            equal(h2.get().status, 200, "the next request")
            equal(h2.goaways, [], "GOAWAYs")
    one.__name__ = name.replace(" ", "_")
    both(one)


for row in MALFORMED:
    malformed_case(*row)


@both
def connect_is_no_tunnel(connect):
    with connect() as h2:
        found = h2.answer(h2.open([(":method", "CONNECT"), (":authority", "127.0.0.1:22")], end=False))
        check(found.reset is not None or found.status in (400, 405, 501), "CONNECT: %s" % found)
        equal(h2.get().status, 200, "the next request")


# ---------------------------------------------------------------- what ends a connection

def twice(stream):
    return headers(stream, request())


# name, frames, the codes that GOAWAY may have
BROKEN = [
    ("HEADERS on a smaller stream", [twice(5), twice(3)], {h2raw.PROTOCOL_ERROR, h2raw.STREAM_CLOSED}),
    ("HEADERS on an even stream", [twice(2)], {h2raw.PROTOCOL_ERROR}),
    ("HEADERS on stream 0", [twice(0)], {h2raw.PROTOCOL_ERROR}),
    ("DATA on stream 0", [data(0, b"x")], {h2raw.PROTOCOL_ERROR}),
    ("DATA on an idle stream", [data(7, b"x")], {h2raw.PROTOCOL_ERROR}),
    ("RST_STREAM on an idle stream", [h2raw.rst_stream(7)], {h2raw.PROTOCOL_ERROR}),
    ("WINDOW_UPDATE on an idle stream", [h2raw.window_update(7, 1)], {h2raw.PROTOCOL_ERROR}),
    ("WINDOW_UPDATE of 0", [h2raw.window_update(0, 0)], {h2raw.PROTOCOL_ERROR}),
    ("window above its bound", [h2raw.window_update(0, h2raw.STREAM_MAX)], {h2raw.FLOW_CONTROL_ERROR}),
    ("CONTINUATION of nothing", [h2raw.continuation(1, request(), True)], {h2raw.PROTOCOL_ERROR}),
    ("a frame inside of a header block", [headers(1, request(), end_headers=False), h2raw.ping()], {h2raw.PROTOCOL_ERROR}),
    ("another stream inside of a header block", [headers(1, request(), end_headers=False), twice(3)], {h2raw.PROTOCOL_ERROR}),
    ("PUSH_PROMISE", [headers(1, request(), end=False), h2raw.push_promise(1, 2, request())], {h2raw.PROTOCOL_ERROR}),
    ("SETTINGS on a stream", [h2raw.frame(h2raw.SETTINGS, 0, 1)], {h2raw.PROTOCOL_ERROR}),
    ("SETTINGS of 5 bytes", [h2raw.frame(h2raw.SETTINGS, 0, 0, bytes(5))], {h2raw.FRAME_SIZE_ERROR}),
    ("push of 2", [h2raw.settings({h2raw.ENABLE_PUSH: 2})], {h2raw.PROTOCOL_ERROR}),
    ("initial window of 2^31", [h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 1 << 31})], {h2raw.FLOW_CONTROL_ERROR}),
    ("frame size of 16383", [h2raw.settings({h2raw.MAX_FRAME_SIZE: 16383})], {h2raw.PROTOCOL_ERROR}),
    ("PING of 7 bytes", [h2raw.ping(bytes(7))], {h2raw.FRAME_SIZE_ERROR}),
    ("padding longer than the frame", [h2raw.frame(h2raw.HEADERS, h2raw.END_HEADERS | h2raw.PADDED, 1, b"\xff\x82")],
     {h2raw.PROTOCOL_ERROR}),
    ("an entry that no table has", [headers(1, h2raw.indexed(200))], {h2raw.COMPRESSION_ERROR}),
    ("entry 0", [headers(1, b"\x80")], {h2raw.COMPRESSION_ERROR}),
    ("a table above its bound", [headers(1, h2raw.table_size(1 << 20) + h2raw.block(request()))], {h2raw.COMPRESSION_ERROR}),
    ("a number without end", [headers(1, b"\xff" * 20)], {h2raw.COMPRESSION_ERROR}),
    ("a name longer than its block", [headers(1, b"\x00\x7f\xff\x7f" + b"x" * 20)], {h2raw.COMPRESSION_ERROR}),
    ("a frame above the bound of its size", [h2raw.frame(h2raw.DATA, 0, 1, bytes(16385))], {h2raw.FRAME_SIZE_ERROR,
                                                                                      h2raw.PROTOCOL_ERROR}),
]


def broken_case(name, frames, codes):
    def one(connect):
        with connect() as h2:
            h2.send(*frames)
            code = h2.end()
            check(code in codes, "ended with %s, wanted %s" % (code, codes))
        with connect() as h2:
            equal(h2.get().status, 200, "a request on a new connection")
    one.__name__ = name.replace(" ", "_").replace("^", "_")
    both(one)


for row in BROKEN:
    broken_case(*row)


@both
def a_wrong_preface_ends_the_connection(connect):
    for begin in (h2raw.PREFACE[:-2] + b"XX", h2raw.PREFACE + data(0, b"x"), h2raw.PREFACE + h2raw.ping()):
        with connect(begin=False) as h2:
            h2.send(begin)
            check(h2.end() in (None, h2raw.PROTOCOL_ERROR), "GOAWAYs: %s" % h2.goaways)


# ---------------------------------------------------------------- good requests

@both
def health(connect):
    with connect() as h2:
        found = h2.get("/health")
        equal((found.status, found.first("content-type"), found.body), (200, "application/json", b'{"status":"ok"}\n'), "/health")
        equal(found.first("content-length"), str(len(found.body)), "content-length")
        equal(h2.get("/health?a=/../%2e").status, 200, "a query is no path")
        equal(h2.peer.get(h2raw.MAX_CONCURRENT_STREAMS), STREAMS_MAX, "streams at once")


@both
def answers_are_those_of_http1(connect):
    """Status, fields and body of each path are the same in both protocols."""
    with connect() as h2:
        for path in ("/", LARGE, "/health", "/nowhere"):
            status, fields, body = http(engine().port, path)
            found = h2.get(path)
            equal((found.status, found.body.decode()), (status, body), path)
            for name, value in fields.items():
                if name.lower() not in ("connection", "keep-alive", "date", "transfer-encoding"):
                    equal(found.first(name.lower()), value, "%s of %s" % (name, path))
            for name, _ in found.fields:
                check(name == name.lower() and name not in ("connection", "keep-alive", "transfer-encoding"), "field " + name)


@both
def head_has_no_body(connect):
    with connect() as h2:
        whole, found = h2.get("/"), h2.get("/", method="HEAD")
        equal((found.status, found.body), (200, b""), "HEAD /")
        equal(found.first("content-length"), str(len(whole.body)), "content-length")
        equal(h2.get("/nowhere", method="HEAD").status, 404, "HEAD /nowhere")


@both
def problems(connect):
    with connect() as h2:
        found = h2.get("/nowhere")
        equal((found.status, found.first("content-type")), (404, "application/problem+json"), "/nowhere")
        equal(json.loads(found.body)["status"], 404, "status in the document")
        for method in ("DELETE", "PUT", "BREW"):
            found = h2.get("/health", method=method)
            check(found.status in (405, 501), "%s: %s" % (method, found))
            if found.status == 405:
                check("GET" in (found.first("allow") or ""), "allow: %s" % found.fields)
                equal(found.first("content-type"), "application/problem+json", "its type")
        check(400 <= h2.get("/ws").status < 500, "/ws without an upgrade")


@both
def bodies_are_not_taken(connect):
    """POST to a page: refused; the connection goes on, and its window comes back."""
    with connect() as h2:
        for n in range(8):
            stream = h2.open(POST, end=False)
            h2.send_body(stream, b"x" * 60000)
            found = h2.answer(stream)
            check(found.status in (405, 413), "POST %d: %s" % (n, found))
        equal(h2.get().status, 200, "the next request")


@both
def a_body_above_the_bound(connect):
    """4 MiB: answered with 405 or 413 before it has come, or at its end."""
    with connect() as h2:
        stream = h2.open(POST, end=False)
        h2.send_body(stream, bytes(4 << 20), within=10)
        found = h2.answer(stream)
        check(found.status in (405, 413), "POST: %s" % found)
        equal(h2.get().status, 200, "the next request")


@both
def what_a_client_may_do(connect):
    """Padding, priority, parts, trailers, cookie crumbs, frames of unknown kinds, settings of unknown names."""
    with connect() as h2:
        h2.send(h2raw.settings({0x7777: 1}), h2raw.frame(0x77, 0xff, 0, b"whatever"), h2raw.ping(), h2raw.priority(9, 0))
        good = h2raw.block(request())
        for frames in (
                [headers(11, good, pad=200)],
                [headers(13, good, depends=(True, 0, 255))],
                [headers(15, good[:3], end_headers=False), h2raw.continuation(15, good[3:9]), h2raw.continuation(15, b""),
                 h2raw.continuation(15, good[9:], True)],
                [headers(17, request(more=[("cookie", "a=%d" % n) for n in range(20)]))],
                [headers(19, request(more=[("te", "trailers"), ("host", "localhost")]))],
                [headers(21, request(), end=False), data(21, b"", end=True, pad=100)],
                [headers(23, without(":authority") + [("host", "localhost")])],
                [headers(25, request(more=[("x-empty", ""), ("x-bytes", "\x80\xff"), ("x-tab", "a\tb")]))]):
            stream = int.from_bytes(frames[0][5:9], "big")
            h2.send(*frames)
            equal(h2.answer(stream).status, 200, "stream %d" % stream)
        h2.send(headers(27, POST, end=False), data(27, b"body"), headers(27, [("x-sum", "1")]))
        check(h2.answer(27).status in (405, 413), "POST with trailers")


@both
def a_byte_at_a_time(connect):
    with connect(begin=False) as h2:
        for b in h2raw.PREFACE + h2raw.settings() + headers(1, request("GET", "/health")):
            h2.send(bytes([b]))
        equal(h2.answer(1).status, 200, "/health")


@both
def tables_of_both_sides(connect):
    """300 requests by a coder with Huffman codes and a table; then answers for a client without a table."""
    with connect() as h2:
        coder = hpack.Encoder()
        for n in range(300):
            more = [("x-number", str(n % 7)), ("x-long-%d" % (n % 50), "v" * 100), ("user-agent", "test")]
            stream = h2.open(coder.encode(request("GET", "/health", more), huffman=n % 2 == 0))
            equal(h2.answer(stream).status, 200, "request %d" % n)
    with connect(own={h2raw.HEADER_TABLE_SIZE: 0}) as h2:
        h2.decoder.max_allowed_table_size = 0
        for _ in range(3):
            equal(h2.get("/").status, 200, "without a table")


@both
def large_heads_are_refused(connect):
    """More fields or bytes than the bound: 431, or an end that says so; never an answer of 200."""
    for more in ([("x-%d" % n, "v") for n in range(200)], [("x-large", "v" * 15000)] * 2, [("cookie", "a=b")] * 200):
        with connect() as h2:
            try:
                whole = h2raw.block(request(more=more))
                parts = [whole[at:at + 16000] for at in range(0, len(whole), 16000)]
                stream = h2.open(parts[0], end_headers=len(parts) == 1)
                for n, part in enumerate(parts[1:], 2):
                    h2.send(h2raw.continuation(stream, part, n == len(parts)))
                found = h2.answer(stream)
                check(found.status == 431 or found.reset in (h2raw.PROTOCOL_ERROR, h2raw.ENHANCE_YOUR_CALM),
                      "%d fields: %s" % (len(more), found))
                equal(h2.get().status, 200, "the next request")
            except Ended as ended:
                check(ended.goaway in (h2raw.PROTOCOL_ERROR, h2raw.ENHANCE_YOUR_CALM), "GOAWAY %s" % ended.goaway)
    with connect() as h2:
        equal(h2.get(more=[("x-large", "v" * 12000)]).status, 200, "a head below the bound")


@both
def a_small_window_is_kept(connect):
    """A page by 100 bytes at a time, each asked for; never a byte that was not."""
    with connect(own={h2raw.INITIAL_WINDOW_SIZE: 100}, is_polite=False) as h2:
        h2.send(h2raw.settings(ack=True))
        stream = h2.open(request("GET", LARGE, scheme=h2.scheme))
        found, given = h2.answers[stream], 100
        while not found.is_over():
            h2.wait(lambda: len(found.body) == given or found.is_over(), lambda: "%d bytes of %d" % (len(found.body), given))
            try:
                while True:
                    h2.read(0.002)
            except TimeoutError:
                check(len(found.body) <= given, "%d bytes, %d given" % (len(found.body), given))
            h2.send(h2raw.window_update(stream, 100), h2raw.window_update(0, 100))
            given += 100
        equal(found.body.decode(), http(engine().port, LARGE)[2], "the page")


@both
def a_window_that_shrinks(connect):
    """SETTINGS take a window below zero; it opens again only when it was paid back (section 6.9.2)."""
    with connect(own={h2raw.INITIAL_WINDOW_SIZE: 1000}, is_polite=False) as h2:
        h2.send(h2raw.settings(ack=True))
        stream = h2.open(request("GET", LARGE, scheme=h2.scheme))
        found = h2.answers[stream]
        h2.wait(lambda: len(found.body) == 1000, "1000 bytes")
        h2.send(h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 0}), h2raw.window_update(stream, 1000))
        h2.roundtrip()
        equal(len(found.body), 1000, "bytes with a window of 0")
        h2.send(h2raw.window_update(stream, 10))
        h2.wait(lambda: len(found.body) == 1010, "10 bytes more")
        h2.send(h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 60000}))
        equal(h2.answer(stream).body.decode(), http(engine().port, LARGE)[2], "the page")


def answered(h2, streams):
    """All of them, once there is a window."""
    h2.send(h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 65535}))
    wanted = http(engine().port, "/")[2]
    for s in streams:
        found = h2.answer(s)
        equal((found.status, found.body.decode()), (200, wanted), "stream %d" % s)


@both
def the_limit_of_streams(connect):
    """100 at once, by a client that cannot know of the limit yet: stream 101 is refused in the way that lets it
    try again, and the 100 are answered."""
    with connect(begin=False) as h2:
        asked = [headers(n, request("GET", "/", scheme=h2.scheme)) for n in range(1, 2 * STREAMS_MAX + 2, 2)]
        h2.send(h2raw.PREFACE, h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 0}), *asked)
        h2.next_stream = 2 * STREAMS_MAX + 3
        equal(h2.answer(2 * STREAMS_MAX + 1).reset, h2raw.REFUSED_STREAM, "stream 101")
        check(not any(h2.answers[s].is_over() for s in range(1, 2 * STREAMS_MAX, 2)), "an answer without a window")
        answered(h2, range(1, 2 * STREAMS_MAX, 2))
        equal(h2.get().status, 200, "afterwards")


@both
def the_limit_of_streams_is_known(connect):
    """100 at once are answered, twice; one more by a client that was told: refused (RFC 9113, section 5.1.2), or
    the end."""
    with connect(own={h2raw.INITIAL_WINDOW_SIZE: 0}) as h2:
        for _ in range(2):
            streams = [h2.open(request("GET", "/", scheme=h2.scheme)) for _ in range(STREAMS_MAX)]
            h2.roundtrip()
            check(not any(h2.answers[s].is_over() for s in streams), "an answer without a window")
            answered(h2, streams)
            h2.send(h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 0}))
        for _ in range(STREAMS_MAX):
            h2.open(request("GET", "/", scheme=h2.scheme))
        try:
            found = h2.answer(h2.open(request()))
            check(found.reset in (h2raw.REFUSED_STREAM, h2raw.PROTOCOL_ERROR), "stream 101: %s" % found)
        except Ended as ended:
            equal(ended.goaway, h2raw.PROTOCOL_ERROR, "GOAWAY")


@both
def cancelled_requests_free_their_place(connect):
    """A client that cancels some of what it asked for is a good client."""
    with connect(own={h2raw.INITIAL_WINDOW_SIZE: 0}) as h2:
        for _ in range(3):
            streams = [h2.open(request("GET", "/")) for _ in range(30)]
            h2.send(*[h2raw.rst_stream(s) for s in streams])
        h2.roundtrip()
        h2.send(h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 65535}))
        equal(h2.get().status, 200, "afterwards")


@both
def a_client_that_leaves(connect):
    """GOAWAY of the client: what it asked for before is answered."""
    with connect(own={h2raw.INITIAL_WINDOW_SIZE: 0}) as h2:
        stream = h2.open(request("GET", "/"))
        h2.send(h2raw.goaway(), h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 65535}))
        equal(h2.answer(stream).status, 200, "/")


def drain_case(word):
    def drains():
        """SIGTERM: GOAWAY of 2^31-1, later the true one; what was asked for is answered; exit code 0."""
        own = make_cert("own", "localhost")
        with Tls([own], SYNTH) as e:
            port, context = (e.tls, trusting(own)) if word == "tls" else (e.port, None)
            with H2(port, tls=context, name="localhost", own={h2raw.INITIAL_WINDOW_SIZE: 0}) as h2:
                before = h2.open(request("GET", "/", scheme=h2.scheme))
                h2.roundtrip()
                e.signal(signal.SIGTERM)
                h2.wait(lambda: h2.goaways, "the first GOAWAY", 10)
                equal(h2.goaways[0], (h2raw.STREAM_MAX, h2raw.NO_ERROR), "first GOAWAY")
                h2.wait(lambda: len(h2.goaways) > 1, "the second GOAWAY", 10)
                equal(h2.goaways[1], (before, h2raw.NO_ERROR), "second GOAWAY")
                check(not h2.answers[before].is_over(), "an answer without a window")
                h2.send(h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 65535}))
                found = h2.answer(before)
                check(found.status == 200 and int(found.first("content-length")) == len(found.body), "the answer: %s" % found)
                equal(h2.end(15), h2raw.NO_ERROR, "the end")
            equal(e.stop(), 0, "exit code")
    drains.__name__ = "drain_" + word
    case(drains)


def late_case(word):
    def late():
        """A request that crosses the first GOAWAY is answered, if the second one does not exclude it."""
        own = make_cert("own", "localhost")
        with Tls([own], SYNTH) as e:
            port, context = (e.tls, trusting(own)) if word == "tls" else (e.port, None)
            with H2(port, tls=context, name="localhost") as h2:
                h2.roundtrip()
                e.signal(signal.SIGTERM)
                h2.wait(lambda: h2.goaways, "the first GOAWAY", 10)
                try:
                    stream = h2.open(request("GET", LARGE, scheme=h2.scheme))
                except Ended:
                    stream = None
                try:
                    while True:
                        h2.read(15)
                except Ended:
                    pass
                equal(h2.goaways[0][0], h2raw.STREAM_MAX, "first GOAWAY")
                check(len(h2.goaways) > 1, "GOAWAYs: %s" % h2.goaways)
                if stream and stream <= h2.goaways[-1][0]:
                    check(h2.answers[stream].is_over(), "a request was accepted and not answered")
            equal(e.stop(), 0, "exit code")
    late.__name__ = "a_late_request_" + word
    case(late)


for port_word in ("plain", "tls"):
    drain_case(port_word)
    late_case(port_word)


# ---------------------------------------------------------------- beside HTTP/1

def raw(port, request_bytes, tls=None, within=5):
    """What comes back for those bytes until the end, or until nothing more comes."""
    s = socket.create_connection(("127.0.0.1", port), within)
    if tls:
        s = tls.wrap_socket(s, server_hostname="localhost")
    with s:
        got = b""
        try:
            for part in request_bytes:
                s.sendall(part)
            s.settimeout(1)
            while True:
                more = s.recv(65536)
                if not more:
                    break
                got += more
        except OSError:
            pass
        return got


@case
def http1_beside_the_preface():
    """Requests that begin like the preface, at once and byte by byte; the preface's own path and version."""
    e = engine()
    for line, wanted in (("GET /health", 200), ("POST /health", 405), ("PUT /health", 405), ("PATCH /health", 405)):
        text = (line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").encode()
        for parts in ([text], [bytes([b]) for b in text]):
            got = raw(e.port, parts)
            check(got.startswith(b"HTTP/1.1 %d " % wanted), "%s: %r" % (line, got[:100]))
    for text in (b"PRI /health HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/1.1\r\nHost: a\r\n\r\n",
                 b"PRJ * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/2.0\r\nHost: a\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"\r\n" + h2raw.PREFACE):
        got = raw(e.port, [text])
        check(got == b"" or got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), "%r: %r" % (text, got[:100]))
    # after a request of HTTP/1 the preface has no meaning
    got = raw(e.port, [b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" + h2raw.PREFACE + h2raw.settings()])
    check(got.startswith(b"HTTP/1.1 200 ") and (b"HTTP/1.1 4" in got[9:] or got.endswith(b"}\n")), "%r" % got[:400])
    for port, context in ((e.port, None), (e.tls, trusting())):
        with Ws(port, tls=context, name="localhost") as ws:
            equal(ws.status, 101, "/ws")
            ws.subscribe("ticker-S1")


@case
def half_a_preface_is_served_when_the_rest_comes():
    with on_plain(begin=False) as h2:
        for at in range(0, 24, 5):
            h2.send(h2raw.PREFACE[at:at + 5])
            time.sleep(0.02)
        h2.send(h2raw.settings(), headers(1, request()))
        equal(h2.answer(1).status, 200, "/health")


@case
def alpn():
    """h2 wins wherever it is offered; http/1.1 and clients without ALPN get HTTP/1."""
    e = engine()
    for offered, wanted in ((["h2"], "h2"), (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"),
                            (["spdy/1", "http/1.1"], "http/1.1"), (None, None)):
        context = trusting()
        if offered:
            context.set_alpn_protocols(offered)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", e.tls), 5), server_hostname="localhost") as s:
            equal(s.selected_alpn_protocol(), wanted, "chosen from %s" % offered)
            if wanted != "h2":
                s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                check(s.recv(4096).startswith(b"HTTP/1.1 200 "), "HTTP/1 with %s" % offered)


@case
def the_other_protocol_than_agreed():
    """HTTP/1 after ALPN h2, and the preface after ALPN http/1.1: neither is served."""
    e = engine()
    context = trusting()
    context.set_alpn_protocols(["h2"])
    got = raw(e.tls, [b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"], context)
    check(b"200 OK" not in got and b'"ok"' not in got, "HTTP/1 on h2: %r" % got[:200])
    context = trusting()
    context.set_alpn_protocols(["http/1.1"])
    got = raw(e.tls, [h2raw.PREFACE + h2raw.settings() + headers(1, request())], context)
    check(got == b"" or got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")), "h2 on http/1.1: %r" % got[:200])


@case
def curl():
    e, page = engine(), http(engine().port, LARGE)[2]
    crt = ["--cacert", _engine[0][1][0]]
    plain, secure = "http://127.0.0.1:%d" % e.port, "https://localhost:%d" % e.tls
    for args, url, version in (
            (["--http2-prior-knowledge"], plain, "2"), (["--http2", *crt], secure, "2"), (crt, secure, "2"),
            (["--http1.1", *crt], secure, "1.1"), (["--http1.1"], plain, "1.1"),
            (["--http2"], plain, "1.1")):  # Upgrade: h2c, which nobody has to follow
        code, out, err = run(["curl", "-sS", *args, "-w", "\n%{http_version} %{http_code} %{content_type}", url + LARGE])
        equal(code, 0, "curl %s: %s" % (args, err))
        body, last = out.rsplit("\n", 1)
        equal(last.split(";")[0], "%s 200 text/javascript" % version, "curl %s" % args)
        equal(body, page, "page by curl %s" % args)


@case
def nghttp():
    e, page = engine(), http(engine().port, LARGE)[2]
    for url in ("http://127.0.0.1:%d%s" % (e.port, LARGE), "https://localhost:%d%s" % (e.tls, LARGE)):
        code, out, err = run(["nghttp", "-y", url])
        equal((code, out), (0, page), "nghttp %s: %s" % (url, err))


@case
def h2load():
    """20,000 requests, 100 at once on each of 8 connections: all are answered with 200."""
    e = engine()
    for url in ("http://127.0.0.1:%d/health" % e.port, "https://localhost:%d/health" % e.tls):
        code, out, err = run(["h2load", "-n", "20000", "-c", "8", "-m", "100", url], 120)
        check(code == 0 and "20000 succeeded, 0 failed" in out and "status codes: 20000 2xx" in out, (out + err)[-600:])


@case
def many_connections():
    """200 connections, each with requests, opened, used, closed, with nothing left behind."""
    e = engine()
    before = e.metrics()["tickcast_connections"]
    held = [on_plain() for _ in range(100)] + [on_tls() for _ in range(100)]
    for h2 in held:
        equal(h2.get("/").status, 200, "/")
    for h2 in held:
        h2.close()
    wait_for(lambda: e.metrics()["tickcast_connections"] <= before, 5, "all gone")


if __name__ == "__main__":
    need("openssl", "curl", "nghttp", "h2load")
    main()
