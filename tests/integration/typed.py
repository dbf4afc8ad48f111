#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Topics with a declared type on a real Kafka: a client of WebSocket and one of gRPC see the same values, which are
those that Python's protobuf reads and writes.

Needs grpcio and protobuf: run by tests/suites/72-typed.sh with the Python of build/e2e."""
import json
import os
import struct
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ROOT, RUN, TICKCAST, Engine, Ws, case, check, equal, main_with_kafka, need, run, source, wait_for

SERVICE = "/jts.marketdata.v1.MarketDataService/"
WITHIN_S = 20
POISON, TOMBSTONE = object(), object()  # what clients shall see of a record, beside a message

DESK = """syntax = "proto3";
package desk;
import "google/protobuf/timestamp.proto";
message Order {
  enum Side { SIDE_NONE = 0; BUY = 1; SELL = 2; }
  message Fill { double price = 1; sint32 count = 2; }
  string id = 1;
  uint64 quantity = 2;
  Side side = 3;
  repeated Fill fills = 4;
  map<string, int64> limits = 5;
  bytes token = 6;
  google.protobuf.Timestamp placed_at = 7;
  optional bool is_hidden = 8;
}
"""


# ---------------------------------------------------------------- types

def descriptor_set(name, folder, *files):
    """What protoc makes of the files: (path, parsed)."""
    path = os.path.join(RUN, name)
    code, _, err = run(["protoc", "-I" + folder, "--include_imports", "--descriptor_set_out=" + path, *files])
    check(code == 0, "protoc: " + err)
    with open(path, "rb") as f:
        return path, descriptor_pb2.FileDescriptorSet.FromString(f.read())


class Types:
    """Classes of messages by their full names."""

    def __init__(self):
        os.makedirs(os.path.join(RUN, "desk"), exist_ok=True)
        with open(os.path.join(RUN, "desk", "order.proto"), "w") as f:
            f.write(DESK)
        folder = "jts/marketdata/v1/"
        _, own = descriptor_set("own.binpb", os.path.join(ROOT, "proto", "schema"),
                                *[folder + n + ".proto" for n in ("tick", "event", "request", "marketdata")])
        self.desk_file, desk = descriptor_set("desk.binpb", os.path.join(RUN, "desk"), "order.proto")
        self.pool = descriptor_pool.DescriptorPool()
        for file in {f.name: f for f in list(own.file) + list(desk.file)}.values():
            self.pool.Add(file)

    def __getitem__(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))


TYPES = Types()


def own(name):
    return TYPES["jts.marketdata.v1." + name]


def tick(n):
    return own("Tick")(symbol="A", ts_ms=1723075200000 + n, price="%d.25" % n, sequence=(1 << 63) + n)


def order(n):
    message = TYPES["desk.Order"](id="o-%d é" % n, quantity=(1 << 60) + n, side=n % 3, token=bytes(range(n)))
    for i in range(n):
        message.fills.add(price=i + 0.5, count=-i)
        message.limits["l%d" % i] = -i
    message.placed_at.FromJsonString("2024-08-08T00:00:00.%03dZ" % n)
    if n % 2:
        message.is_hidden = False
    return message


NEWER = b"\x0a\x01A\xa8\x46\x07"  # a Tick with a field that it does not have here


def as_json(message):
    return json_format.MessageToJson(message, indent=None).encode()


def framed(payload, indexes=b""):
    return b"\0" + struct.pack(">I", 4711) + indexes + payload


# ---------------------------------------------------------------- records and clients

def produce(kafka, topic, values, key="A"):
    """One record after the other, bytes as they are; None: a tombstone."""
    files = []  # a record each

    def send(*more):
        code, _, err = run(["kcat", "-P", "-b", kafka.brokers, "-t", topic, *more])
        check(code == 0, "kcat: " + err)

    def send_files():
        if files:
            send("-k", key, *files)
        files.clear()

    for n, value in enumerate(values):
        path = os.path.join(RUN, "value-%d" % n)
        with open(path, "wb") as f:
            f.write(key.encode() + b":\n" if value is None else value)
        if value is None:
            send_files()
            send("-K:", "-Z", "-l", path)
        else:
            files.append(path)
    send_files()


class Grpc:
    def __init__(self, port):
        self.channel = grpc.insecure_channel("127.0.0.1:%d" % port)

    def ask(self, method, request, answer):
        call = self.channel.unary_unary(SERVICE + method, request_serializer=type(request).SerializeToString,
                                        response_deserializer=own(answer).FromString)
        return call(request, timeout=WITHIN_S)

    def subscribe(self, *rooms):
        """Events of the rooms from now on: an iterator that has had the confirmations."""
        request = own("SubscribeRequest")(rooms=rooms)
        call = self.channel.unary_stream(SERVICE + "Subscribe", request_serializer=type(request).SerializeToString,
                                         response_deserializer=own("Event").FromString)
        events = call(request, timeout=WITHIN_S)
        for _ in rooms:
            equal(next(events).WhichOneof("event"), "subscription_confirmed", "first event")
        return events

    def snapshot(self, room):
        return self.ask("GetSnapshot", own("GetSnapshotRequest")(room=room), "GetSnapshotResponse").update

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()


def saw(event):
    """An event of WebSocket: position and what it says."""
    if event["event"] == "gap":
        equal(event["reason"], "poison", "reason of a gap")
        return event["to"], POISON
    equal(event["event"], "ticker-update", "event")
    return event["pos"], TOMBSTONE if event["data"] is None else event["data"]


def saw_grpc(event, type_name):
    """The same of gRPC; a value is a message of the type, or bytes without one."""
    if event.WhichOneof("event") == "gap":
        equal(event.gap.reason, "poison", "reason of a gap")
        return event.gap.to, POISON
    equal(event.WhichOneof("event"), "update", "event")
    update = event.update
    equal((update.event, update.type), ("ticker-update", type_name), "event and type")
    if update.tombstone:
        equal(update.value, b"", "value of a tombstone")
        return update.pos, TOMBSTONE
    return update.pos, TYPES[type_name].FromString(update.value) if type_name else update.value


def compare(kafka, topic, rows, type_name="", form="protobuf", **settings):
    """Produces the rows (value, what it is) and looks at both clients; the engine's log is returned."""
    kafka.create(topic, 1)
    settings.update({"topic": topic, "room": "ticker-{key}", "format": form})
    if type_name:
        settings["message"] = type_name
    with Engine(source(kafka, settings), schemas=[TYPES.desk_file]) as e, Ws(e.port) as ws, Grpc(e.port) as client:
        ws.subscribe("ticker-A")
        events = client.subscribe("ticker-A")
        produce(kafka, topic, [value for value, _ in rows])
        for pos, (value, wanted) in enumerate(rows):
            what = "record %d of %s" % (pos, topic)
            is_plain = wanted in (POISON, TOMBSTONE)
            equal(saw(ws.next(WITHIN_S)), (pos, wanted if is_plain or not type_name else
                                           json.loads(value_json(value, wanted, form))), what + " over WebSocket")
            equal(saw_grpc(next(events), type_name), (pos, wanted), what + " over gRPC")
        snapshot_and_list(client, rows, type_name)
        poison = sum(wanted is POISON for _, wanted in rows)
        equal(e.metrics()["tickcast_poison_total"], poison, "records quarantined")
    return e.log()  # it has ended: all lines are there


