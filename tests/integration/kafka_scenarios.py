#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Apache Kafka: mapping, transactions, and everything that can happen to a broker and its topics."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import journal_check
from harness import Chain, Engine, Fleet, Kafka, Ws, case, check, clean, equal, main_with_kafka, source, wait_for, warm


def matches_log(kafka, journals, topic, room, complete=True):
    faults, counts = journal_check.check(journals, kafka.brokers, topic, room, complete)
    check(not faults, "%d faults: %s" % (len(faults), "; ".join(faults[:4])))
    return counts


@case
def keys_headers_fields_partitions(kafka):
    """Rooms from key, header, field and partition get exactly their records, from all partitions."""
    kafka.create("by-key", 4)
    kafka.create("by-header", 2)
    kafka.create("by-field", 2)
    kafka.create("by-partition", 3)
    topics = [("by-key", "ticker-{key}"), ("by-header", "trades-{header:symbol}"), ("by-field", "quote-{field:data.s}"),
              ("by-partition", "{topic}-{partition}")]
    with Engine(source(kafka, *topics)) as e:
        fleets = []
        for topic, template in topics:
            kafka.feed(topic, count=8, symbols=8, **({"partition": 3, "sticky": True} if topic == "by-partition" else {}))
            pattern = template.split("-{")[0] + "-S%d" if "partition" not in topic else "by-partition-%d"
            n = 3 if "partition" in topic else 8
            warm(e, *(pattern.replace("%d", str(i)) for i in range(n)))
            fleets.append((topic, template, Fleet(e.port, conns=8, rooms=pattern, room_cnt=n, per_conn=n, idle_exit=1500,
                                                  duration=60000, snapshot=True)))
        for topic, template, fleet in fleets:
            more = {"partition": 3, "sticky": True} if "partition" in topic else {}
            kafka.feed(topic, count=400, symbols=8, **more)
        for topic, template, fleet in fleets:
            summary = fleet.finish()
            clean(summary)
            counts = matches_log(kafka, [fleet.journal], topic, template, complete=False)
            equal(summary["updates"] - summary["snapshots"], 8 * 400, "updates of " + topic)
            check(counts["segments"] > 0, "segments")


@case
def transactions(kafka):
    """Committed records come once and in order, aborted ones never."""
    kafka.create("txn", 2)
    with Engine(source(kafka, ("txn", "ticker-{key}"))) as e:
        kafka.feed("txn", count=4, symbols=4)
        warm(e, *("ticker-S%d" % n for n in range(4)))
        fleet = Fleet(e.port, conns=4, room_cnt=4, per_conn=4, idle_exit=3000, duration=60000, snapshot=True)
        kafka.feed("txn", count=300, symbols=4, txn=10, abort_every=3)
        kafka.feed("txn", count=40, symbols=4)
        summary = fleet.finish()
        clean(summary)
        equal(summary["updates"] - summary["snapshots"], 4 * (200 + 40), "updates")
        matches_log(kafka, [fleet.journal], "txn", "ticker-{key}")


@case
def hanging_transaction(kafka):
    """A transaction left open: stale after a while, and fresh with everything once it is committed."""
    kafka.create("hang", 1)
    with Engine(source(kafka, ("hang", "ticker-{key}")), timeouts={"stale_ms": 2000}) as e, Ws(e.port) as ws:
        kafka.feed("hang", count=1)
        confirmed = ws.subscribe("ticker-S0")
        chain = Chain()
        chain.feed(confirmed)
        feed = kafka.feeding("hang", count=5, txn=5, hang=True)
        wait_for(lambda: b"hanging" in feed.stdout.readline(), 30, "an open transaction")
        kafka.feed("hang", count=3)
        stale = ws.expect("stale", 30, room="ticker-S0")
        check(isinstance(stale["since"], int), "since: %s" % stale)
        check(not any(s["event"] == "ticker-update" for s in ws.seen if (s.get("pos") or 0) > (confirmed["pos"] or 0)),
              "an update of an open transaction")
        feed.stdin.write(b"\n")
        feed.stdin.close()
        ws.expect("fresh", 30, room="ticker-S0")

        def updates():
            return [s for s in ws.seen if s["event"] == "ticker-update"]
        while len(updates()) < 8:
            ws.next(10)
        for event in updates():
            chain.feed(event)
        equal(len(chain.positions), 8, "updates")


