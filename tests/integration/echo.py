# SPDX-License-Identifier: Apache-2.0
"""Framing judged on ws-echo: sizes, fragmentation, control frames, UTF-8, masks, close codes (RFC 6455)."""
import os
import struct
import subprocess

from harness import Closed, Ws, case, check, equal, free_port, program, start, wait_for

_port = []


def port():
    if not _port:
        _port.append(free_port())
        start([program("ws-echo"), str(_port[0])], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def is_up():
            try:
                Ws(_port[0]).close()
                return True
            except OSError:
                return False
        wait_for(is_up, 10, "ws-echo")
    return _port[0]


def ended_with(send, *codes):
    """send(ws) must end the connection with one of these close codes (None: without a close frame)."""
    with Ws(port()) as ws:
        send(ws)
        found = ws.close_code(10)
        check(found in codes, "closed with %s, wanted %s" % (found, codes))


@case
def echo_sizes():
    """Messages of every length class come back, up to 16 MiB."""
    with Ws(port(), timeout=30) as ws:
        for size in (0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 16 << 20):
            for first in (0x81, 0x82):
                body = (b"x" if first == 0x81 else b"\xff") * size
                ws.send_frame(first, body)
                got = ws.message(60)
                check((got.encode() if first == 0x81 else got) == body, "%d bytes changed" % size)
    ended_with(lambda ws: ws.send_frame(0x82, b"x" * ((16 << 20) + 1)), 1009, None)


@case
def echo_fragments():
    """Fragments are joined; control frames between them are served at once."""
    with Ws(port()) as ws:
        ws.send_frame(0x01, "a€".encode()[:2])
        ws.send_frame(0x89, b"between")
        ws.send_frame(0x00, "a€".encode()[2:])
        ws.send_frame(0x00, b"")
        ws.send_frame(0x80, b"z")
        equal(ws.frame(), (0x8A, b"between"), "pong")
        equal(ws.message(), "a€z", "message")


@case
def echo_control_frames():
    """Ping with and without bytes; an unasked pong is ignored; 126 bytes or a fragment is 1002."""
    with Ws(port()) as ws:
        for body in (b"", b"x" * 125):
            ws.send_frame(0x89, body)
            equal(ws.frame(), (0x8A, body), "pong")
        ws.send_frame(0x8A, b"unasked")
        ws.send_frame(0x81, b"still here")
        equal(ws.message(), "still here", "message")
    ended_with(lambda ws: ws.send_frame(0x89, b"x" * 126), 1002)
    ended_with(lambda ws: ws.send_frame(0x09, b"x"), 1002)


@case
def echo_protocol_errors():
    """Reserved bits and opcodes, no mask, a continuation of nothing, a new message inside one: 1002."""
    for first in (0xC1, 0xA1, 0x91, 0x83, 0x84, 0x87, 0x8B, 0x8F):
        ended_with(lambda ws: ws.send_frame(first, b"x"), 1002)
    ended_with(lambda ws: ws.send_frame(0x81, b"x", mask=False), 1002)
    ended_with(lambda ws: ws.send_frame(0x80, b"x"), 1002)
    ended_with(lambda ws: (ws.send_frame(0x01, b"x"), ws.send_frame(0x81, b"y")), 1002)


@case
def echo_lengths():
    """A length of 2^63 and one beyond the limit are refused before any body comes; not the shortest form is 1002."""
    ended_with(lambda ws: ws.socket.sendall(b"\x82\xff" + struct.pack(">Q", 1 << 63) + b"abcd"), 1002, 1009)
    ended_with(lambda ws: ws.socket.sendall(b"\x82\xff" + struct.pack(">Q", 1 << 40) + b"abcd"), 1009)
    ended_with(lambda ws: ws.socket.sendall(b"\x82\xfe" + struct.pack(">H", 5) + b"abcd" + b"12345"), 1002)


@case
def echo_utf8():
    """Text that is not UTF-8 is 1007, at once even inside a fragment; good text of every length comes back."""
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\xce", b"\xe2\x82"):
        ended_with(lambda ws: ws.send_frame(0x81, bad), 1007)
    ended_with(lambda ws: ws.send_frame(0x01, b"\xce\xba\xff"), 1007)
    with Ws(port()) as ws:
        text = "κόσμε€𐍈\U0010ffff"
        for b in text.encode()[:-1]:
            ws.send_frame(0x01 if b == text.encode()[0] and not ws.seen else 0x00, bytes([b]))
            ws.seen.append(b)
        ws.send_frame(0x80, text.encode()[-1:])
        equal(ws.message(), text, "text")


@case
def echo_close_codes():
    """A legal close code is answered with itself; an illegal one, or half of one, with 1002."""
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999):
        ended_with(lambda ws: ws.send_frame(0x88, struct.pack(">H", code) + b"bye"), code)
    ended_with(lambda ws: ws.send_frame(0x88), 1000, 1005)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535):
        ended_with(lambda ws: ws.send_frame(0x88, struct.pack(">H", code)), 1002)
    ended_with(lambda ws: ws.send_frame(0x88, b"\x03"), 1002)
    ended_with(lambda ws: ws.send_frame(0x88, b"\x03\xe8\xff"), 1007)


@case
def echo_random_cuts():
    """The same frames sent in pieces of random size give the same echoes."""
    import random
    chance = random.Random(7)
    with Ws(port(), timeout=30) as ws:
        bodies = [os.urandom(chance.choice((0, 3, 126, 300, 70000))) for _ in range(60)]
        stream = b""
        for body in bodies:
            n = len(body)
            head = bytes([0x82]) + (bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 else
                                    b"\xff" + struct.pack(">Q", n))
            stream += head + b"\0\0\0\0" + body
        at, got = 0, []
        while at < len(stream):
            size = chance.choice((1, 2, 7, 1000, 65536))
            ws.socket.sendall(stream[at:at + size])
            at += size
            if len(got) < 60 and at > 200000 * (1 + len(got) // 10):
                got.append(ws.message(10))
        while len(got) < 60:
            got.append(ws.message(10))
        check(got == bodies, "echoes differ")
