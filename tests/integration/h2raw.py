# SPDX-License-Identifier: Apache-2.0
"""A small blocking HTTP/2 client (RFC 9113) that can also send what a client must not.

The frame builders are plain functions that return bytes; H2 is a connection that sends such bytes and reads
frames. Encoding of header fields is by hand (RFC 7541), so that each representation can be chosen; decoding is
the package hpack's."""
import collections
import socket
import struct
import time

import hpack

from websocket import check

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITISED = 0x1, 0x1, 0x4, 0x8, 0x20
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
(HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE,
 MAX_HEADER_LIST_SIZE) = range(1, 7)
STREAM_MAX = (1 << 31) - 1

Frame = collections.namedtuple("Frame", "kind flags stream payload")


# ---------------------------------------------------------------- header fields (RFC 7541)

def integer(value, bits, flags=0):
    """Section 5.1: a number behind `bits` bits of a byte whose other bits are flags."""
    top = (1 << bits) - 1
    if value < top:
        return bytes([flags | value])
    out = [flags | top]
    value -= top
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes(out + [value])


def text(value):
    raw = value if isinstance(value, bytes) else value.encode("latin-1")
    return integer(len(raw), 7) + raw


def literal(name, value):
    """Without indexing: changes no table."""
    return b"\x00" + text(name) + text(value)


def remembered(name, value):
    """With incremental indexing: becomes entry 62, the others move up."""
    return b"\x40" + text(name) + text(value)


def indexed(entry):
    return integer(entry, 7, 0x80)


def table_size(size):
    return integer(size, 5, 0x20)


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def request(method="GET", path="/health", more=(), authority="localhost", scheme="http"):
    """The fields of a good request; more is added behind."""
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]


# ---------------------------------------------------------------- frames

def frame(kind, flags, stream, payload=b"", length=None):
    """length: what the head says, if not the truth."""
    head = struct.pack(">I", len(payload) if length is None else length)[1:]
    return head + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _padded(payload, pad):
    return payload if pad is None else bytes([pad]) + payload + bytes(pad)


def data(stream, body=b"", end=False, pad=None):
    return frame(DATA, end * END_STREAM | (pad is not None) * PADDED, stream, _padded(body, pad))


def headers(stream, fields, end=True, end_headers=True, pad=None, depends=None):
    """fields: pairs, or a block that is encoded already; depends: (exclusive, stream, weight)."""
    payload = fields if isinstance(fields, bytes) else block(fields)
    flags = end * END_STREAM | end_headers * END_HEADERS | (pad is not None) * PADDED
    if depends:
        payload = _dependency(*depends) + payload
        flags |= PRIORITISED
    return frame(HEADERS, flags, stream, _padded(payload, pad))


def continuation(stream, fields=b"", end_headers=False):
    payload = fields if isinstance(fields, bytes) else block(fields)
    return frame(CONTINUATION, end_headers * END_HEADERS, stream, payload)


def _dependency(exclusive, stream, weight):
    return struct.pack(">IB", exclusive << 31 | stream, weight)


def priority(stream, depends=0, weight=15, exclusive=False):
    return frame(PRIORITY, 0, stream, _dependency(exclusive, depends, weight))