@case
def broker_restarted(kafka):
    """The broker goes and comes back under connected clients: nothing is lost."""
    kafka.create("restart", 4)
    with Engine(source(kafka, ("restart", "ticker-{key}"))) as e:
        kafka.feed("restart", count=20, symbols=20)
        warm(e, "ticker-S0", "ticker-S19")
        fleet = Fleet(e.port, conns=50, room_cnt=20, per_conn=5, duration=180000, snapshot=True)
        kafka.feed("restart", count=500, symbols=20)
        kafka.down()
        check(e.process.poll() is None, "the engine ended without its broker")
        kafka.up()
        kafka.feed("restart", count=500, symbols=20)
        last = wait_for(lambda: newest(kafka, "restart", 1020), 20, "the whole log")
        drained(e, fleet, "restart", last)
        summary = fleet.stop()
        clean(summary)
        equal(summary["lost"], 0, "connections lost")
        matches_log(kafka, [fleet.journal], "restart", "ticker-{key}")


def newest(kafka, topic, count):
    records = journal_check.read_log(kafka.brokers, topic)
    return records if len(records) >= count else None


def drained(e, fleet, topic, records):
    """Until a fresh subscriber of each room is at its newest record (what the engine has, its clients get)."""
    last = {}
    for record in records:
        last["ticker-" + record.key] = record.pos
    with Ws(e.port) as ws:
        for room, pos in last.items():
            def is_there():
                found = ws.subscribe(room)["pos"]
                ws.send("unsubscribe", {"rooms": [room]})
                return found is not None and found >= pos
            wait_for(is_there, 60, "%s at %d" % (room, pos), every=0.1)


@case
def engine_before_broker(kafka):
    """The engine starts while the broker is down, says so, and delivers once it is there."""
    kafka.create("late", 1)
    kafka.feed("late", count=3)
    kafka.down()
    e = Engine(source(kafka, ("late", "ticker-{key}")), ready=False)
    with e, wait_for(lambda: e.is_up() and Ws(e.port), 15, "the port open without a broker") as ws:
        ws.send("subscribe", {"rooms": ["ticker-S0"], "snapshot": True})
        confirmed = ws.expect("subscription-confirmed", 15)
        equal(confirmed["pos"], None, "position without a broker")
        ws.expect("stale", 15, room="ticker-S0")
        status, _, body = e.readyz()
        check(status == 200 and body, "readyz with the broker away: %s %s" % (status, body))
        kafka.up()
        chain = Chain()
        for _ in range(3):
            chain.feed(ws.expect("ticker-update", 60, room="ticker-S0"))
        check(any(s["event"] == "fresh" for s in ws.seen) or ws.expect("fresh", 10), "fresh")
        kafka.feed("late", count=2)
        for _ in range(2):
            chain.feed(ws.expect("ticker-update", 20, room="ticker-S0"))
        equal(chain.positions, [0, 1, 2, 3, 4], "positions")


@case
def partitions_added(kafka):
    """New partitions are read from their beginning; a room that goes there is told moved."""
    kafka.create("grow", 1)
    with Engine(source(kafka, ("grow", "ticker-{key}"))) as e, Ws(e.port) as ws:
        kafka.feed("grow", count=5, partition=0)
        confirmed = ws.subscribe("ticker-S0")
        ws.subscribe("ticker-N0")
        kafka.add_partitions("grow", 3)
        kafka.feed("grow", count=4, partition=2, prefix="N")
        for n in range(4):
            equal(ws.expect("ticker-update", 60, room="ticker-N0")["pos"], n, "position in the new partition")
        kafka.feed("grow", count=3, partition=1)
        moved = ws.expect("moved", 30, room="ticker-S0")
        check(moved["pos"] is None and moved["log"] != confirmed["log"] and "/1@" in moved["log"], "moved: %s" % moved)
        first = ws.expect("ticker-update", 10, room="ticker-S0")
        equal((first["pos"], first["prev"]), (0, None), "first update in the new log")


