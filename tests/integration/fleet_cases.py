# SPDX-License-Identifier: Apache-2.0
"""What cases of fleets against the Kafka log share."""
import json

import journal_check
from harness import check

# Of clients that shall never be conflated: they read, but clients, engine, broker and feed share two cores, and
# one that does not get its turn for a while must have room meanwhile.
RCVBUF = 1 << 20


def prepare(kafka, topic, rooms, partitions):
    """A topic in which each room has a record, so that each client learns its log at once."""
    kafka.create(topic, partitions)
    kafka.feed(topic, count=rooms, symbols=rooms)


def matches(kafka, topic, journals, complete=True, union=True):
    faults, counts = journal_check.check(journals, kafka.brokers, topic, "ticker-{key}", complete, union)
    check(not faults, "%d faults: %s" % (len(faults), "; ".join(faults[:4])))
    return counts


def report(name, **what):
    print("       %s: %s" % (name, json.dumps(what)), flush=True)
