# SPDX-License-Identifier: Apache-2.0
"""A small blocking WebSocket client for the tests, and the chain rule over what it reads. Standard library
only; it can also send what a client must not."""
import base64
import json
import os
import socket
import struct
import time


def check(condition, what):
    if not condition:
        raise AssertionError(what() if callable(what) else what)


class Closed(Exception):
    """The peer ended the connection; code is of its close frame, or None."""

    def __init__(self, code):
        super().__init__("closed with %s" % code)
        self.code = code


class Ws:
    """A small blocking WebSocket client that can also send what a client must not."""

    def __init__(self, port, headers=(), path="/ws", timeout=5, rcvbuf=None, tls=None, name=None, session=None):
        """tls: an ssl.SSLContext; name: the one that it asks for."""
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name, session=session, suppress_ragged_eofs=False)
        self.buffer = b""
        self.seen = []
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET %s HTTP/1.1" % path, "Host: 127.0.0.1:%d" % port, "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key, *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        head = self._until(b"\r\n\r\n", timeout)
        self.status = int(head.split()[1])
        self.head = head.decode(errors="replace")

    def _fill(self, end):
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing more came")
        self.socket.settimeout(left)
        try:
            more = self.socket.recv(262144)
        except socket.timeout:
            raise TimeoutError("nothing more came")
        except ConnectionError:
            more = b""
        if not more:
            raise Closed(None)
        self.buffer += more

    def _until(self, mark, within):
        end = time.monotonic() + within
        while mark not in self.buffer:
            self._fill(end)
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def frame(self, within=5):
        """(first byte, payload) of the next frame."""
        end = time.monotonic() + within
        while True:
            b = self.buffer
            if len(b) >= 2:
                n, at = b[1] & 127, 2
                if n == 126 and len(b) >= 4:
                    n, at = struct.unpack(">H", b[2:4])[0], 4
                elif n == 127 and len(b) >= 10:
                    n, at = struct.unpack(">Q", b[2:10])[0], 10
                elif n > 125:
                    n = 1 << 62
                if len(b) >= at + n:
                    self.buffer = b[at + n:]
                    return b[0], b[at:at + n]
            self._fill(end)

    def message(self, within=5):
        """Text or bytes of the next message; answers pings, raises Closed."""
        end = time.monotonic() + within
        parts, opcode = b"", 0
        while True:
            first, body = self.frame(end - time.monotonic())
            if first & 15 == 8:
                code = struct.unpack(">H", body[:2])[0] if len(body) >= 2 else 1005
                try:
                    self.send_frame(0x88, body[:2])
                except OSError:
                    pass
                raise Closed(code)
            if first & 15 == 9:
                self.send_frame(0x8A, body)
            if first & 15 in (0, 1, 2):
                opcode = first & 15 or opcode
                parts += body
                if first & 0x80:
                    return parts.decode() if opcode == 1 else parts

    def next(self, within=5):
        event = json.loads(self.message(within))
        self.seen.append(event)
        return event

    def expect(self, name, within=5, **fields):
        """Reads on to the next event of that name and fields."""
        end = time.monotonic() + within
        passed = []
        while True:
            try:
                event = self.next(end - time.monotonic())
            except TimeoutError:
                raise AssertionError("no %s %s within %s s; came: %s" % (name, fields, within, str(passed[-5:])[:600]))
            if event.get("event") == name and all(event.get(k) == v for k, v in fields.items()):
                return event
            passed.append(event)

    def quiet(self, seconds, *names):
        """No event (of those names, if any) for so long."""
        end = time.monotonic() + seconds
        while True:
            try:
                event = self.next(end - time.monotonic())
            except TimeoutError:
                return
            check(names and event.get("event") not in names, "came: %s" % event)

    def close_code(self, within=5):
        """Reads to the end; the code of the close frame, or None if there was none."""
        end = time.monotonic() + within
        while True:
            try:
                self.message(end - time.monotonic())
            except Closed as closed:
                return closed.code

    def send_frame(self, first, body=b"", mask=True):
        n = len(body)
        flag = 0x80 if mask else 0
        head = bytes([first])
        if n < 126:
            head += bytes([flag | n])
        elif n < 65536:
            head += bytes([flag | 126]) + struct.pack(">H", n)
        else:
            head += bytes([flag | 127]) + struct.pack(">Q", n)
        if mask:
            key = os.urandom(4)
            repeated = int.from_bytes((key * (n // 4 + 1))[:n], "big")
            body = key + (int.from_bytes(body, "big") ^ repeated).to_bytes(n, "big")
        self.socket.settimeout(10)
        self.socket.sendall(head + body)

    def send(self, event, data=None, id=None):
        message = {"event": event}
        if id is not None:
            message["id"] = id
        if data is not None:
            message["data"] = data
        self.send_frame(0x81, json.dumps(message).encode())

    def subscribe(self, *rooms, within=10, **data):
        """Subscribes and returns the confirmation of the last room."""
        self.send("subscribe", dict(data, rooms=list(rooms)))
        for room in rooms:
            confirmed = self.expect("subscription-confirmed", within, room=room)
        return confirmed

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Chain:
    """The chain rule over the events of one room, in the words of docs/protocol.md."""

    def __init__(self, last=None):
        self.last = last
        self.positions = []

    def feed(self, event):
        name = event["event"]
        if name == "subscription-confirmed" and self.last is None:
            self.last = event["pos"]
        elif name in ("conflated", "gap", "cannot-recover"):
            self.last = None if event.get("reason") == "recreated" else event["to"]
        elif name == "moved":
            self.last = None
        elif name.endswith("-update") and not event.get("snapshot"):
            prev = -1 if event["prev"] is None else event["prev"]
            last = -1 if self.last is None else self.last
            check(prev <= last < event["pos"], "chain broken: last %s, then %s" % (self.last, str(event)[:200]))
            self.last = event["pos"]
            self.positions.append(event["pos"])
        elif name.endswith("-update"):
            self.last = event["pos"]
