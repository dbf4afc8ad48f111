#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what clients saw (journals of ws-fleet, tests/lib/journal.h) with the Kafka log.

The log is read by kcat with read_committed; nothing is shared with the engine. Proven here:
  lost        each segment (base, last] holds exactly the log's records of its room: count and hash
  duplicated  by the same, as a client never counts a position twice (ws-fleet checks the order)
  altered     each record seen has the bytes and the time of the log's record
  gaps        a declared hole contains a record that was not delivered, and conflation skipped exactly
              what it says
  union       with --complete: every record of the rooms that anyone followed was seen by someone
  end         with --complete: each subscription still open stands at the newest record of its room

  journal_check.py --brokers B --topic T [--room 'ticker-{key}'] [--complete] JOURNAL...
"""
import argparse
import bisect
import json
import re
import subprocess
import sys
import zlib

MASK = (1 << 64) - 1


def mix(pos):
    """tc_journal_mix(): splitmix64."""
    x = (pos + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    return x ^ x >> 31


class Record:
    __slots__ = ("partition", "pos", "ts", "key", "value", "headers")

    def __init__(self, partition, pos, ts, key, value, headers):
        self.partition, self.pos, self.ts = partition, pos, ts
        self.key, self.value, self.headers = key, value, headers


def read_log(brokers, topic, partition=None):
    """All committed records of a topic, by kcat. Lengths are read, so that any byte may be in a value."""
    argv = ["kcat", "-b", brokers, "-C", "-t", topic, "-e", "-q", "-o", "beginning",
            "-X", "isolation.level=read_committed", "-f", "%p %o %T %K %S %h\n%k%s\n"]
    if partition is not None:
        argv += ["-p", str(partition)]
    out = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=300).stdout
    at, records = 0, []
    while at < len(out):
        end = out.index(b"\n", at)
        p, o, t, k, s, headers = out[at:end].split(b" ", 5)
        k, s = int(k), int(s)
        at = end + 1
        key = out[at:at + k].decode(errors="replace") if k >= 0 else None
        at += max(k, 0)
        value = out[at:at + s] if s >= 0 else None
        at += max(s, 0) + 1
        pairs = dict(h.split("=", 1) for h in headers.decode(errors="replace").split(",") if "=" in h)
        records.append(Record(int(p), int(o), int(t), key, value, pairs))
    return records


def crc_of(value):
    """The name that ws-fleet gives to a payload."""
    if value is None:
        value = b"null"  # a tombstone
    if value.startswith(b'{"crc":"') and len(value) >= 18:
        crc = zlib.crc32(value[18:])
        if value[8:16] != b"%08x" % crc:
            raise ValueError("the log's own record has a wrong checksum")
        return crc
    return zlib.crc32(value)


def room_of(template, topic, record):
    def put(match):
        name, _, argument = match.group(1).partition(":")
        if name == "key":
            return record.key or "\0"
        if name == "topic":
            return topic
        if name == "partition":
            return str(record.partition)
        if name == "header":
            return record.headers.get(argument, "\0")
        try:
            found = json.loads(record.value)
            for step in argument.split("."):
                found = found[step]
            return found
        except (ValueError, KeyError, TypeError):
            return "\0"
    return re.sub(r"\{([^}]*)\}", put, template)


class Room:
    """The records of one room in one partition, in order."""

    def __init__(self):
        self.positions, self.crcs, self.times, self.hashes = [], [], [], [0]

    def add(self, record):
        self.positions.append(record.pos)
        self.crcs.append(crc_of(record.value))
        self.times.append(record.ts)
        self.hashes.append((self.hashes[-1] + mix(record.pos)) & MASK)

    def span(self, base, last):
        """Indexes of the records in (base, last]."""
        return bisect.bisect_right(self.positions, base), bisect.bisect_right(self.positions, last)


def group(records, topic, template):
    """{(room, partition): Room}"""
    rooms = {}
    for record in records:
        name = room_of(template, topic, record)
        if "\0" not in name:
            rooms.setdefault((name, record.partition), Room()).add(record)
    return rooms


class Checker:
    def __init__(self, topic, rooms, complete=False):
        self.topic, self.rooms, self.complete = topic, rooms, complete
        self.faults, self.seen, self.lowest = [], set(), {}
        self.counts = dict(segments=0, records=0, holes=0, conflated=0, ends=0)
        self.homes = {}
        for name, partition in rooms:
            self.homes.setdefault(name, []).append(partition)

    def fault(self, *what):
        self.faults.append(" ".join(str(w) for w in what))

    def room(self, name, log):
        """The Room of a log's name; an unnamed log is clear only if the room has one home."""
        if log:
            partition = int(re.search(r"/(\d+)@", log).group(1))
        else:
            partition = self.homes.get(name, [None])[0]
            if len(self.homes.get(name, [])) > 1:
                return None, None
        return (name, partition), self.rooms.get((name, partition))

    def journal(self, file):
        names, logs = {}, {"0": None}
        with open(file, errors="replace") as lines:
            for line in lines:
                kind, *f = line.rstrip("\n").split("\t")
                if kind == "R":
                    names[f[0]] = f[1]
                elif kind == "L":
                    logs[f[0]] = f[1]
                elif kind == "U":
                    self.record(names[f[0]], logs[f[1]], int(f[2]), int(f[3]), int(f[4]))
                elif kind == "S":
                    self.segment(f[0], names[f[1]], logs[f[2]], *map(int, f[3:7]))
                elif kind == "G":
                    self.hole(f[0], names[f[1]], logs[f[2]], f[3], *map(int, f[4:7]))
                elif kind == "E":
                    self.end(f[0], names[f[1]], logs[f[2]], int(f[3]))

    def record(self, name, log, pos, crc, ts):
        self.counts["records"] += 1
        key, room = self.room(name, log)
        if room is None:
            return self.fault("altered: record of a room that the log does not have:", name, log, pos)
        at = bisect.bisect_left(room.positions, pos)
        if at == len(room.positions) or room.positions[at] != pos:
            return self.fault("altered: no such record in the log:", name, log, pos)
        if room.crcs[at] != crc or room.times[at] != ts:
            self.fault("altered: other bytes or time:", name, log, pos)
        self.seen.add((key, pos))

    def segment(self, conn, name, log, base, last, count, hashed):
        self.counts["segments"] += 1
        key, room = self.room(name, log)
        if room is None:
            return self.fault("segment in an unknown log:", name, log)
        self.lowest[key] = min(base, self.lowest.get(key, base))
        a, b = room.span(base, last)
        if b - a != count:
            self.fault("lost or duplicated: connection", conn, name, "(%d, %d]" % (base, last), "saw", count, "of", b - a)
        elif (room.hashes[b] - room.hashes[a]) & MASK != hashed:
            self.fault("other positions than the log's: connection", conn, name, "(%d, %d]" % (base, last))

    def hole(self, conn, name, log, kind, low, high, extra):
        key, room = self.room(name, log)
        if room is None:
            return
        a, b = room.span(low, high)
        if kind == "conflated":
            self.counts["conflated"] += 1
            if b - a != extra:
                self.fault("conflation says", extra, "and skipped", b - a, ":", name, low, high)
            return
        if kind == "snapshot":
            # Between a declared hole and the snapshot after it nothing may be missing silently.
            a, b = room.span(low, high - 1)
            if b > a:
                self.fault("hole not named whole:", name, "declared to", low, "snapshot at", high, "missing", b - a)
            return
        self.counts["holes"] += 1
        if kind.split(":")[-1] in ("retention", "recreated"):
            return  # the log cannot show what it no longer has
        if high > extra and b == a and kind.startswith("gap"):
            self.fault("declared gap without a record:", conn, name, kind, low, high)

    def end(self, conn, name, log, last):
        self.counts["ends"] += 1
        if not self.complete:
            return
        key, room = self.room(name, log)
        newest = room.positions[-1] if room else -1
        if last != newest:
            self.fault("end: connection", conn, name, "ends at", last, "and the log at", newest)

    def union(self):
        """Each record after the first subscription to its room was seen by someone."""
        for key, lowest in self.lowest.items():
            missing = [p for p in self.rooms[key].positions if p > lowest and (key, p) not in self.seen]
            if missing:
                self.fault("lost: nobody saw", len(missing), "records of", key[0], "the first at", missing[0])


def check(journals, brokers, topic, template, complete=False, union=None):
    """complete: clients stand at the log's end; union (as complete, if not given): everything was seen by
    someone, which does not hold where holes were declared to all. Returns (faults, counts)."""
    rooms = group(read_log(brokers, topic), topic, template)
    checker = Checker(topic, rooms, complete)
    for file in journals:
        checker.journal(file)
    if complete if union is None else union:
        checker.union()
    checker.counts["log"] = sum(len(r.positions) for r in rooms.values())
    return checker.faults, checker.counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--room", default="ticker-{key}")
    parser.add_argument("--complete", action="store_true")
    parser.add_argument("journals", nargs="+")
    args = parser.parse_args()
    found, counted = check(args.journals, args.brokers, args.topic, args.room, args.complete)
    for text in found[:20]:
        print(text)
    print(json.dumps(dict(counted, faults=len(found))))
    sys.exit(1 if found else 0)
