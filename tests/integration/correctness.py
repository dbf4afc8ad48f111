#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fleets of clients against the Kafka log, read independently: lost 0, duplicated 0, reordered 0, declared
gaps are true gaps. Short by default, long with TC_FULL."""
import os
import signal
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import journal_check
from fleet_cases import RCVBUF, matches, prepare, report
from harness import FULL, RUN, Engine, Fleet, case, check, clean, equal, main_with_kafka, source, wait_for, warm


@case
def the_checker_finds_what_is_wrong(_kafka):
    """The judge itself: a true journal passes; one lost, altered, invented or undeclared thing does not."""
    records = [journal_check.Record(0, pos, 1000 + pos, "A", b'{"n":%d}' % pos, {}) for pos in range(0, 40, 2)]
    crc = {r.pos: journal_check.crc_of(r.value) for r in records}

    def faults(*lines, holds=range(0, 40, 2)):
        file = os.path.join(RUN, "made.journal")
        seen = ["U\t0\t1\t%d\t%d\t%d" % (pos, crc[pos], 1000 + pos) for pos in holds]
        with open(file, "w") as f:
            f.write("\n".join(["R\t0\tticker-A", "L\t1\tmain/t/0@x", *lines, *seen, ""]))
        checker = journal_check.Checker("t", journal_check.group(records, "t", "ticker-{key}"), True)
        checker.journal(file)
        checker.union()
        return checker.faults

    def segment(base, last, positions):
        total = sum(journal_check.mix(p) for p in positions) & journal_check.MASK
        return "S\t7\t0\t1\t%d\t%d\t%d\t%d" % (base, last, len(positions), total)
    whole = segment(-1, 38, range(0, 40, 2))
    equal(faults(whole, "E\t7\t0\t1\t38"), [], "a true journal")
    wrongs = {
        "one lost": [segment(-1, 38, [p for p in range(0, 40, 2) if p != 6])],
        "one for another": [segment(-1, 38, [p if p != 6 else 5 for p in range(0, 40, 2)])],
        "altered": [whole, "U\t0\t1\t6\t1\t1006"],
        "another time": [whole, "U\t0\t1\t6\t%d\t1" % crc[6]],
        "invented": [whole, "U\t0\t1\t7\t1\t1"],
        "not at the end": [whole, "E\t7\t0\t1\t36"],
        "conflation with a wrong count": [whole, "G\t7\t0\t1\tconflated\t2\t10\t3"],
        "a gap where nothing is": [whole, "G\t7\t0\t1\tgap:poison\t6\t7\t6"],
        "a hole not named whole": [whole, "G\t7\t0\t1\tsnapshot\t6\t12\t0"],
    }
    for name, lines in wrongs.items():
        equal(len(faults(*lines)), 1, "faults found in: " + name)
    equal(len(faults(whole, holds=range(0, 38, 2))), 1, "faults found in: nobody saw the last")


@case
def thousand_connections(kafka):
    """1,000 connections x 5 of 200 rooms, 8 partitions: unbroken, the union is the log, all end at its end."""
    rate, seconds = (20000, 60) if FULL else (2000, 10)
    prepare(kafka, "main-run", 200, 8)
    with Engine(source(kafka, ("main-run", "ticker-{key}"))) as e:
        warm(e, "ticker-S0", "ticker-S199")
        fleet = Fleet(e.port, conns=1000, room_cnt=200, per_conn=5, snapshot=True, idle_exit=3000, rcvbuf=RCVBUF,
                      duration=seconds * 4000, records_max=rate * seconds * 2 + 100000)
        cpu = e.cpu_s()
        feed = kafka.feed("main-run", count=rate * seconds, rate=rate, symbols=200, timeout=seconds * 3 + 60)
        summary = fleet.finish(seconds * 4)
        cpu = e.cpu_s() - cpu
        clean(summary, conflated=0, gaps=0, lost=0)
        equal(summary["updates"] - summary["snapshots"], rate * seconds * 25, "deliveries")
        counts = matches(kafka, "main-run", [fleet.journal])
        equal(counts["ends"], 5000, "subscriptions at the end")
        report("1000 connections", rate=rate, fed_s=feed["seconds"], deliveries=summary["updates"],
               cpu_us_per_delivery=round(cpu * 1e6 / summary["updates"], 3), latency_us=summary["latency_us"])


@case
def random_joins(kafka):
    """10,000 subscriptions with snapshot into a busy room at random times: no gap, no duplicate."""
    prepare(kafka, "joins", 1, 1)
    joins = 10000
    with Engine(source(kafka, ("joins", "ticker-{key}"))) as e:
        warm(e, "ticker-S0")
        feed = kafka.feeding("joins", count=100000, rate=500)
        fleet = Fleet(e.port, conns=500, rooms="ticker-S0", joins=joins, stay_max=150, snapshot=True, rcvbuf=RCVBUF,
                      duration=120000)
        summary = fleet.finish(150)
        feed.terminate()
        feed.wait()
        clean(summary, conflated=0, gaps=0, lost=0)
        check(summary["joins"] >= joins and summary["leaves"] == summary["joins"], "joins and leaves: %s" % summary)
        equal(summary["snapshots"], summary["joins"], "a snapshot for each")
        matches(kafka, "joins", [fleet.journal], complete=False, union=False)
        report("random joins", joins=summary["joins"], updates=summary["updates"])


def cut_and_resume(kafka, topic, name, second=None, late_ms=0):
    """200 clients cut and resumed 20 times each; second: source settings of another engine for every other time;
    late_ms: it is that far behind, and clients stay long enough to be answered there."""
    prepare(kafka, topic, 20, 4)
    e = Engine(source(kafka, (topic, "ticker-{key}")))
    other = None
    with e:
        if second is not None:
            sources = source(kafka, (topic, "ticker-{key}"))
            sources[0].update(second)
            other = Engine(sources, timeouts={"resume_ms": 20000})
            warm(other, "ticker-S0", "ticker-S19")
        warm(e, "ticker-S0", "ticker-S19")
        cuts, seconds = 20, 14 if second is None else 40 if late_ms else 20
        fleet = Fleet(e.port, alt=other and other.port, conns=200, room_cnt=20, per_conn=2, cuts=cuts, cut_min=50,
                      cut_max=400 if second is None else 700, alt_stay=late_ms and late_ms + 600, reconnect=200, idle_exit=6000,
                      rcvbuf=RCVBUF, duration=120000)
        kafka.feed(topic, count=1000 * seconds, rate=1000, symbols=20)
        summary = fleet.finish(120)
        clean(summary, gaps=0, conflated=0, cannot_recover=0)
        equal(summary["cuts"], 200 * cuts, "cuts")
        # two rooms each; a few are cut again before their answer
        answered = other.metrics()["tickcast_recovered_total"] if other else summary["recovered"]
        check(summary["recovered"] > 0.95 * 2 * 200 * cuts, "%d resumes of %d were answered" % (summary["recovered"], 400 * cuts))
        check(answered > 0.95 * 200 * cuts, "%d resumes of %d were answered by the other engine" % (answered, 200 * cuts))
        matches(kafka, topic, [fleet.journal])
        report(name, cuts=summary["cuts"], recovered=summary["recovered"], there=answered if other else None,
               events=summary["recovered_events"], cannot_recover=summary["cannot_recover"], conflated=summary["conflated"])
        if other:
            other.stop()


@case
def cut_and_resume_here(kafka):
    """200 clients cut and resumed 20 times each on one engine: unbroken."""
    cut_and_resume(kafka, "cuts-1", "cuts, one engine")


@case
def cut_and_resume_elsewhere(kafka):
    """The same with every second resume on another engine on the same Kafka."""
    cut_and_resume(kafka, "cuts-2", "cuts, two engines", {})


@case
def cut_and_resume_on_a_late_engine(kafka):
    """The same with the other engine held 2 s behind."""
    cut_and_resume(kafka, "cuts-3", "cuts, one engine 2 s behind", {"delay_ms": 2000}, 2000)


@case
def a_small_ring_names_its_holes(kafka):
    """Resumes far beyond a small ring: recovered or cannot-recover with the true hole, never silent."""
    prepare(kafka, "small-ring", 4, 1)
    sources = source(kafka, ("small-ring", "ticker-{key}"))
    sources[0]["history"] = {"bytes": 262144, "events": 1024}
    with Engine(sources, limits={"event_bytes": 4096}) as e:
        warm(e, "ticker-S0", "ticker-S3")
        fleet = Fleet(e.port, conns=50, room_cnt=4, per_conn=2, cuts=6, cut_min=200, cut_max=1500, reconnect=1500,
                      idle_exit=4000, duration=90000)
        kafka.feed("small-ring", count=24000, rate=2000, symbols=4)
        summary = fleet.finish(100)
        clean(summary)
        check(summary["cannot_recover"] > 0, "no resume was beyond the ring: %s" % summary)
        matches(kafka, "small-ring", [fleet.journal], union=False)
        report("small ring", recovered=summary["recovered"], cannot_recover=summary["cannot_recover"])


@case
def paused_worker_is_lapped(kafka):
    """A worker lapped on purpose: every gap declared is a gap, every gap is declared, no torn payload."""
    prepare(kafka, "lapped", 10, 2)
    sources = source(kafka, ("lapped", "ticker-{key}"))
    sources[0]["history"] = {"bytes": 131072, "events": 512}
    # Ingest on a thread of its own: after a pause it takes the backlog faster than the worker can send it.
    with Engine(sources, limits={"event_bytes": 4096}, topology="separate") as e:
        warm(e, "ticker-S0", "ticker-S9")
        fleet = Fleet(e.port, conns=100, room_cnt=10, per_conn=3, idle_exit=4000, duration=90000)
        feed = kafka.feeding("lapped", count=60000, rate=6000, symbols=10)
        for _ in range(8):
            end = time.monotonic() + 0.4
            e.signal(signal.SIGSTOP)
            wait_for(lambda: time.monotonic() > end, 5, "a pause")
            e.signal(signal.SIGCONT)
            begin = time.monotonic()
            wait_for(lambda: time.monotonic() > begin + 0.6, 5, "a while of work")
        feed.wait(60)
        summary = fleet.finish(100)
        clean(summary)
        matches(kafka, "lapped", [fleet.journal], union=False)
        overruns = e.metrics()["tickcast_bus_overruns_total"]
        check(overruns > 0, "the worker was never overtaken")
        report("lapped", gaps=summary["gaps"], conflated=summary["conflated"], overruns=overruns)


@case
def stalled_clients(kafka):
    """100 of 1,000 stop reading: the others unbroken with p99 <= 1.1x, bounded memory, conflated and newest after."""
    prepare(kafka, "stall", 10, 4)
    # Far from the saturation of the two cores that broker, feed, engine and clients share: else the figure is theirs.
    rate, cycles, span = 50, (12 if FULL else 4), 3
    seconds = cycles * 2 * span
    windows = {True: [], False: []}

    def p99s():
        return tuple(statistics.median(windows[stalled]) for stalled in (False, True))
    sources = source(kafka, ("stall", "ticker-{key}"))
    sources[0]["history"] = {"bytes": 4194304, "events": 16384}
    with Engine(sources) as e:
        kafka.feed("stall", count=3000, symbols=10, bytes=2500)  # the ring's memory is touched: what grows now is the clients'
        warm(e, "ticker-S0", "ticker-S9")
        for _ in range(4):
            fleet = Fleet(e.port, conns=1000, room_cnt=10, per_conn=2, snapshot=True, idle_exit=3000, stall=100, one_byte=1,
                          stall_after=span * 1000, stall_ms=span * 1000, stall_cycles=cycles, duration=180000)
            rss, held = e.rss_kb(), 0
            feed = kafka.feeding("stall", count=rate * seconds, rate=rate, symbols=10, bytes=2500)
            while feed.poll() is None:
                held = max(held, e.rss_kb() - rss)
                time.sleep(0.05)
            equal(feed.wait(), 0, "exit of the feed")
            summary = fleet.finish(120)
            clean(summary, lost=0)
            matches(kafka, "stall", [fleet.journal], complete=False)
            check(summary["conflated"] >= 100, "conflated notices: %d" % summary["conflated"])
            check(summary["one_byte_updates"] > 2, "the client of one byte at a time made no progress")
            conflated_by, ends = set(), {}
            with open(fleet.journal) as lines:
                for line in lines:
                    f = line.rstrip("\n").split("\t")
                    if f[0] == "G":
                        conflated_by.add(int(f[1]))
                    if f[0] == "E" and int(f[1]) != 899:
                        ends.setdefault(f[2], set()).add(f[4])
            check(all(c >= 899 for c in conflated_by), "conflated although it reads: %s" % sorted(conflated_by)[:5])
            check(all(len(s) == 1 for s in ends.values()), "not all end at the newest value: %s" % ends)
            for w in summary["windows"]:
                if w["count"] > 1000:
                    windows[w["stalled"]].append(w["p99_us"])
            before, with_stalls = p99s()
            if with_stalls <= 1.1 * before:
                break  # else more windows: this host's own noise is of the same size
        ratio = with_stalls / before
        report("stalled", p99_reading=before, p99_with=with_stalls, ratio=round(ratio, 3), windows=len(windows[True]),
               kb_per_stalled=held / 100, conflated=summary["conflated"], one_byte_updates=summary["one_byte_updates"])
        check(held / 100 <= 64, "%.1f KB per stalled client" % (held / 100))
        check(ratio <= 1.1, "p99 %.2fx with stalled clients" % ratio)


@case
def large_messages_share_pages(kafka):
    """20 KB to 50 clients a room, some of which stop reading: sockets share pages, and each has the log's bytes."""
    count, clients = 500, 100
    prepare(kafka, "large", 2, 1)
    with Engine(source(kafka, ("large", "ticker-{key}"))) as e:
        warm(e, "ticker-S0", "ticker-S1")
        fleet = Fleet(e.port, conns=clients, room_cnt=2, per_conn=1, snapshot=True, idle_exit=3000, stall=10, stall_after=1000,
                      stall_ms=2000, stall_cycles=2, duration=60000)
        kafka.feed("large", count=count, rate=50, symbols=2, bytes=20000)
        summary = fleet.finish(60)
        shared = e.metrics()["tickcast_shared_sends_total"]
        clean(summary, lost=0)
        matches(kafka, "large", [fleet.journal], complete=False)
        report("large messages", updates=summary["updates"], shared_sends=shared, conflated=summary["conflated"])
        # all but sixteen of each room's readers, and those that are behind
        check(shared > count * (clients / 2 - 16 - 14), "only %d sends were shared" % shared)