@case
def topic_recreated(kafka):
    """A topic deleted and made anew is told as such, and old positions cannot be resumed."""
    kafka.create("again", 1)
    with Engine(source(kafka, ("again", "ticker-{key}"))) as e, Ws(e.port) as ws:
        kafka.feed("again", count=10)
        wait_for(lambda: Ws(e.port).subscribe("ticker-S0")["pos"] == 9, 20, "the first ten", every=0.2)
        old = ws.subscribe("ticker-S0")
        kafka.delete("again")
        time_limit = time.monotonic() + 30
        while True:
            try:
                kafka.create("again", 1)
                break
            except AssertionError:
                check(time.monotonic() < time_limit, "the topic could not be made again")
        kafka.feed("again", count=5, timeout=60)
        gap = ws.expect("gap", 60, room="ticker-S0")
        equal(gap["reason"], "recreated", "reason")
        chain = Chain()
        chain.positions = []
        for _ in range(5):
            chain.feed(ws.expect("ticker-update", 30, room="ticker-S0"))
        equal(chain.positions, [0, 1, 2, 3, 4], "positions of the new topic")
        with Ws(e.port) as other:
            other.send("subscribe", {"rooms": ["ticker-S0"], "from": {"ticker-S0": {"log": old["log"], "pos": 9}}})
            check(other.expect("subscription-confirmed")["log"] != old["log"], "the same log name for another topic")
            other.expect("cannot-recover", room="ticker-S0")
            check(other.expect("ticker-update")["snapshot"], "a snapshot after cannot-recover")


@case
def records_deleted_before_we_read_them(kafka):
    """DeleteRecords passes us while we are away: a gap with reason retention that names the range truly."""
    kafka.create("del", 1)
    with Engine(source(kafka, ("del", "ticker-{key}"))) as e, Ws(e.port) as ws:
        kafka.feed("del", count=10)
        ws.subscribe("ticker-S0", snapshot=True)
        wait_for(lambda: Ws(e.port).subscribe("ticker-S0")["pos"] == 9, 20, "the first ten", every=0.2)
        e.signal(signal.SIGSTOP)
        kafka.down()
        kafka.up()  # no request of the engine is waiting at the broker now
        kafka.feed("del", count=500)
        kafka.delete_records("del", 0, 400)
        e.signal(signal.SIGCONT)
        gap = ws.expect("gap", 60, room="ticker-S0")
        equal(gap["reason"], "retention", "reason")
        last = [s for s in ws.seen if s["event"] == "ticker-update"]
        check(not last or gap["from"] >= last[-1]["pos"], "gap begins before what was delivered: %s" % gap)
        equal(gap["to"], 399, "end of the gap")
        update = ws.expect("ticker-update", 20, room="ticker-S0")
        check(update["pos"] == 400, "first update after the gap: %s" % update["pos"])
        for _ in range(109):
            update = ws.expect("ticker-update", 20, room="ticker-S0")
        equal(update["pos"], 509, "the last record")


