# SPDX-License-Identifier: Apache-2.0
"""Rounds: every run of a scenario in each, in alternating order, tried again if it proved nothing."""
import sys
import time

from . import Absent, Void, goals, kafka, machine, measure, process

TRIES = 3


class Progress:
    """One line on stderr: what runs, and how long it will take, from how long the runs took so far."""

    def __init__(self, out=sys.stderr):
        self.out, self.is_line_open = out, False

    def begin(self, name, seconds):
        self.name, self.planned, self.done, self.used = name, seconds, 0.0, 0.0

    def show(self, what, number, rounds):
        pace = self.used / self.done if self.done else 1
        left = max(1, round((self.planned - self.done) * pace))
        text = f"{self.name}: {what}, round {number} of {rounds}, about {left} s left"
        if self.out.isatty():
            self.out.write("\r\033[K" + text)
            self.is_line_open = True
        else:
            self.out.write(text + "\n")
        self.out.flush()

    def took(self, planned, used):
        self.done += planned
        self.used += used

    def say(self, text):
        if self.is_line_open:
            self.out.write("\r\033[K")
            self.is_line_open = False
        self.out.write(text + "\n")
        self.out.flush()


def with_peers(options, scenario):
    """The scenario's runs, and one for each peer that was asked for and does this task."""
    runs = [run | options.settings for run in scenario["run"]]
    base = next((r for r in runs if r["name"] == scenario["yardstick"]), runs[0] if runs else None)
    for peer in options.peer_names:
        name = peer.replace("-", "_")
        if peer in scenario["peers"] and name not in (r["name"] for r in runs):
            runs.append(base | {"name": name, "server": "peer:" + peer})
    return runs


def usable(options, runs, progress):
    """The runs that can be made here; {name: why} of the others."""
    found, absent = [], {}
    for run in runs:
        try:
            if run["server"].startswith("peer:") and options.peers.is_new(run["server"].removeprefix("peer:")):
                progress.say(f"  setting up {run['name']}")
            prepared = measure.prepared(options, run)
            if run["server"] != "openssl":
                options.generator.judge(prepared)
            found.append(run)
        except Absent as why:
            absent[run["name"]] = str(why)
            progress.say(f"  left out: {run['name']}: {why}")
    return found, absent


def surely(options, scenario, run, folder, progress):
    for attempt in range(TRIES):
        try:
            return measure.one(options, scenario, run, folder / f"{scenario['name']}-{run['name']}")
        except Void as why:
            progress.say(f"  void run of {run['name']} (try {attempt + 1} of {TRIES}): {why}")
            last = why
    raise last


def interleaved(options, scenario, runs, folder, progress):
    """[{run: figures}] by round, and {run: why} of those that are void: a run that was void once has no figures."""
    cnt = options.rounds or scenario["rounds"]
    progress.begin(scenario["name"], cnt * sum(measure.expected_seconds(scenario, run) for run in runs))
    rounds, void = [], {}
    for number in range(1, cnt + 1):
        rounds.append({})
        # the order alternates, so that a drift of the machine favours nobody
        for run in runs if number % 2 else runs[::-1]:
            planned, began = measure.expected_seconds(scenario, run), time.monotonic()
            if run["name"] not in void:
                progress.show(run["name"], number, cnt)
                try:
                    rounds[-1][run["name"]] = surely(options, scenario, run, folder, progress)
                except Void as why:
                    void[run["name"]] = str(why)
            progress.took(planned, time.monotonic() - began)
    return [{k: v for k, v in r.items() if k not in void} for r in rounds], void


def result_of(options, scenario, folder, progress):
    """The scenario's part of the record: its rounds of figures, and what is void or absent."""
    if scenario["kind"] in ("micro", "kafka-latency"):
        progress.begin(scenario["name"], 10 * len(scenario["programs"]) or 60 * (options.rounds or scenario["rounds"]))
        progress.show(", ".join(scenario["programs"]) or "all", 1, 1)
        try:
            return measure.micro(options, scenario) if scenario["kind"] == "micro" else kafka.result(options, scenario)
        except (Absent, Void) as why:
            progress.say(f"  {why}")
            return {"rounds": [], "void" if isinstance(why, Void) else "absent": {scenario["kind"]: str(why)}}
    runs = with_peers(options, scenario)
    for peer in options.peer_names:
        if "peer:" + peer not in (run["server"] for run in runs):
            progress.say(f"  {peer} is no peer of {scenario['name']}")
    for run in runs:
        if run["server"] != "openssl":
            process.judge_files(run, scenario["name"])
    runs, absent = usable(options, runs, progress)
    rounds, void = interleaved(options, scenario, runs, folder, progress) if runs else ([], {})
    return {"runs": {run["name"]: measure.prepared(options, run) for run in runs}, "rounds": rounds, "absent": absent, "void": void}


def run(options, scenario, folder, progress):
    """One record without machine and time."""
    found = {"format": 2, "scenario": scenario["name"], "title": scenario["title"], "kind": scenario["kind"],
             "cost": scenario["cost"], "yardstick": scenario["yardstick"], "note": scenario["note"], "quick": options.quick,
             "memory_ns": machine.memory_ns(options.build, [options.server_cpu])}
    found |= {"void": {}, "absent": {}, "runs": {}} | result_of(options, scenario, folder, progress)
    return found | {"goals": [goals.judged(goal, found) for goal in scenario["goal"]]}
