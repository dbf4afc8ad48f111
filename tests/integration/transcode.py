#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""proto/transcode against Python's protobuf (google.protobuf.json_format), with random messages of tests/schema.

usage: transcode.py PROGRAM [SECONDS [SEED]]     PROGRAM is tests/tools/transcode.c, built; without SEED a random one

Both sides get the same bytes. What one accepts, the other has to accept, with the same result; what is allowed
to differ stands in DIFFERENCES, with the reason.
"""
import base64
import json
import random
import re
import struct
import subprocess
import sys
import time

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

TYPES = ["test.kinds.Scalars", "test.kinds.Presence", "test.kinds.Repeated", "test.kinds.Maps", "test.kinds.WellKnown",
         "test.kinds.Tree", "test.old.Plain", "test.old.Old"]
ANY_TYPES = ["test.kinds.Scalars", "test.kinds.Tree", "google.protobuf.Timestamp", "google.protobuf.Int64Value",
             "google.protobuf.Struct", "google.protobuf.Empty", "google.protobuf.Any", "google.protobuf.Value"]

# (direction, who refuses, what it says, why that is right)
DIFFERENCES = [
    ("to-json", "we", "a message in two pieces", "merging needs memory; no encoder writes it"),
    ("to-json", "we", "malformed protobuf", "groups, varints above 64 bits; a field that is a well-known type's own is "
     "read by its number alone"),
    ("to-json", "we", "a required field is missing", "Python does not look"),
    ("to-json", "we", "a string that is not UTF-8", "of proto2 Python takes any bytes"),
    ("to-json", "we", "nested too deep", "32 levels, not 100"),
    ("to-json", "we", "an Any of an unknown type", "a type URL that would have to be escaped in JSON"),
    ("to-pb", "we", "an Any of an unknown type", "the same"),
    ("to-json", "we", "a path that has no form in JSON", "an empty path, or one that is no identifier"),
    ("to-json", "python", "^passed over: .*(UTF-8|corrupt)", "entries of maps that hold an unknown field"),
    ("to-pb", "we", "a required field is missing", "Python does not look"),
    ("to-pb", "we", "nested too deep", "32 levels, not 100"),
    ("to-pb", "we", "no value of the enum", "a number as text is no name"),
    ("to-pb", "we", "no number of its type", "Python's int() and float() take blanks, signs, '_', 'inf' and more"),
    ("to-pb", "we", "no key of its type", "the same of keys"),
    ("to-pb", "we", "no object", "Python takes an empty array for an empty object"),
    ("to-pb", "we", "no array", "Python takes an empty object or text for an empty array"),
    ("to-pb", "we", "no number", "Python's JSON knows NaN and Infinity"),
    ("to-pb", "we", "not JSON", "the same"),
    ("to-pb", "we", "something follows the value", "the same"),
    ("to-pb", "we", "no base64", "Python passes over characters that are none"),
    ("to-pb", "we", "path of fields", "an empty path, or one that is no identifier"),
    ("to-pb", "we", "no time, or one out of range", "Python lets fields of a date be of any width"),
    ("to-pb", "we", "a member that comes twice", "a name that comes as JSON name and as proto name, one of them with null"),
    ("to-pb", "we", "a second member of its oneof", "null of NullValue is a member of the oneof"),
    ("to-pb", "python", "Float value too large", "3.4028235e+38 is the shortest text of the largest float, and above it"),
    ("to-pb", "python", "duplicate key", "a key of a map may come twice here; the last one counts"),
    ("to-pb", "python", "Couldn't parse integer|invalid literal|Couldn't parse float", "text in a number's form "
     "(\"1.0\", \"1e3\") is one here"),
]


class Peer:
    """The program under test."""

    def __init__(self, path):
        self.proc = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.schema = subprocess.run([path, "--schema"], stdout=subprocess.PIPE, check=True).stdout

    def ask(self, verb, name, data, policy="strict"):
        """(bytes, None) or (None, why)."""
        self.proc.stdin.write(("%s %s %s %s\n" % (verb, policy, name, data.hex() or "-")).encode())
        self.proc.stdin.flush()
        line = self.proc.stdout.readline().decode()
        if not line:
            raise SystemExit("the program ended on: %s %s %s" % (verb, name, data.hex()))
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "ok":
            return bytes.fromhex(rest.strip().rstrip("-")), None
        return None, rest


class Types:
    def __init__(self, schema):
        self.pool = descriptor_pool.DescriptorPool()
        for f in descriptor_pb2.FileDescriptorSet.FromString(schema).file:
            self.pool.Add(f) if hasattr(self.pool, "Add") else self.pool.AddSerializedFile(f.SerializeToString())

    def of(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def to_json(self, message):
        return json_format.MessageToJson(message, descriptor_pool=self.pool, indent=None)

    def from_json(self, name, text, ignore=False):
        return json_format.Parse(text, self.of(name)(), ignore_unknown_fields=ignore, descriptor_pool=self.pool)


class Maker:
    """Random messages; at the edges of ranges more often than chance would have it."""
    TEXTS = ["", "a", "BTCUSDT", "k\u00f6nig", "\u20ac\U0001f600", "\"\\/\b\f\n\r\t\x01\x7f", "x" * 200, "null", "\u2028", "0"]

    def __init__(self, types, rng):
        self.types = types
        self.rng = rng

    def integer(self, low, high):
        r = self.rng
        edges = [0, 1, low, high, high - 1, low + 1, 127, 128, 16384]
        if low < 0:
            edges += [-1, -128]
        return r.choice(edges) if r.random() < 0.5 else r.randint(low, high)

    def real(self, single):
        r = self.rng
        if r.random() < 0.5:
            return r.choice([0.0, -0.0, 1.0, -1.5, 0.1, 1e10, 1e-10, 61737.63, float("nan"), float("inf"), -float("inf"),
                             3.4028234663852886e38 if single else 1.7976931348623157e308, 1e-45 if single else 5e-324])
        raw = r.getrandbits(32 if single else 64)
        return struct.unpack("<f", struct.pack("<I", raw))[0] if single else struct.unpack("<d", struct.pack("<Q", raw))[0]

    def scalar(self, field):
        r, kind = self.rng, field.type
        if kind == field.TYPE_DOUBLE:
            return self.real(False)
        if kind == field.TYPE_FLOAT:
            return self.real(True)
        if kind in (field.TYPE_INT64, field.TYPE_SINT64, field.TYPE_SFIXED64):
            return self.integer(-2**63, 2**63 - 1)
        if kind in (field.TYPE_UINT64, field.TYPE_FIXED64):
            return self.integer(0, 2**64 - 1)
        if kind in (field.TYPE_INT32, field.TYPE_SINT32, field.TYPE_SFIXED32):
            return self.integer(-2**31, 2**31 - 1)
        if kind in (field.TYPE_UINT32, field.TYPE_FIXED32):
            return self.integer(0, 2**32 - 1)
        if kind == field.TYPE_BOOL:
            return r.random() < 0.5
        if kind == field.TYPE_STRING:
            return r.choice(self.TEXTS)
        if kind == field.TYPE_BYTES:
            return r.randbytes(r.choice([0, 1, 2, 3, 4, 100]))
        numbers = [v.number for v in field.enum_type.values]
        closed = field.enum_type.is_closed
        return r.choice(numbers) if closed or r.random() < 0.8 else self.integer(-2**31, 2**31 - 1)

    def fill_value(self, value, depth):
        r = self.rng
        kind = r.choice(["null", "number", "string", "bool", "struct", "list"] if depth < 4 else ["null", "number"])
        if kind == "null":
            value.null_value = 0
        elif kind == "number":
            value.number_value = r.choice([0.0, -1.5, 1e300, 12345678901.25])
        elif kind == "string":
            value.string_value = r.choice(self.TEXTS)
        elif kind == "bool":
            value.bool_value = r.random() < 0.5
        elif kind == "struct":
            value.struct_value.SetInParent()
            self.fill_struct(value.struct_value, depth + 1)
        else:
            value.list_value.SetInParent()
            for _ in range(r.randint(0, 3)):
                self.fill_value(value.list_value.values.add(), depth + 1)

    def fill_struct(self, message, depth):
        for _ in range(self.rng.randint(0, 3)):
            self.fill_value(message.fields[self.rng.choice(self.TEXTS)], depth + 1)

    def fill(self, message, depth=0):
        r, name = self.rng, message.DESCRIPTOR.full_name
        if name == "google.protobuf.Timestamp":
            message.seconds = self.integer(-62135596800, 253402300799)
            message.nanos = r.choice([0, 1, 1000, 150000000, 999999999, 1000000])
        elif name == "google.protobuf.Duration":
            message.seconds = self.integer(-315576000000, 315576000000)
            message.nanos = r.choice([0, 1, 1000, 999999999]) * (-1 if message.seconds < 0 else 1)
        elif name == "google.protobuf.FieldMask":
            message.paths.extend(r.choices(["a", "last_px", "a.b_c.d", "x1"], k=r.randint(0, 3)))
        elif name == "google.protobuf.Struct":
            self.fill_struct(message, depth)
        elif name == "google.protobuf.Value":
            self.fill_value(message, depth)
        elif name == "google.protobuf.ListValue":
            for _ in range(r.randint(0, 3)):
                self.fill_value(message.values.add(), depth + 1)
        elif name == "google.protobuf.Any":
            if depth < 4 and r.random() < 0.8:
                inner = self.make(r.choice(ANY_TYPES), depth + 1)
                message.type_url = "type.googleapis.com/" + inner.DESCRIPTOR.full_name
                message.value = inner.SerializeToString(deterministic=True)
        else:
            self.fill_fields(message, depth)
        return message

    def fill_fields(self, message, depth):
        r = self.rng
        for field in message.DESCRIPTOR.fields:
            is_message = field.type == field.TYPE_MESSAGE
            required = getattr(field, "is_required", False)
            if not required and (r.random() < (0.6 if depth < 2 else 0.85) or (is_message and depth > 4)):
                continue
            if is_message and field.message_type.GetOptions().map_entry:
                self.fill_map(getattr(message, field.name), field, depth)
            elif field.is_repeated:
                row = getattr(message, field.name)
                for _ in range(r.choice([1, 2, 3, 20])):
                    if is_message:
                        self.fill(row.add(), depth + 1)
                    else:
                        row.append(self.scalar(field))
            elif is_message:
                getattr(message, field.name).SetInParent()
                self.fill(getattr(message, field.name), depth + 1)
            else:
                setattr(message, field.name, self.scalar(field))

    def fill_map(self, container, field, depth):
        key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
        for _ in range(self.rng.choice([1, 2, 5])):
            k = self.scalar(key)
            if value.type == value.TYPE_MESSAGE:
                self.fill(container[k], depth + 1)
            else:
                container[k] = self.scalar(value)

    def make(self, name, depth=0):
        return self.fill(self.types.of(name)(), depth)


def canonical(types, message):
    """Equal for equal messages, whatever the order of fields inside of an Any."""
    return plain(json.dumps(json_format.MessageToDict(message, descriptor_pool=types.pool)))


def plain(text):
    """JSON sorted, and without the difference between 1 and 1.0."""
    return json.dumps(json.loads(text, parse_int=float), sort_keys=True)


def apart(got, want):
    """Both from a little before the place where they part."""
    at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
    return got[max(0, at - 60):at + 100], want[max(0, at - 60):at + 100]


class Judge:
    def __init__(self, peer, types):
        self.peer, self.types = peer, types
        self.counts, self.allowed, self.failures = {}, {}, []

    def fail(self, what, name, data, more):
        self.failures.append("%s %s\n  input %r\n  hex   %s\n  %s" % (what, name, data[:400], data.hex(), more))

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def differ(self, verb, who, why, name, data):
        for row in DIFFERENCES:
            if row[0] == verb and row[1] == who and re.search(row[2], why):
                self.allowed[row[2]] = self.allowed.get(row[2], 0) + 1
                return
        self.fail("only %s refuses %s" % (who, verb), name, data, why)

    def python_json(self, name, data):
        try:
            message = self.types.of(name).FromString(data)
            return canonical(self.types, message), message, None
        except Exception as e:  # every kind of refusal counts
            return None, None, "%s: %s" % (type(e).__name__, e)

    def check_to_json(self, name, data, what):
        self.count(what)
        want, message, refusal = self.python_json(name, data)
        text, why = self.peer.ask("to-json", name, data, "ignore")
        if text is None and want is None:
            return None
        if text and self.peer.ask("to-json", name, data)[0] is None and want is None:
            # there is something unknown, which is passed over: it is not looked into
            self.differ("to-json", "python", "passed over: " + refusal, name, data)
            return None
        if text is None or want is None:
            self.differ("to-json", "we" if text is None else "python", why or refusal, name, data)
            return None
        got = plain(text)
        if got != want:
            self.fail(what, name, data, "got  %s\n  want %s" % apart(got, want))
        return text

    def check_to_pb(self, name, text, what, ignore=False):
        self.count(what)
        refusal = want = None
        try:
            want = canonical(self.types, self.types.from_json(name, text.decode(), ignore))
        except Exception as e:
            refusal = "%s: %s" % (type(e).__name__, e)
        data, why = self.peer.ask("to-pb", name, text, "ignore" if ignore else "strict")
        if data is None and want is None:
            return
        if data is None or want is None:
            self.differ("to-pb", "we" if data is None else "python", why or refusal, name, text)
            return
        got = canonical(self.types, self.types.of(name).FromString(data))
        if got != want:
            self.fail(what, name, text, "got  %s\n  want %s" % apart(got, want))


def split_fields(data):
    """The fields of one level, each with its tag; None: malformed."""
    out, at = [], 0

    def varint(i):
        value = shift = 0
        while True:
            value |= (data[i] & 127) << shift
            shift += 7
            i += 1
            if data[i - 1] < 128:
                return value, i
    while at < len(data):
        tag, i = varint(at)
        wire = tag & 7
        if wire == 0:
            _, i = varint(i)
        elif wire == 1:
            i += 8
        elif wire == 5:
            i += 4
        else:
            n, i = varint(i)
            i += n
        out.append(data[at:i])
        at = i
    return out


def mutate_bytes(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        if not data:
            break
        i = rng.randrange(len(data))
        what = rng.random()
        if what < 0.5:
            data[i] = rng.getrandbits(8)
        elif what < 0.75:
            del data[i:i + rng.randint(1, 3)]
        else:
            data[i:i] = rng.randbytes(rng.randint(1, 3))
    return bytes(data)


PIECES = ["null", "true", "{}", "[]", "0", "1e3", "1.5", "\"\"", "\"1\"", "\"-5\"", "\"1.0\"", "1e400", "18446744073709551616",
          "\"AQ==\"", "\"_-8\"", "\"COLOR_RED\"", "\"LEVEL_HIGH\"", "\"NOPE\"", "5", "-3", "99", "\"2024-02-29T12:00:00+05:30\"",
          "\"2023-02-29T12:00:00Z\"", "\"1.5s\"", "\"-0.000000001s\"", "\"lastPx,a.bC\"", "\"NaN\"", "\"Infinity\"", "[null]", "[1,2]",
          "{\"a\":1}", "{\"@type\":\"type.googleapis.com/google.protobuf.Empty\"}", "\"\\u20ac\\ud83d\\ude00\"", "\"\\ud800\"",
          "{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"1s\"}", "4294967296", "2147483648", "\"true\""]


def mutate_text(rng, text):
    """Another value for a member or element, or another byte, or a further member."""
    what = rng.random()
    if what < 0.15:
        return mutate_bytes(rng, text)
    s = text.decode()
    spots = [m for m in re.finditer(r'(?<=[:\[,])("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|\{\}|\[\])(?=[,\]}])', s)]
    if spots and what < 0.85:
        m = rng.choice(spots)
        return (s[:m.start()] + rng.choice(PIECES) + s[m.end():]).encode()
    i = s.rfind("}")
    return (s[:i] + (", " if len(s) > 2 else "") + '"%s": %s' % (rng.choice(["x", "fInt32", "f_int32", "cString", "oInt64", "rows"]),
                                                                    rng.choice(PIECES)) + s[i:]).encode()


def round_of(judge, maker, types, rng):
    name = rng.choice(TYPES)
    message = maker.make(name)
    data = message.SerializeToString(deterministic=True)
    text = judge.check_to_json(name, data, "to-json")
    if text is None:
        judge.fail("to-json", name, data, "refused")
        return
    judge.check_to_pb(name, text, "to-pb of ours")
    judge.check_to_pb(name, types.to_json(message).encode(), "to-pb of Python's")
    fields = split_fields(data)
    rng.shuffle(fields)
    judge.check_to_json(name, b"".join(fields), "to-json, shuffled")
    judge.check_to_json(name, data + maker.make(name).SerializeToString(deterministic=True), "to-json, two in a row")
    for _ in range(4):
        judge.check_to_json(name, mutate_bytes(rng, data), "to-json, damaged")
        judge.check_to_pb(name, mutate_text(rng, text), "to-pb, changed", ignore=rng.random() < 0.3)


def main():
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().getrandbits(32)
    rng = random.Random(seed)
    peer = Peer(sys.argv[1])
    types = Types(peer.schema)
    judge = Judge(peer, types)
    maker = Maker(types, rng)
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(judge.failures) < 10:
        round_of(judge, maker, types, rng)
    for what, count in sorted(judge.allowed.items()):
        print("note  allowed to differ: %s: %d" % (what, count))
    for failure in judge.failures:
        print(failure)
    for what, count in sorted(judge.counts.items()):
        print("ok    %s: %d" % (what, count))
    if judge.failures:
        print("FAIL  %d differences, seed %d" % (len(judge.failures), seed))
    print("%d passed, %d failed" % (len(judge.counts), len(judge.failures)))
    return 1 if judge.failures else 0


if __name__ == "__main__":
    sys.exit(main())
