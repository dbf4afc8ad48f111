#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Latency through Kafka (bench/harness_kafka.py, kafka-pace, kafka-bare): figures come out of good runs and out of no
others. No limit on any time: a test says nothing about speed."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, ROOT, case, check, equal, main_with_kafka, need, run, start

SCRIPT = os.path.join(ROOT, "bench", "harness_kafka.py")
PACE, BARE = (os.path.join(BUILD, "bench", name) for name in ("kafka-pace", "kafka-bare"))


def pacing(kafka, topic, seconds):
    argv = [PACE, "--brokers", kafka.brokers, "--topic", topic, "--rate", 200, "--seconds", seconds]
    return start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def bare_at_end(kafka, topic, idle):
    argv = [BARE, "--brokers", kafka.brokers, "--topic", topic, "--idle", idle, "--warm-ms", 0, "--window-ms", 3000]
    bare = start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = bare.stdout.readline()
    check("ready" in line, "not ready: " + (line or bare.communicate()[1]))
    return bare


def ended(process, what):
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 0, what + " ended: " + err)
    return json.loads(out.splitlines()[-1])


def are_ordered(times, what):
    values = [times[q] for q in ("p50", "p99", "p999", "max") if q in times]
    check(values[0] > 0 and values == sorted(values), "%s: %s" % (what, times))


@case
def paced_and_read(kafka):
    """Records are paced and read, spinning and sleeping: all of them, in order."""
    kafka.create("pace", 1)
    for idle in ("spin", "sleep"):
        bare = bare_at_end(kafka, "pace", idle)
        pace = ended(pacing(kafka, "pace", 4), "kafka-pace")
        equal((pace["sent"], pace["acked"], pace["failed"]), (800, 800, 0), "records sent, acknowledged, failed")
        window = ended(bare, "kafka-bare")
        check(window["valid"] and window["broken"] == 0, "window: %s" % window)
        equal(window["latency_us"]["count"], window["deliveries"], "times taken")
        are_ordered(window["latency_us"], "latency")


@case
def disorder_is_told(kafka):
    """Two pacers on one topic make a sequence with holes: the window is not valid."""
    kafka.create("disorder", 1)
    bare = bare_at_end(kafka, "disorder", "sleep")
    pacers = [pacing(kafka, "disorder", 4) for _ in range(2)]
    window = ended(bare, "kafka-bare")
    check(not window["valid"] and window["broken"] > 0, "window: %s" % window)
    for pacer in pacers:
        ended(pacer, "kafka-pace")


@case
def no_topic(kafka):
    """Without the topic neither program makes one, and both say what is missing."""
    for argv in ([PACE, "--rate", 10], [BARE, "--idle", "sleep"]):
        code, out, err = run(argv + ["--brokers", kafka.brokers, "--topic", "nowhere"])
        check(code == 2 and not out and "nowhere" in err, "%s: %d %s %s" % (argv[0], code, out, err))


@case
def refusals(kafka):
    """Wrong words, programs that are not built and a missing Java end it with a code and a text, and no figure."""
    del kafka
    shell = dict(os.environ, PATH="/nonexistent")
    for args, env, wanted, text in ((["--idle", "doze"], None, 2, "doze"),
                                    (["--crowd", "2"], None, 2, "--crowd"),
                                    (["--build", "/nonexistent"], None, 3, "is not built"),
                                    (["--build", BUILD], shell, 3, "java is not installed")):
        code, out, err = run([sys.executable, "-B", SCRIPT, *args], env=env)
        check(code == wanted and not out and text in err, "%s: %d %s %s" % (args, code, out, err))


def figures(idle, rate, crowd, parts):
    """A short run: valid, however slow (the machine may be busy), and with figures for every part."""
    # it starts a broker of its own, on cores of its choice
    argv = [sys.executable, "-B", SCRIPT, "--build", BUILD, "--idle", idle, "--rounds", 1, "--rate", rate, "--window-ms", 3000,
            "--warm-ms", 500, "--settle-s", 10, "--crowd", crowd, "--crowd-rate", 20, "--late-max-ms", 5000, "--ack-periods",
            1000, "--json"]
    code, out, err = run(argv, timeout=600)
    equal(code, 0, "exit code: " + err)
    result = json.loads(out)
    equal(sorted(result["parts"]), parts, "parts")
    for name, part in result["parts"].items():
        for server, times in part["latency_us"].items():
            are_ordered(times, "%s of %s" % (name, server))
        for goal in part["goals"]:
            check(goal["verdict"] in ("held", "missed") and "median" in goal, "goal: %s" % goal)


def case_of_quiet_machines(run_it):
    """Windows of a loaded machine are void: these run with TC_FULL alone."""
    if os.environ.get("TC_FULL"):
        return case(run_it)
    print("skip  %s: it wants a machine with nothing else on it; TC_FULL=1 runs it" % run_it.__name__)
    return run_it


@case_of_quiet_machines
def figures_sleeping(kafka):
    """One subscriber and a crowd, with everybody asleep between records: few, for the broker is a cold one."""
    del kafka
    figures("sleep", 100, 10, ["kafka-crowd-sleep", "kafka-sleep"])


@case_of_quiet_machines
def figures_spinning(kafka):
    """One subscriber; who spins takes a core, so that the broker has to have time for fewer records."""
    del kafka
    figures("spin", 50, 0, ["kafka-spin"])


need(PACE, BARE)
main_with_kafka()
