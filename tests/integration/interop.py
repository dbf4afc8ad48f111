#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC's interoperability cases against tests/grpc-interop-server: the clients of Go, Python and Node, and the
compressed cases on the wire, where each message's flag can be chosen and seen."""
import gzip
import json
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from h2raw import H2, request
from harness import ROOT, case, check, equal, free_port, go_tool, main, need, program, run, start, wait_for

SERVER = program("grpc-interop-server")
E2E = os.environ.get("TC_E2E_DIR") or os.path.join(ROOT, "build", "e2e")
SCHEMA = os.path.join(ROOT, "tests", "schema", "grpc", "testing")
CASES = """empty_unary large_unary client_streaming server_streaming ping_pong empty_stream timeout_on_sleeping_server
    cancel_after_begin cancel_after_first_response status_code_and_message special_status_message custom_metadata
    unimplemented_method unimplemented_service""".split()
SOAKS = ["rpc_soak", "channel_soak"]
COMPRESSED = ["client_compressed_unary", "server_compressed_unary", "server_compressed_streaming"]
CLIENTS = {
    "python": [os.path.join(E2E, "venv", "bin", "python"), os.path.join(ROOT, "tests", "e2e", "interop_client.py")],
    "node": ["node", os.path.join(E2E, "interop_client.mjs")],
}
INVALID_ARGUMENT = "3"
_port = []


def port():
    """One server for all cases."""
    if not _port:
        _port.append(free_port())
        process = start([SERVER, _port[0]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def is_up():
            check(process.poll() is None, "the server ended with %s" % process.poll())
            try:
                socket.create_connection(("127.0.0.1", _port[0]), 1).close()
                return True
            except OSError:
                return False
        wait_for(is_up, 10, "the server")
    return _port[0]


def go_case(name):
    def one():
        tool = go_tool("grpc-interop-client")
        code, _, err = run([tool, "-server_host", "127.0.0.1", "-server_port", port(), "-test_case", name], 60)
        check(code == 0, err[-600:])
    one.__name__ = "go_" + name
    case(one)


def client_case(client, name):
    def one():
        code, out, err = run([*CLIENTS[client], SCHEMA, "127.0.0.1:%d" % port(), "-", name], 60)
        lines = [json.loads(line) for line in out.splitlines()]
        equal([line["case"] for line in lines], [name], "cases that ran (%s)" % err[-300:])
        check(code == 0 and "fault" not in lines[0], "%s %s" % (out, err[-300:]))
    one.__name__ = "%s_%s" % (client, name)
    case(one)


for case_name in CASES + SOAKS:
    go_case(case_name)
for case_name in CASES + COMPRESSED:
    for client_name in CLIENTS:
        client_case(client_name, case_name)


# ---------------------------------------------------------------- on the wire

def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, *parts):
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def truth(field, value):
    """A BoolValue."""
    return message(field, number(1, 1) if value else b"")


def payload(field, size):
    return message(field, message(2, bytes(size)))


def framed(body, is_compressed=False):
    if is_compressed:
        body = gzip.compress(body)
    return struct.pack(">BI", is_compressed, len(body)) + body


def same(found, wanted, what):
    """As equal(), for (flag, message) pairs; says only their lengths."""
    check(found == wanted, lambda: "%s: %s, wanted %s" % (
        what, *([(flag, len(body)) for flag, body in rows] for rows in (found, wanted))))


def call(method, *messages, accepts=True):
    """(grpc-status, [(flag, message, plain again)], head) of a call."""
    fields = request("POST", "/grpc.testing.TestService/" + method, [
        ("te", "trailers"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip"),
        *([("grpc-accept-encoding", "identity,gzip")] if accepts else [])])
    with H2(port()) as h2:
        stream = h2.open(fields, end=False)
        h2.send_body(stream, b"".join(messages))
        found = h2.answer(stream)
    equal(found.status, 200, "status")
    rest, got = found.body, []
    while rest:
        flag, length = struct.unpack(">BI", rest[:5])
        check(len(rest) >= 5 + length, "a message that was cut short")
        body, rest = rest[5:5 + length], rest[5 + length:]
        got.append((flag, gzip.decompress(body) if flag else body))
    return dict(found.trailers or found.fields).get("grpc-status"), got, found


@case
def wire_client_compressed_unary():
    for is_said, is_true, wanted in ((True, False, INVALID_ARGUMENT), (True, True, "0"), (False, False, "0")):
        body = number(2, 314159) + payload(3, 271828) + truth(8, is_said)
        status, got, _ = call("UnaryCall", framed(body, is_true))
        equal(status, wanted, "status where compression was %s and said to be %s" % (is_true, is_said))
        if wanted == "0":
            same([(0, plain) for _, plain in got], [(0, payload(1, 314159))], "answer")


@case
def wire_client_compressed_streaming():
    """Each message may be compressed or not (and one that lies ends the call)."""
    status, _, _ = call("StreamingInputCall", framed(payload(1, 27182) + truth(2, True), False))
    equal(status, INVALID_ARGUMENT, "status of a lie")
    status, got, _ = call("StreamingInputCall", framed(payload(1, 27182) + truth(2, True), True),
                          framed(payload(1, 45904) + truth(2, False), False))
    equal((status, [plain for _, plain in got]), ("0", [number(1, 73086)]), "sum")


@case
def wire_server_compressed_unary():
    for wanted in (True, False):
        status, got, found = call("UnaryCall", framed(number(2, 314159) + payload(3, 271828) + truth(6, wanted)))
        equal(status, "0", "status")
        same(got, [(int(wanted), payload(1, 314159))], "answer where compression is %s" % wanted)
        if wanted:
            equal(found.first("grpc-encoding"), "gzip", "grpc-encoding")


@case
def wire_server_compressed_streaming():
    rows = message(2, number(1, 31415), truth(3, True)) + message(2, number(1, 92653), truth(3, False))
    status, got, _ = call("StreamingOutputCall", framed(rows))
    equal(status, "0", "status")
    same(got, [(1, payload(1, 31415)), (0, payload(1, 92653))], "answers")


@case
def wire_nothing_compressed_that_is_not_accepted():
    status, got, _ = call("UnaryCall", framed(number(2, 1000) + truth(6, True)), accepts=False)
    equal(status, "0", "status")
    same(got, [(0, payload(1, 1000))], "answer")


if __name__ == "__main__":
    need(SERVER, "node", "npm")
    go_tool("grpc-interop-client")
    code, out, err = run([os.path.join(ROOT, "tests", "e2e", "setup.sh")], 300)
    check(code == 0, "set-up: %s" % (out + err)[-600:])
    main()