def rst_stream(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(values=(), ack=False):
    """values: a mapping, or pairs where one identifier comes twice."""
    pairs = values.items() if isinstance(values, dict) else values
    return frame(SETTINGS, ack * ACK, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


def push_promise(stream, promised, fields=()):
    return frame(PUSH_PROMISE, END_HEADERS, stream, struct.pack(">I", promised) + block(fields))


def ping(payload=b"8 bytes.", ack=False):
    return frame(PING, ack * ACK, 0, payload)


def goaway(last=0, code=NO_ERROR, debug=b""):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + debug)


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


# ---------------------------------------------------------------- a connection


class Ended(Exception):
    """The peer closed the connection; goaway is the code of its last GOAWAY, or None."""

    def __init__(self, goaway):
        super().__init__("closed, GOAWAY %s" % goaway)
        self.goaway = goaway


class Answer:
    """What came on one stream so far. status is of the last header block that is not 1xx; reset is the
    code of RST_STREAM, or None."""

    def __init__(self):
        self.fields = self.trailers = self.reset = None
        self.interim = []
        self.body = b""
        self.is_ended = False

    @property
    def status(self):
        return int(self.first(":status") or 0)

    def first(self, name):
        """Value of a field of the head, or None."""
        return next((value for key, value in self.fields or () if key == name), None)

    def is_over(self):
        return self.is_ended or self.reset is not None

    def take_block(self, fields):
        if self.fields:
            self.trailers = fields
        elif dict(fields)[":status"].startswith("1"):
            self.interim.append(fields)
        else:
            self.fields = fields

    def __repr__(self):
        return "status %s, reset %s, %d bytes%s" % (self.status, self.reset, len(self.body),
                                                    "" if self.is_over() else ", not ended")


class H2:
    """A connection. It acknowledges SETTINGS and PING, gives the window back that DATA takes, and keeps an
    Answer for each stream, unless it is told not to.

    tls: an ssl.SSLContext, which gets ALPN h2; name: the one that it asks for. own: our SETTINGS, sent with the
    preface. is_polite: False to acknowledge nothing and give no window back."""

    def __init__(self, port, tls=None, name=None, own=(), timeout=5, rcvbuf=None, is_polite=True, begin=True):
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            tls.set_alpn_protocols(["h2"])
            self.socket = tls.wrap_socket(self.socket, server_hostname=name)
            check(self.socket.selected_alpn_protocol() == "h2", "ALPN chose %s" % self.socket.selected_alpn_protocol())
        self.scheme = "https" if tls else "http"
        self.is_polite = is_polite
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.answers = collections.defaultdict(Answer)
        self.goaways = []  # (last stream, code)
        self.pongs = []
        self.peer = None  # the server's SETTINGS
        self.acks = 0
        self.next_stream = 1
        self.windows = collections.Counter()  # what the server has given by WINDOW_UPDATE, by stream; 0 is the connection
        self.sent = collections.Counter()     # bytes of send_body, the same way
        self._open_block = None
        if begin:
            self.send(PREFACE + settings(own))
            self.wait(lambda: self.peer is not None and self.acks, "SETTINGS and their acknowledgement", timeout)

    def send(self, *frames):
        self.socket.settimeout(10)
        try:
            self.socket.sendall(b"".join(frames))
        except OSError:
            # What the peer said before it closed is still to be read.
            self.drain()
            raise Ended(self.goaways[-1][1] if self.goaways else None)

    def drain(self):
        """Takes what has come, of a connection that has ended."""
        try:
            while True:
                self.read(1)
        except (Ended, TimeoutError, OSError):
            pass

    def read(self, within=5):
        """The next frame, after it was taken into account."""
        end = time.monotonic() + within
        while True:
            b = self.buffer
            if len(b) >= 9:
                length = int.from_bytes(b[:3], "big")
                if len(b) >= 9 + length:
                    self.buffer = b[9 + length:]
                    found = Frame(b[3], b[4], int.from_bytes(b[5:9], "big") & STREAM_MAX, b[9:9 + length])
                    self._take(found)
                    return found
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no frame came")
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(262144)
            except socket.timeout:
                raise TimeoutError("no frame came")
            except OSError:
                more = b""
            if not more:
                raise Ended(self.goaways[-1][1] if self.goaways else None)
            self.buffer += more

    def wait(self, condition, what, within=5):
        """Reads frames until the condition holds."""
        end = time.monotonic() + within
        while not condition():
            try:
                self.read(end - time.monotonic())
            except TimeoutError:
                raise AssertionError("not within %s s: %s" % (within, what() if callable(what) else what))

    def _take(self, f):
        payload = f.payload
        if f.flags & PADDED and f.kind in (DATA, HEADERS):
            payload = payload[1:len(payload) - payload[0]]
        if f.kind == DATA:
            self.answers[f.stream].body += payload
            if self.is_polite and f.payload:
                self._reply(window_update(0, len(f.payload)), window_update(f.stream, len(f.payload)))
        elif f.kind == HEADERS:
            self._open_block = (f.stream, payload[5 if f.flags & PRIORITISED else 0:], f.flags)
        elif f.kind == CONTINUATION:
            stream, begun, flags = self._open_block
            self._open_block = (stream, begun + payload, flags)
        elif f.kind == RST_STREAM:
            self.answers[f.stream].reset = int.from_bytes(payload, "big")
        elif f.kind == SETTINGS:
            self._take_settings(f)
        elif f.kind == PING and f.flags & ACK:
            self.pongs.append(payload)
        elif f.kind == PING and self.is_polite:
            self._reply(ping(payload, ack=True))
        elif f.kind == WINDOW_UPDATE:
            self.windows[f.stream] += int.from_bytes(payload, "big") & STREAM_MAX
        elif f.kind == GOAWAY:
            self.goaways.append((int.from_bytes(payload[:4], "big") & STREAM_MAX, int.from_bytes(payload[4:8], "big")))
        if f.kind in (HEADERS, CONTINUATION) and f.flags & END_HEADERS:
            stream, whole, flags = self._open_block
            self.answers[stream].take_block([tuple(field) for field in self.decoder.decode(whole)])
            self.answers[stream].is_ended = bool(flags & END_STREAM)
        if f.kind == DATA and f.flags & END_STREAM:
            self.answers[f.stream].is_ended = True

    def _take_settings(self, f):
        if f.flags & ACK:
            self.acks += 1
            return
        self.peer = self.peer or {}
        for at in range(0, len(f.payload), 6):
            key, value = struct.unpack(">HI", f.payload[at:at + 6])
            self.peer[key] = value
        if self.is_polite:
            self._reply(settings(ack=True))

    def _reply(self, *frames):
        """What the peer may no longer be there to read."""
        try:
            self.socket.settimeout(10)
            self.socket.sendall(b"".join(frames))
        except OSError:
            pass

    def open(self, fields, end=True, **more):
        """Sends HEADERS on a new stream; returns its number."""
        stream = self.next_stream
        self.next_stream += 2
        self.send(headers(stream, fields, end=end, **more))
        return stream

    def send_body(self, stream, body, end=True, within=5):
        """DATA as far as the server's windows and frame size let it; stops early when the stream is over."""
        at = 0
        while at < len(body) and not self.answers[stream].is_over():
            def room():
                initial = self.peer.get(INITIAL_WINDOW_SIZE, 65535)
                return min(65535 + self.windows[0] - self.sent[0], initial + self.windows[stream] - self.sent[stream],
                           self.peer.get(MAX_FRAME_SIZE, 16384), len(body) - at)
            self.wait(lambda: room() > 0 or self.answers[stream].is_over(), "room for DATA", within)
            cnt = room()
            if cnt > 0:
                self.send(data(stream, body[at:at + cnt], end and at + cnt == len(body)))
                self.sent[0] += cnt
                self.sent[stream] += cnt
                at += cnt

    def answer(self, stream, within=5):
        """The answer on that stream, when it is over."""
        found = self.answers[stream]
        self.wait(found.is_over, lambda: "the end of stream %d (%s), GOAWAYs %s" % (stream, found, self.goaways), within)
        return found

    def get(self, path="/health", within=5, method="GET", more=()):
        return self.answer(self.open(request(method, path, more, scheme=self.scheme)), within)

    def roundtrip(self, within=5):
        """Until everything that was sent has been looked at: a PING and its answer."""
        cnt = len(self.pongs)
        self.send(ping())
        self.wait(lambda: len(self.pongs) > cnt, "a PING's answer", within)

    def end(self, within=5):
        """Reads to the end of the connection; returns the code of its last GOAWAY, or None."""
        stop = time.monotonic() + within
        try:
            while True:
                self.read(stop - time.monotonic())
        except Ended as ended:
            return ended.goaway

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