@case
def retention_passed_us(kafka):
    """Kafka's own retention removes segments while the engine is away; a resume names the hole."""
    kafka.create("ret", 1, segment_bytes=1048576, retention_bytes=1048576, file_delete_delay_ms=100)
    sources = source(kafka, ("ret", "ticker-{key}"))
    with Engine(sources) as e:
        kafka.feed("ret", count=10)
        wait_for(lambda: Ws(e.port).subscribe("ticker-S0")["pos"] == 9, 20, "the first ten", every=0.2)
        with Ws(e.port) as ws:
            log = ws.subscribe("ticker-S0")["log"]
    kafka.feed("ret", count=400, bytes=20000)

    def first_left():
        records = journal_check.read_log(kafka.brokers, "ret")
        return records and records[0].pos > 10 and records[0].pos
    wait_for(first_left, 60, "retention", every=0.5)
    with Engine(sources) as e, Ws(e.port) as ws:
        ws.send("subscribe", {"rooms": ["ticker-S0"], "from": {"ticker-S0": {"log": log, "pos": 5}}})
        hole = ws.expect("cannot-recover", 15, room="ticker-S0")
        low = first_left()
        equal(hole["from"], 5, "begin of the hole")
        check(hole["to"] >= 10 and hole["to"] <= 409, "end of the hole: %s, first record left %s" % (hole, low))
        check(ws.expect("ticker-update")["snapshot"], "a snapshot")


@case
def bad_records(kafka):
    """Not JSON, bad UTF-8, oversize: a gap that names them and the partition goes on; tombstone: data null."""
    kafka.create("bad", 1)
    with Engine(source(kafka, ("bad", "ticker-{key}"))) as e, Ws(e.port) as ws:
        kafka.feed("bad", count=1)
        wait_for(lambda: Ws(e.port).subscribe("ticker-S0")["pos"] == 0, 20, "the first", every=0.2)
        ws.subscribe("ticker-S0")
        chain = Chain(0)
        for kind, reason in (("not-json", "poison"), ("bad-utf8", "poison"), ("oversize", "oversize")):
            kafka.feed("bad", count=1, kind=kind)
            kafka.feed("bad", count=1)
            gap = ws.expect("gap", 20, room="ticker-S0")
            equal(gap["reason"], reason, "reason for " + kind)
            check(gap["to"] - gap["from"] == 1 and gap["from"] == chain.last, "range for %s: %s" % (kind, gap))
            chain.feed(gap)
            chain.feed(ws.expect("ticker-update", 20, room="ticker-S0"))
        kafka.feed("bad", count=1, kind="tombstone")
        event = ws.expect("ticker-update", 20, room="ticker-S0")
        check("data" in event and event["data"] is None, "tombstone: %s" % event)
        chain.feed(event)
        with Ws(e.port) as other:
            other.subscribe("ticker-S0", snapshot=True)
            other.quiet(0.5, "ticker-update")
        metrics = e.metrics()
        poison = [name for name in metrics if "poison" in name and metrics[name] > 0]
        check(poison, "no metric of poison records above 0")


@case
def record_without_its_room(kafka):
    """A record without the key, header or field that its room needs is quarantined and counted."""
    kafka.create("nokey", 1)
    kafka.create("nohdr", 1)
    kafka.create("nofld", 1)
    topics = [("nokey", "ticker-{key}"), ("nohdr", "trades-{header:symbol}"), ("nofld", "quote-{field:data.s}")]
    with Engine(source(kafka, *topics)) as e, Ws(e.port) as ws:
        for topic, _ in topics:
            kafka.feed(topic, count=1)
        rooms = ["ticker-S0", "trades-S0", "quote-S0"]
        for room in rooms:
            wait_for(lambda: Ws(e.port).subscribe(room)["pos"] == 0, 20, room, every=0.2)
        ws.subscribe(*rooms)
        before = sum(v for k, v in e.metrics().items() if "poison" in k and "{" not in k)
        kafka.feed("nokey", count=1, no_key=True)
        kafka.feed("nohdr", count=1, kind="no-header")
        kafka.feed("nofld", count=1, kind="no-field")
        for topic, _ in topics:
            kafka.feed(topic, count=1)
        for room in rooms:
            update = None
            for event in ws.seen:
                if event["event"] == "ticker-update" and event["room"] == room and event["pos"] == 2:
                    update = event
            update = update or ws.expect("ticker-update", 20, room=room)
            gaps = [s for s in ws.seen if s["event"] == "gap" and s["room"] == room]
            check(gaps and gaps[0]["reason"] == "poison", "gap in %s: %s" % (room, gaps))
        after = sum(v for k, v in e.metrics().items() if "poison" in k and "{" not in k)
        check(after >= before + 3, "poison counted: %s then %s" % (before, after))


