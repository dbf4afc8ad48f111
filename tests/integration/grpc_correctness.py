#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fleets over gRPC, and beside WebSocket, against the Kafka log, read independently: the cases of correctness.py
that another dialect could break. Longer with TC_FULL."""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fleet_cases import RCVBUF, matches, prepare, report
from harness import FULL, Engine, Fleet, GrpcFleet, case, check, clean, equal, main_with_kafka, source, wait_for, warm


@case
def both_dialects_at_once(kafka):
    """500 over WebSocket and 500 over gRPC, 5 of 50 rooms each: both unbroken, both the log, both end at its end."""
    rate, seconds = (2000, 60) if FULL else (500, 8)
    prepare(kafka, "mixed", 50, 8)
    with Engine(source(kafka, ("mixed", "ticker-{key}"))) as e:
        warm(e, "ticker-S0", "ticker-S49")
        args = dict(conns=500, room_cnt=50, per_conn=5, snapshot=True, idle_exit=2500, rcvbuf=RCVBUF,
                    duration=seconds * 4000, records_max=rate * seconds * 2 + 100000)
        fleets = [Fleet(e.port, **args), GrpcFleet(e.port, **args)]
        feed = kafka.feed("mixed", count=rate * seconds, rate=rate, symbols=50, timeout=seconds * 3 + 60)
        for fleet in fleets:
            summary = fleet.finish(seconds * 4)
            clean(summary, conflated=0, gaps=0, lost=0)
            equal(summary["updates"] - summary["snapshots"], rate * seconds * 50, fleet.tool + ": deliveries")
            counts = matches(kafka, "mixed", [fleet.journal])
            equal(counts["ends"], 2500, fleet.tool + ": subscriptions at the end")
            report(fleet.tool, rate=rate, fed_s=feed["seconds"], deliveries=summary["updates"],
                   latency_us=summary["latency_us"])


@case
def grpc_cut_and_resume(kafka):
    """Calls cut and resumed 10 times each by Subscribe, by Stream, and on connections that they share: unbroken."""
    prepare(kafka, "grpc-cuts", 20, 4)
    with Engine(source(kafka, ("grpc-cuts", "ticker-{key}"))) as e:
        warm(e, "ticker-S0", "ticker-S19")
        cuts, seconds = 10, 7
        args = dict(conns=100, room_cnt=20, per_conn=2, cuts=cuts, cut_min=50, cut_max=400, reconnect=200, idle_exit=2500,
                    rcvbuf=RCVBUF, duration=60000)
        fleets = [GrpcFleet(e.port, **args), GrpcFleet(e.port, bidi=True, **args), GrpcFleet(e.port, streams=10, **args)]
        kafka.feed("grpc-cuts", count=1000 * seconds, rate=1000, symbols=20)
        for fleet in fleets:
            summary = fleet.finish(60)
            clean(summary, gaps=0, conflated=0, cannot_recover=0)
            equal(summary["cuts"], 100 * cuts, "cuts")
            # two rooms each; a few are cut again before their answer
            check(summary["recovered"] > 0.95 * 200 * cuts, "%d resumes of %d were answered" % (summary["recovered"], 200 * cuts))
            matches(kafka, "grpc-cuts", [fleet.journal])
            report("cuts", recovered=summary["recovered"], events=summary["recovered_events"])


def closed_windows(kafka, topic, conns, stalled, **more):
    """The last calls of a fleet keep their windows closed: they are conflated truly and end at the newest value, the
    others get everything, no later than before."""
    prepare(kafka, topic, 10, 4)
    # Far from the saturation of the two cores that broker, feed, engine and clients share: else the figure is theirs.
    rate, size, cycles, span = 100, 1000, (8 if FULL else 2), 2
    windows = {True: [], False: []}
    sources = source(kafka, (topic, "ticker-{key}"))
    sources[0]["history"] = {"bytes": 4194304, "events": 16384}
    # Nobody who reads is to be conflated because others had the processor for a while.
    with Engine(sources, limits={"conflate_bytes": 65536, "conflate_ms": 500}) as e:
        kafka.feed(topic, count=3000, symbols=10, bytes=2500)  # the ring's memory is touched: what grows now is the clients'
        wait_for(lambda: e.metrics()["tickcast_events_total"] >= 3010, 20, "the ring is full")
        for _ in range(4):
            # It runs before anyone measures: a feed that starts late makes up for it at once.
            begin = e.metrics()["tickcast_events_total"]
            feed = kafka.feeding(topic, count=rate * (cycles * 2 * span + 3), rate=rate, symbols=10, bytes=size)
            wait_for(lambda: e.metrics()["tickcast_events_total"] > begin + rate, 20, "the feed")
            fleet = GrpcFleet(e.port, conns=conns, room_cnt=10, per_conn=2, snapshot=True, idle_exit=2500, stall=stalled,
                              stall_after=span * 1000, stall_ms=span * 1000, stall_cycles=cycles, rcvbuf=RCVBUF,
                              duration=120000, **more)
            rss, held = e.rss_kb(), 0
            h2, h2_held = e.metrics()["tickcast_http2_memory_bytes"], 0
            while feed.poll() is None:
                held = max(held, e.rss_kb() - rss)
                h2_held = max(h2_held, e.metrics()["tickcast_http2_memory_bytes"] - h2)
                time.sleep(0.1)
            equal(feed.wait(), 0, "exit of the feed")
            summary = fleet.finish(60)
            clean(summary, lost=0)
            matches(kafka, topic, [fleet.journal], complete=False)
            check(summary["conflated"] >= stalled, "conflated notices: %d" % summary["conflated"])
            conflated_by, ends = set(), {}
            with open(fleet.journal) as lines:
                for line in lines:
                    f = line.rstrip("\n").split("\t")
                    if f[0] == "G":
                        conflated_by.add(int(f[1]))
                    if f[0] == "E":
                        ends.setdefault(f[2], set()).add(f[4])
            check(all(c >= conns - stalled for c in conflated_by), "conflated although it reads: %s" % sorted(conflated_by)[:5])
            check(all(len(s) == 1 for s in ends.values()), "not all end at the newest value: %s" % ends)
            for w in summary["windows"]:
                if w["count"] > 1000:
                    windows[w["stalled"]].append(w["p99_us"])
            before, with_stalls = (statistics.median(windows[s]) for s in (False, True))
            if with_stalls <= 1.5 * before:
                break  # else more windows: this host's own noise is of the same size
        ratio = with_stalls / before
        report(topic, p99_reading=before, p99_with=with_stalls, ratio=round(ratio, 3), windows=len(windows[True]),
               kb_per_stalled=round(held / stalled, 1), h2_kb_per_stalled=round(h2_held / 1024 / stalled, 1),
               conflated=summary["conflated"], skipped=summary["skipped"])
        # A frame that was begun, and what a call takes anyway, but no queue of events.
        check(held / stalled <= 64, "%.1f KB per stalled call" % (held / stalled))
        check(ratio <= 1.5, "p99 %.2fx with stalled calls" % ratio)


@case
def stalled_calls(kafka):
    """100 of 500 calls close their windows: the others unbroken with p99 <= 1.5x, bounded memory, conflated after."""
    closed_windows(kafka, "grpc-stall", 500, 100)


@case
def one_window_closed_of_several(kafka):
    """100 connections of 5 calls, of which one closes its window: the four beside it get everything, and in time."""
    closed_windows(kafka, "grpc-window", 500, 100, streams=5)


@case
def grpc_killed_and_restarted(kafka):
    """kill -9 and restart on the same port: calls resume, nothing is lost."""
    prepare(kafka, "grpc-killed", 20, 4)
    e = Engine(source(kafka, ("grpc-killed", "ticker-{key}")))
    with e:
        warm(e, "ticker-S0", "ticker-S19")
        fleet = GrpcFleet(e.port, conns=200, room_cnt=20, per_conn=2, streams=2, reconnect=300, idle_exit=3000, rcvbuf=RCVBUF,
                          duration=60000)
        feed = kafka.feeding("grpc-killed", count=6000, rate=1000, symbols=20)
        for _ in range(2):
            begin = e.metrics().get("tickcast_events_total", 0)
            wait_for(lambda: e.metrics().get("tickcast_events_total", 0) > begin + 500 or feed.poll() is not None, 20, "events")
            e.kill()
            e.start()
        feed.wait(60)
        summary = fleet.finish(60)
        clean(summary, gaps=0, conflated=0)
        check(summary["reconnects"] >= 400, "reconnects: %d" % summary["reconnects"])
        matches(kafka, "grpc-killed", [fleet.journal])
        report("killed twice", reconnects=summary["reconnects"], recovered=summary["recovered"],
               cannot_recover=summary["cannot_recover"])


if __name__ == "__main__":
    main_with_kafka()
