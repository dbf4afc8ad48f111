#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks over HTTP/2, beside healthy subscribers: the attacker is cut, memory stays, nobody else notices.
The attacks are in h2attacker.py; each is a case, some also over TLS: one or two of each kind, all with TC_FULL."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import h2attacker
from harness import FULL, Fleet, Tls, case, check, clean, equal, main, make_cert, need, program, start, wait_for, warm

SYNTH = [{"name": "main", "synth": {"symbols": 12, "rate": 600, "payload_bytes": 150, "room": "ticker-S{n}",
                                    "event": "ticker-update"}}]
HEAD_S, IDLE_S = 1.5, 3.0
# A subscriber that this machine does not schedule for a while has lost nothing yet.
SETTINGS = {"timeouts": {"head_ms": int(HEAD_S * 1000), "ping_ms": 1000, "idle_ms": int(IDLE_S * 1000)},
            "limits": {"conflate_ms": 2000, "conflate_bytes": 1 << 20, "sndbuf_bytes": 65536}}
GROWTH_KB_MAX = 32 << 10
NOISE_US = 25000  # a p99 below this says nothing on a machine that others use too
OVER_TLS = ("rapid_reset", "provoked_by_upper_case", "continuation_flood", "header_bomb", "ping_flood", "empty_data_flood",
            "a_frame_by_drips", "zero_window", "never_reads")
USUAL = ("rapid_reset", "provoked_by_window_update_of_0", "provoked_by_upper_case", "provoked_by_content_length",
         "continuation_flood", "header_bomb", "tiny_field_bomb", "cookie_bomb", "settings_flood", "ping_flood",
         "window_update_flood", "priority_flood", "empty_data_flood", "unknown_frame_flood", "half_a_preface",
         "a_preface_and_no_settings", "a_frame_by_drips", "zero_window", "a_window_of_one_byte", "window_drip")
USUAL_TLS = ("rapid_reset", "header_bomb", "zero_window")
TRIES = 3
_engine = []


def engine():
    """(engine, certificate, p99 in µs beside a process that only counts)"""
    if not _engine:
        cert = make_cert("localhost", "localhost")
        e = Tls([cert], SYNTH, **SETTINGS)
        warm(e, *["ticker-S%d" % n for n in range(12)])
        fleet = subscribers(e)
        busy = start([sys.executable, "-c", "while True: pass"])
        p99 = healthy(fleet)
        busy.kill()
        busy.wait()
        print("       p99 before: %d us" % p99, flush=True)
        _engine.append((e, cert, p99))
    return _engine[0]


def subscribers(e):
    return Fleet(e.port, conns=40, room_cnt=12, per_conn=4, duration=5500, time_key="t_ms", time_ns=1000000)


def healthy(fleet):
    """Their p99 in µs, when they have lost nothing."""
    summary = fleet.finish(60)
    clean(summary, gaps=0, conflated=0, lost=0, closes={})
    check(summary["updates"] > 10000, "only %d updates" % summary["updates"])
    return summary["latency_us"]["p99"]


def attacked(name, tls):
    """One attack; returns the attacker's tally, the subscribers' p99 and how much memory has grown, in KB."""
    e, cert, _ = engine()
    before = e.rss_kb()
    fleet = subscribers(e)
    argv = [sys.executable, h2attacker.__file__, e.tls if tls else e.port, name, 3, HEAD_S, IDLE_S]
    attacker = start(argv + ([cert[0]] if tls else []), stdout=subprocess.PIPE)
    out, _ = attacker.communicate(timeout=90)
    equal(attacker.returncode, 0, "exit code of the attacker")
    grown = e.rss_kb() - before
    return json.loads(out), healthy(fleet), grown


def attack_case(name, tls=False):
    def one():
        e, _, p99 = engine()
        bound = max(1.5 * p99, NOISE_US)
        for _ in range(TRIES):  # the machine's noise, or the attack's: another one tells
            tally, found, grown = attacked(name, tls)
            if found <= bound:
                break
        print("       %s, p99 %d us, memory %+d KB" % (json.dumps(tally), found, grown), flush=True)
        check(tally["connections"] > 0, "no connection: %s" % tally)
        equal((tally["not_cut"], tally["not_closed"]), (0, 0), "attackers that go on")
        check(tally["ends"], "none was cut")
        check(found <= bound, "p99 of the subscribers: %d us, at most %d" % (found, bound))
        check(grown <= GROWTH_KB_MAX, "memory has grown by %d KB" % grown)
        wait_for(lambda: e.metrics()["tickcast_connections"] == 0, 5, "no connection is left")
    one.__name__ = name + ("_tls" if tls else "")
    case(one)


for attack_name in h2attacker.ATTACKS if FULL else USUAL:
    attack_case(attack_name)
for attack_name in OVER_TLS if FULL else USUAL_TLS:
    attack_case(attack_name, tls=True)


if __name__ == "__main__":
    need("openssl", program("ws-fleet"))
    main()