@case
def backlog_without_spinning(kafka):
    """60,000 records wait: read in one go by threads that sleep whenever they may, on both reactors."""
    kafka.create("backlog", 1)
    kafka.feed("backlog", count=60000)
    for reactor in ("io_uring", "epoll"):
        e = Engine(source(kafka, ("backlog", "ticker-{key}")), ready=False, reactor=reactor, topology="fused",
                   workers={"count": 1, "idle": "sleep"})
        with e:
            wait_for(e.is_up, 20, "the engine is up")
            begin = time.monotonic()
            wait_for(lambda: e.readyz()[0] == 200, 20, lambda: "ready: %s" % e.metrics()["tickcast_events_total"])
            took = time.monotonic() - begin
            print("       %s: %.2f s" % (reactor, took), flush=True)
            check(took < 5, "%s: %.1f s for a backlog" % (reactor, took))
            equal(e.metrics()["tickcast_events_total"], 60000, "events")


@case
def unknown_topic(kafka):
    """A topic that does not exist: a message, retry, not ready; the other topic's rooms do not notice; it is read
    once it exists."""
    kafka.create("there", 1)
    kafka.feed("there", count=1)
    e = Engine(source(kafka, ("there", "there-{key}"), ("ghost", "ghost-{key}")), ready=False, timeouts={"stale_ms": 1500})
    with e:
        wait_for(lambda: e.is_up() and "topic ghost does not exist" in e.log(), 20, "a message that names the topic")
        begin = time.monotonic()
        with Ws(e.port) as ws:
            equal(ws.subscribe("there-S0", snapshot=True)["pos"], 0, "position of the other topic's room")
            check(time.monotonic() - begin < 3, "the other topic waited %.1f s" % (time.monotonic() - begin))
            ws.expect("ticker-update", room="there-S0")
            equal(ws.subscribe("ghost-S0")["pos"], None, "position of a room without a topic")
            equal(ws.expect("stale", 10)["room"], "ghost-S0", "who is stale")
            kafka.feed("there", count=1)
            equal(ws.expect("ticker-update", room="there-S0")["pos"], 1, "the next update")
            check(not any(event["event"] == "stale" and event["room"] == "there-S0" for event in ws.seen), "stale: %s" % ws.seen)
            status, _, body = e.readyz()
            check(status == 503 and '"incomplete"' in body and "ghost" in body, "readyz: %s %s" % (status, body))
            kafka.create("ghost", 1)
            kafka.feed("ghost", count=1)
            ws.expect("fresh", 60, room="ghost-S0")
            equal(ws.expect("ticker-update", 20, room="ghost-S0")["pos"], 0, "the first update of the new topic")
        wait_for(lambda: e.readyz()[0] == 200, 20, lambda: "ready: %s" % (e.readyz(),))


@case
def unknown_broker(_kafka):
    """Nobody at the broker's address: not ready until that is known, then ready, and the body says so."""
    e = Engine([{"name": "main", "kafka": {"brokers": "127.0.0.1:1", "topics": [
        {"topic": "t", "format": "json", "room": "ticker-{key}", "event": "ticker-update", "class": "latest"}]}}], ready=False)
    with e:
        wait_for(lambda: e.is_up() and "127.0.0.1:1" in e.log(), 20, "a message that names the broker")
        status, _, body = wait_for(lambda: e.readyz()[0] == 200 and e.readyz(), 20, "ready without a broker")
        check('"away"' in body and "127.0.0.1:1" in body, "readyz: %s" % body)


if __name__ == "__main__":
    main_with_kafka()