def value_json(value, message, form):
    """JSON that WebSocket has of it: the record's own, without its frame, or that of the message."""
    if form == "json":
        return value[value.index(b"{"):]
    return as_json(message)


def snapshot_and_list(client, rows, type_name):
    """GetSnapshot has the newest value, ListRooms the room; both tell the type."""
    values = [wanted for _, wanted in rows if wanted is not POISON]
    if values[-1] is TOMBSTONE:
        try:
            client.snapshot("ticker-A")
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.NOT_FOUND, "status of a snapshot that was cleared")
        else:
            raise AssertionError("a snapshot behind a tombstone")
    else:
        update = client.snapshot("ticker-A")
        equal((update.type, update.snapshot), (type_name, True), "type of the snapshot")
        found = TYPES[type_name].FromString(update.value) if type_name else update.value
        equal(found, values[-1], "snapshot")
    rooms = client.ask("ListRooms", own("ListRoomsRequest")(prefix="ticker-"), "ListRoomsResponse").rooms
    equal([(r.name, r.type) for r in rooms], [("ticker-A", type_name)], "rooms and types")


# ---------------------------------------------------------------- cases

@case
def json_of_our_own(kafka):
    """JSON with a message of the program: WebSocket has it as it came, gRPC typed; other JSON is a gap."""
    rows = [(as_json(tick(n)), tick(n)) for n in range(3)]
    rows += [(b'{"symbol":7}', POISON), (b'{"extra":1}', POISON), (b"[]", POISON), (b"nix", POISON)]
    rows += [(b'{ "symbol": "A", "ts_ms": 7 }', own("Tick")(symbol="A", ts_ms=7)), (None, TOMBSTONE)]
    log = compare(kafka, "own-json", rows, "jts.marketdata.v1.Tick", "json")
    check("value is not of the topic's message" in log, "the log says why")


