# SPDX-License-Identifier: Apache-2.0
"""Python's grpcio as a client of the interoperability cases: interop_client.py FOLDER HOST:PORT [CA] [CASE...]

FOLDER holds test.proto; CA is a file of certificates ("-": without TLS). Prints one line of JSON per case, with
the key fault where one failed; exit code 0 if none did."""
import json
import queue
import sys
import time

import grpc

sys.path.insert(0, sys.argv[1])
protos, services = grpc.protos_and_services("test.proto")

REQUEST_SIZES = (27182, 8, 1828, 45904)
RESPONSE_SIZES = (31415, 9, 2653, 58979)
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
INITIAL_VALUE, TRAILING_VALUE = "test_initial_metadata_value", b"\x0a\x0b\x0a\x0b\x0a\x0b"
WITHIN_S = 20


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError("%s: %r, wanted %r" % (what, found, wanted))


def payload(size):
    return protos.Payload(body=bytes(size))


def zeros(found, size, what="payload"):
    equal((len(found.body), found.body.strip(b"\0")), (size, b""), what)


def ends_with(code, call, message=None):
    """call() must raise that status."""
    try:
        call()
    except grpc.RpcError as error:
        equal(error.code(), code, "status (%s)" % error.details())
        if message is not None:
            equal(error.details(), message, "message")
        return
    raise AssertionError("no error where %s was due" % code)


def simple(size, **more):
    return protos.SimpleRequest(response_size=size, payload=payload(271828), **more)


def output(*sizes, body=None, **more):
    rows = [protos.ResponseParameters(size=size) for size in sizes]
    return protos.StreamingOutputCallRequest(response_parameters=rows, payload=payload(body or 0), **more)


class Requests:
    """A request stream that is fed while the call runs."""

    def __init__(self, *first):
        self.queue = queue.Queue()
        for one in first:
            self.queue.put(one)

    def __iter__(self):
        return iter(self.queue.get, None)

    def send(self, one):
        self.queue.put(one)

    def end(self):
        self.queue.put(None)


def empty_unary(stub):
    equal(stub.EmptyCall(protos.Empty(), timeout=WITHIN_S), protos.Empty(), "answer")


def large_unary(stub):
    zeros(stub.UnaryCall(simple(314159), timeout=WITHIN_S).payload, 314159)


def client_streaming(stub):
    sent = (protos.StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES)
    equal(stub.StreamingInputCall(sent, timeout=WITHIN_S).aggregated_payload_size, sum(REQUEST_SIZES), "sum")


def server_streaming(stub):
    answers = list(stub.StreamingOutputCall(output(*RESPONSE_SIZES), timeout=WITHIN_S))
    equal(len(answers), len(RESPONSE_SIZES), "answers")
    for answer, size in zip(answers, RESPONSE_SIZES):
        zeros(answer.payload, size)


def ping_pong(stub):
    requests = Requests()
    answers = stub.FullDuplexCall(iter(requests), timeout=WITHIN_S)
    for request_size, response_size in zip(REQUEST_SIZES, RESPONSE_SIZES):
        requests.send(output(response_size, body=request_size))
        zeros(next(answers).payload, response_size)
    requests.end()
    equal(list(answers), [], "what comes after the last")
    equal(answers.code(), grpc.StatusCode.OK, "status")


def empty_stream(stub):
    equal(list(stub.FullDuplexCall(iter(()), timeout=WITHIN_S)), [], "answers")


def timeout_on_sleeping_server(stub):
    requests = Requests(output(body=27182))
    answers = stub.FullDuplexCall(iter(requests), timeout=0.001)
    ends_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(answers))
    requests.end()


def cancel_after_begin(stub):
    requests = Requests()
    call = stub.StreamingInputCall.future(iter(requests), timeout=WITHIN_S)
    call.cancel()
    equal((call.cancelled(), call.code()), (True, grpc.StatusCode.CANCELLED), "end")
    requests.end()


def cancel_after_first_response(stub):
    requests = Requests(output(31415, body=27182))
    answers = stub.FullDuplexCall(iter(requests), timeout=WITHIN_S)
    zeros(next(answers).payload, 31415)
    answers.cancel()
    ends_with(grpc.StatusCode.CANCELLED, lambda: next(answers))
    requests.end()