@case
def sigterm_with_stalled_clients(kafka):
    """SIGTERM while clients do not read: gone within drain_s, exit 0."""
    prepare(kafka, "term", 4, 1)
    e = Engine(source(kafka, ("term", "ticker-{key}")), timeouts={"drain_s": 3})
    warm(e, "ticker-S0")
    fleet = Fleet(e.port, conns=100, room_cnt=4, per_conn=4, stall=50, duration=60000)
    feed = kafka.feeding("term", count=400000, rate=5000, symbols=4, bytes=1000)
    wait_for(lambda: e.metrics().get("tickcast_members_behind", 1) > 0, 20, "members behind", every=0.2)
    begin = time.monotonic()
    equal(e.stop(8), 0, "exit code")
    took = time.monotonic() - begin
    check(took <= 4, "left after %.1f s" % took)
    feed.terminate()
    feed.wait()
    summary = fleet.stop()
    clean(summary)
    equal(summary["draining"], 50, "readers that were told draining")
    report("SIGTERM", seconds=round(took, 2), closes=summary["closes"])


@case
def killed_and_restarted(kafka):
    """kill -9 and restart on the same port: clients resume, nothing is lost."""
    prepare(kafka, "killed", 20, 4)
    e = Engine(source(kafka, ("killed", "ticker-{key}")))
    with e:
        warm(e, "ticker-S0", "ticker-S19")
        fleet = Fleet(e.port, conns=200, room_cnt=20, per_conn=2, reconnect=300, idle_exit=8000, rcvbuf=RCVBUF,
                      duration=120000)
        feed = kafka.feeding("killed", count=12000, rate=1000, symbols=20)
        for _ in range(2):
            begin = e.metrics().get("tickcast_events_total", 0)
            wait_for(lambda: e.metrics().get("tickcast_events_total", 0) > begin + 500 or feed.poll() is not None, 20, "events")
            e.kill()
            e.start()
        feed.wait(60)
        summary = fleet.finish(120)
        clean(summary, gaps=0, conflated=0)
        check(summary["reconnects"] >= 400, "reconnects: %d" % summary["reconnects"])
        matches(kafka, "killed", [fleet.journal])
        report("killed twice", reconnects=summary["reconnects"], recovered=summary["recovered"],
               cannot_recover=summary["cannot_recover"])


if __name__ == "__main__":
    main_with_kafka()