@case
def protobuf_of_our_own(kafka):
    """Protobuf with a message of the program: gRPC has its bytes, WebSocket JSON; what is none is a gap, what a newer
    producer added is not."""
    rows = [(tick(n).SerializeToString(), tick(n)) for n in range(3)]
    rows += [(b"\x0a\x05x", POISON), (b"\x0a\x01\xff", POISON), (b'{"symbol":"A"}', POISON)]
    rows += [(NEWER, own("Tick").FromString(NEWER)), (tick(9).SerializeToString(), tick(9))]
    compare(kafka, "own-protobuf", rows, "jts.marketdata.v1.Tick")


@case
def protobuf_of_the_user(kafka):
    """A message of the user's descriptor set, with nested messages, maps, enums, bytes and a time."""
    rows = [(order(n).SerializeToString(), order(n)) for n in range(6)] + [(None, TOMBSTONE)]
    rows += [(b"\x22\x09x", POISON), (order(6).SerializeToString(), order(6))]
    compare(kafka, "user-protobuf", rows, "desk.Order")


@case
def frames(kafka):
    """A schema registry's frame before protobuf and before JSON: taken off; a value without it is a gap."""
    rows = [(framed(order(n).SerializeToString(), b"\0"), order(n)) for n in range(3)]
    rows += [(order(3).SerializeToString(), POISON), (b"\0\0\0", POISON)]
    rows += [(framed(order(4).SerializeToString(), b"\x02\x00"), order(4))]
    compare(kafka, "framed-protobuf", rows, "desk.Order", framing="confluent")
    rows = [(framed(as_json(order(n))), order(n)) for n in range(3)]
    rows += [(as_json(order(3)), POISON), (framed(b"{"), POISON), (framed(as_json(order(4))), order(4))]
    compare(kafka, "framed-json", rows, "desk.Order", "json", framing="confluent")


@case
def unknown_members(kafka):
    """unknown_fields: ignore lets pass what the message does not have: members of JSON, which gRPC clients do not get,
    and fields of protobuf, which WebSocket does not have."""
    rows = [(b'{"id":"a","extra":{"deep":[1]}}', TYPES["desk.Order"](id="a")), (b'{"id":1}', POISON),
            (b'{"more":1}', TYPES["desk.Order"]())]
    compare(kafka, "unknown", rows, "desk.Order", "json", unknown_fields="ignore")
    rows = [(NEWER, own("Tick").FromString(NEWER)), (b"\x0a\x05x", POISON), (b"\x0a\x01A", own("Tick")(symbol="A"))]
    compare(kafka, "newer", rows, "jts.marketdata.v1.Tick", unknown_fields="ignore")


@case
def without_a_type(kafka):
    """JSON without a message: both get the record's bytes, and no type."""
    kafka.create("plain", 1)
    with Engine(source(kafka, ("plain", "ticker-{key}"))) as e, Ws(e.port) as ws, Grpc(e.port) as client:
        ws.subscribe("ticker-A")
        events = client.subscribe("ticker-A")
        produce(kafka, "plain", [b'{"any": 1.50}', b"nix"])
        equal(saw(ws.next(WITHIN_S)), (0, {"any": 1.5}), "over WebSocket")
        equal(saw(ws.next(WITHIN_S)), (1, POISON), "over WebSocket")
        equal(saw_grpc(next(events), ""), (0, b'{"any": 1.50}'), "over gRPC")
        equal(saw_grpc(next(events), ""), (1, POISON), "over gRPC")
        equal(client.snapshot("ticker-A").value, b'{"any": 1.50}', "snapshot")


def check_config(kafka, *schemas, **topic):
    config = {"schemas": list(schemas),
              "sources": source(kafka, dict({"topic": "t", "room": "ticker-{key}"}, **topic))}
    path = os.path.join(RUN, "checked.yaml")
    with open(path, "w") as f:
        json.dump(config, f, indent=1)
    code, out, err = run([TICKCAST, "check-config", path])
    return code, out + err


@case
def checked_before_the_start(kafka):
    """check-config knows the types: a wrong message, a missing file, a file that is no descriptor set."""
    code, said = check_config(kafka, TYPES.desk_file, message="desk.Order", format="protobuf")
    equal(code, 0, "exit code of what is right (%s)" % said)
    wrong = os.path.join(RUN, "desk", "order.proto")
    for schemas, topic, wanted in (
            ([TYPES.desk_file], {"message": "desk.Odrer"}, "sources[0].kafka.topics[0].message: there is no message "
             "desk.Odrer"),
            ([], {"message": "desk.Order"}, "there is no message desk.Order"),
            ([RUN + "/none.binpb"], {}, "none.binpb cannot be opened"),
            ([wrong], {}, "this is no FileDescriptorSet"),
            ([], {"format": "protobuf"}, "protobuf needs message")):
        code, said = check_config(kafka, *schemas, **topic)
        check(code != 0 and wanted in said, "exit code %d: %s; wanted: %s" % (code, said, wanted))


if __name__ == "__main__":
    need("protoc")
    main_with_kafka()