def status_code_and_message(stub):
    wanted = protos.EchoStatus(code=2, message="test status message")
    ends_with(grpc.StatusCode.UNKNOWN, lambda: stub.UnaryCall(protos.SimpleRequest(response_status=wanted), timeout=WITHIN_S),
              wanted.message)
    answers = stub.FullDuplexCall(iter([protos.StreamingOutputCallRequest(response_status=wanted)]), timeout=WITHIN_S)
    ends_with(grpc.StatusCode.UNKNOWN, lambda: next(answers), wanted.message)


def special_status_message(stub):
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    wanted = protos.EchoStatus(code=2, message=text)
    request = protos.SimpleRequest(response_status=wanted)
    ends_with(grpc.StatusCode.UNKNOWN, lambda: stub.UnaryCall(request, timeout=WITHIN_S), text)


def custom_metadata(stub):
    sent = ((INITIAL, INITIAL_VALUE), (TRAILING, TRAILING_VALUE))

    def echoed(call):
        equal(dict(call.initial_metadata()).get(INITIAL), INITIAL_VALUE, "initial metadata")
        equal(dict(call.trailing_metadata()).get(TRAILING), TRAILING_VALUE, "trailing metadata")
    request = protos.SimpleRequest(response_size=1, payload=payload(1))
    answer, call = stub.UnaryCall.with_call(request, metadata=sent, timeout=WITHIN_S)
    zeros(answer.payload, 1)
    echoed(call)
    answers = stub.FullDuplexCall(iter([output(1, body=1)]), metadata=sent, timeout=WITHIN_S)
    zeros(next(answers).payload, 1)
    equal(list(answers), [], "what comes after the last")
    echoed(answers)


def unimplemented_method(stub):
    ends_with(grpc.StatusCode.UNIMPLEMENTED, lambda: stub.UnimplementedCall(protos.Empty(), timeout=WITHIN_S))


def unimplemented_service(stub):
    other = services.UnimplementedServiceStub(stub.channel)
    ends_with(grpc.StatusCode.UNIMPLEMENTED, lambda: other.UnimplementedCall(protos.Empty(), timeout=WITHIN_S))


def client_compressed_unary(stub):
    """A lie about compression is found out; the truth passes, both ways."""
    def call(is_said, compression):
        request = simple(314159, expect_compressed=protos.BoolValue(value=is_said))
        return stub.UnaryCall(request, compression=compression, timeout=WITHIN_S)
    ends_with(grpc.StatusCode.INVALID_ARGUMENT, lambda: call(True, grpc.Compression.NoCompression))
    zeros(call(True, grpc.Compression.Gzip).payload, 314159)
    zeros(call(False, grpc.Compression.NoCompression).payload, 314159)


def server_compressed_unary(stub):
    for wanted in (True, False):
        zeros(stub.UnaryCall(simple(314159, response_compressed=protos.BoolValue(value=wanted)), timeout=WITHIN_S).payload, 314159)


def server_compressed_streaming(stub):
    request = output(31415, 92653)
    for row, wanted in zip(request.response_parameters, (True, False)):
        row.compressed.value = wanted
    answers = list(stub.StreamingOutputCall(request, timeout=WITHIN_S))
    equal(len(answers), 2, "answers")
    for answer, size in zip(answers, (31415, 92653)):
        zeros(answer.payload, size)


CASES = [empty_unary, large_unary, client_streaming, server_streaming, ping_pong, empty_stream, timeout_on_sleeping_server,
         cancel_after_begin, cancel_after_first_response, status_code_and_message, special_status_message, custom_metadata,
         unimplemented_method, unimplemented_service, client_compressed_unary, server_compressed_unary,
         server_compressed_streaming]


def main():
    target, ca, wanted = sys.argv[2], (sys.argv[3:4] or ["-"])[0], sys.argv[4:]
    if ca == "-":
        channel = grpc.insecure_channel(target)
    else:
        with open(ca, "rb") as f:
            channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(f.read()))
    bad = 0
    with channel:
        grpc.channel_ready_future(channel).result(WITHIN_S)
        stub = services.TestServiceStub(channel)
        stub.channel = channel
        for case in CASES:
            if wanted and case.__name__ not in wanted:
                continue
            begin, line = time.monotonic(), {"case": case.__name__}
            try:
                case(stub)
            except (AssertionError, grpc.RpcError, StopIteration) as error:
                line["fault"] = (str(error) or repr(error))[:400]
                bad += 1
            line["ms"] = round((time.monotonic() - begin) * 1000)
            print(json.dumps(line), flush=True)
    sys.exit(1 if bad else 0)


main()
