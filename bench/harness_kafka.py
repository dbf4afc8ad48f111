#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Latency from the append to a Kafka topic to the client's receive: the engine beside a bare librdkafka consumer.

usage: harness_kafka.py [--rounds N] [--idle spin,sleep] [--rate N] [--crowd N] ...   (--help lists all)

A real broker, a topic of one partition, and bench/kafka-pace, which puts the time at which each record was due into
it (open loop). In each round the bare consumer (bench/kafka-bare: the settings of the engine's own source) and the
engine with one subscriber (bench/loadgen) read the same topic one after the other, in alternating order; the
difference is taken inside the round. Then with a crowd of subscribers and few records, beside the floor's sweep
over as many: what the last of them sees is taken from two probes, one that joins before the crowd and one after it.

The engine (fused) and the thread of the bare consumer run on the first core; librdkafka's threads of both, the
broker, the pacer and the clients on the others: with two cores, all on the second. The clients have the highest
priority there, if this user may give it (root): who waits for the broker's threads to make room measures those.

A run counts only if every record of its window arrived in order and the pacer kept its schedule; it is repeated up to
three times, then its goals are invalid and have no figure. Exit code 3: something is missing; 5: a run was void."""
import argparse
import contextlib
import importlib.util
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOPIC = "latency"
LOADGEN = "bench/loadgen"
TRIES = 3
CALL_S = 15
EARLY_MS = 1500  # for a crowd to connect, after the probe that comes before it
GOALS = {  # microseconds
    "spin": {"p50": 30, "p99": 150},
    "sleep": {"p50": 90, "p99": 150},
}
CROWD_GOAL = 1.15
QUANTILES = ("p50", "p99", "p999", "max")


class Void(Exception):
    """A run that proves nothing."""


class Missing(Exception):
    """Something that has to be installed or built first."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def test_tools(options):
    """tests/integration/harness.py: brokers, engines, processes that end with this one. Under a name of its own, for
    it reads the environment when it is loaded and there are other modules called harness."""
    folder = ROOT / "tests" / "integration"
    os.environ["TC_BUILD"] = str(options.build)
    sys.path.append(str(folder))
    spec = importlib.util.spec_from_file_location("tickcast_test_harness", folder / "harness.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def on_cores(cores):
    """What is started in here runs there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def urgent():
    """In a child: before all others of its core."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)


def judge(window, rate, conns=1):
    """Void unless every record of the window came once and in order, at the rate at which it was sent."""
    faults = [f"{window[k]} {k}" for k in ("broken", "unexpected") if window.get(k)]
    # An end that was not quiet does no harm to latency.
    faults += ["not complete"] if not window.get("complete", True) else []
    faults += [f"the client was {window['busy']:.0%} busy"] if window.get("busy", 0) >= 0.9 else []
    due = conns * rate * window["wall_s"]
    if not due or abs(window["deliveries"] / due - 1) > 0.05:
        faults.append(f"{window['deliveries']} deliveries, {due:.0f} were due")
    if faults:
        raise Void(", ".join(faults))


class Bench:
    """A broker with its topic, and the programs that are measured with it."""

    def __init__(self, options):
        self.options = options
        self.cores = os.sched_getaffinity(0)
        if len(self.cores) < 2:
            raise Missing("two cores are needed, one for the engine and one for all others")
        self.server_core = min(self.cores)
        self.others = self.cores - {self.server_core}
        for name in ("tickcast", "bench/kafka-pace", "bench/kafka-bare", LOADGEN, "bench/floor"):
            if not (options.build / name).exists():
                raise Missing(f"{options.build / name} is not built: ./run build")
        for tool in ("java", "mvn", "kcat"):
            if shutil.which(tool) is None:
                raise Missing(f"{tool} is not installed, for a real Kafka: cmake/deps.sh test")
        self.tools = test_tools(options)
        self.started = []
        try:
            self.kafka = self.tools.Kafka()
            self.kafka.create(TOPIC, 1)
        except (AssertionError, subprocess.SubprocessError) as error:
            raise Missing(f"no Kafka: {error}") from None

    def start(self, program, *args):
        argv = [self.options.build / program, *args]
        process = self.tools.start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=urgent if program == LOADGEN else None)
        self.started.append(process)
        return process

    def end_started(self):
        """What a run that broke off has left."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.started.clear()

    def finish(self, process, seconds):
        """Its last line, once it has ended well."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Void(f"{process.args[0].split('/')[-1]} did not end") from None
        if process.returncode != 0:
            raise Void(err.strip() or f"{process.args[0].split('/')[-1]} ended with {process.returncode}: {out.strip()}")
        return json.loads(out.splitlines()[-1])

    def ready(self, process):
        line = process.stdout.readline()
        if "ready" not in line:
            raise Void(process.communicate()[1].strip() or "not ready")
        return process

    @contextlib.contextmanager
    def pacing(self, rate, found):
        """Records at a rate meanwhile; the pacer's report goes into found."""
        limit = (self.options.warm_ms + self.options.window_ms) // 1000 + int(self.options.settle_s) + 60
        pacer = self.start("bench/kafka-pace", "--brokers", self.kafka.brokers, "--topic", TOPIC, "--rate", rate,
                           "--seconds", limit, "--payload", self.options.payload_bytes)
        yield
        if pacer.poll() is not None:
            raise Void(pacer.communicate()[1].strip() or "the pacer ended by itself")
        pacer.terminate()
        found["pace"] = report = self.finish(pacer, CALL_S)
        late_ms = report["late_us"]["max"] / 1000
        if late_ms > self.options.late_max_ms:
            raise Void(f"the pacer was {late_ms:.0f} ms late")
        # An acknowledgement is looked at with the next record: in time, it seems to take one period.
        if report["ack_us"]["p50"] > self.options.ack_periods * 1e6 / rate:
            raise Void(f"the broker cannot follow: {report['ack_us']['p50'] / 1000:.1f} ms to an acknowledgement")

    def settle(self, seconds, rate):
        """The broker's machine code is made on all cores and while nobody measures; then it leaves the engine's."""
        for _ in range(TRIES):
            reader = self.ready(self.bare_at_work("sleep", 0, int(seconds * 1000)))
            try:
                with self.pacing(rate, {}):
                    self.finish(reader, seconds + CALL_S)
                break
            except Void as why:
                say(f"  while the broker warms up: {why}")
            finally:
                self.end_started()
        pid = pathlib.Path(self.kafka.env["TC_KAFKA_RUN"], "pid", "1").read_text().strip()
        for thread in pathlib.Path("/proc", pid, "task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), self.others)

    def window_args(self, warm_ms=None, window_ms=None):
        return ("--warm-ms", self.options.warm_ms if warm_ms is None else warm_ms,
                "--window-ms", self.options.window_ms if window_ms is None else window_ms)

    def window_s(self):
        return (self.options.warm_ms + self.options.window_ms) / 1000 + CALL_S

    def bare_at_work(self, idle, *window):
        return self.start("bench/kafka-bare", "--brokers", self.kafka.brokers, "--topic", TOPIC, "--idle", idle, "--cpu",
                          self.server_core, *self.window_args(*window))

    def bare(self, idle, rate):
        process = self.ready(self.bare_at_work(idle))
        found = {}
        with self.pacing(rate, found):
            window = self.finish(process, self.window_s())
        judge(window, rate)
        return window | found

    def engine_at_work(self, idle):
        topics = [{"topic": TOPIC, "format": "json", "room": "ticker-{key}", "event": "ticker-update", "class": "latest"}]
        source = {"name": "main", "kafka": {"brokers": self.kafka.brokers, "start": "latest", "topics": topics}}
        # It pins its worker itself: one that may use a single core has nowhere to send librdkafka's threads.
        with on_cores(self.cores):
            return self.tools.Engine([source], topology="fused",
                                     workers={"count": 1, "cpus": [self.server_core], "idle": idle})

    def stop(self, engine):
        code = engine.stop()
        if code != 0:
            raise Void(f"the engine ended with {code}")

    def engine(self, idle, rate):
        found = {}
        with self.engine_at_work(idle) as engine:
            with self.pacing(rate, found):
                load = self.start(LOADGEN, "--json", "--windows", 1, "--connect", f"127.0.0.1:{engine.port}", "--conns", 1, "--pid",
                                  engine.process.pid, *self.window_args())
                window = self.finish(load, self.window_s())
            self.stop(engine)
        judge(window, rate)
        return window | found

    def last_of(self, port, rate, *more):
        """The latency of the last of a crowd: of two probes, the one that is served later."""
        o = self.options
        to = (LOADGEN, "--json", "--windows", 1, "--connect", f"127.0.0.1:{port}", *more)
        first = self.ready(self.start(*to, "--conns", 1, *self.window_args(o.warm_ms + EARLY_MS)))
        begin = time.monotonic()
        crowd = self.ready(self.start(*to, "--conns", o.crowd - 2, *self.window_args(
            0, o.warm_ms + o.window_ms + 2 * EARLY_MS + 2000)))
        last = self.ready(self.start(*to, "--conns", 1, *self.window_args()))
        if (time.monotonic() - begin) * 1000 > o.warm_ms + EARLY_MS:
            raise Void("the crowd was not there in time")
        probes = [self.finish(p, self.window_s() + CALL_S) for p in (first, last)]
        if crowd.poll() is not None:
            raise Void("the crowd left before the end")
        for probe in probes:
            judge(probe, rate)
        judge(self.finish(crowd, self.window_s() + CALL_S), rate, o.crowd - 2)
        return max(probes, key=lambda p: p["latency_us"]["p50"])

    def engine_crowd(self, idle, rate):
        found = {}
        with self.engine_at_work(idle) as engine:
            with self.pacing(rate, found):
                window = self.last_of(engine.port, rate)
            self.stop(engine)
        return window | found

    def floor_crowd(self, idle, rate):
        """The floor makes its messages itself; it always sleeps."""
        del idle
        port = self.tools.free_port()
        with on_cores({self.server_core}):
            floor = self.start("bench/floor", port, rate, 1, self.options.payload_bytes)
        self.tools.wait_for(lambda: self.is_listening(floor, port), CALL_S, "the floor listens")
        window = self.last_of(port, rate, "--dialect", "raw")
        floor.terminate()
        err = floor.communicate(timeout=CALL_S)[1]
        if floor.returncode != 0:
            raise Void(err.strip() or f"the floor ended with {floor.returncode}")
        return window

    def is_listening(self, process, port):
        if process.poll() is not None:
            raise Void(process.communicate()[1].strip() or "the floor ended")
        with contextlib.suppress(OSError), contextlib.closing(
                self.tools.socket.create_connection(("127.0.0.1", port), 0.2)):
            return True
        return False

    def surely(self, name, run, idle, rate):
        for attempt in range(TRIES):
            try:
                return run(idle, rate)
            except (Void, AssertionError) as why:
                say(f"  void run of {name}: {why}")
                if attempt == TRIES - 1:
                    raise Void(f"{name}: {why}") from None
            finally:
                self.end_started()
        return None

    def rounds(self, title, runs, idle, rate):
        rounds = []
        for number in range(self.options.rounds):
            # the order alternates, so that a drift of the machine favours nobody
            names = list(runs) if number % 2 == 0 else list(runs)[::-1]
            rounds.append({name: self.surely(name, runs[name], idle, rate) for name in names})
            say(f"  {title} round {number + 1}/{self.options.rounds}: " + ", ".join(
                "{} {p50:.0f} / {p99:.0f} us".format(name, **rounds[-1][name]["latency_us"]) for name in runs))
        return rounds


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def quantile(rounds, name, which):
    return [r[name]["latency_us"][which] for r in rounds]


def medians(rounds):
    return {name: {q: statistics.median(quantile(rounds, name, q)) for q in QUANTILES} for name in rounds[0]}


def goal(name, found, limit, unit=""):
    """A row of the report; found None: no valid run."""
    verdict = "invalid" if found is None else "held" if found["median"] <= limit else "missed"
    return {"name": name, "limit": limit, "unit": unit, "verdict": verdict} | (found or {})


def alone(bench, idle, rate):
    """One subscriber: how much later than the bare consumer."""
    goals = GOALS[idle]
    result = {"rate": rate, "conns": 1}
    try:
        rounds = bench.rounds(f"kafka-{idle}", {"bare": bench.bare, "engine": bench.engine}, idle, rate)
    except Void as why:
        return result | {"void": str(why), "goals": [goal(f"kafka-{idle}-{q}", None, goals[q], "us") for q in goals]}
    result |= {"rounds": rounds, "latency_us": medians(rounds), "more_us": {
        q: spread([e - b for e, b in zip(quantile(rounds, "engine", q), quantile(rounds, "bare", q))])
        for q in QUANTILES}}
    result["goals"] = [goal(f"kafka-{idle}-{q}", result["more_us"][q], goals[q], "us") for q in goals]
    return result


def crowded(bench, idle, rate):
    """Many subscribers: the last of them beside the bare consumer and the floor's sweep."""
    name = f"kafka-crowd-{idle}"
    result = {"rate": rate, "conns": bench.options.crowd}
    runs = {"bare": bench.bare, "floor": bench.floor_crowd, "engine": bench.engine_crowd}
    try:
        rounds = bench.rounds(name, runs, idle, rate)
    except Void as why:
        return result | {"void": str(why), "goals": [goal(name, None, CROWD_GOAL)]}
    parts = (quantile(rounds, n, "p50") for n in ("engine", "bare", "floor"))
    ratio = spread([engine / (bare + floor) for engine, bare, floor in zip(*parts)])
    return result | {"rounds": rounds, "latency_us": medians(rounds), "ratio": ratio,
                     "goals": [goal(name, ratio, CROWD_GOAL)]}


def kafka_latency(options):
    """Runs it all; options as of arguments(). Missing: it cannot be run here."""
    bench = Bench(options)
    is_void = True
    with on_cores(bench.others):
        try:
            bench.settle(options.settle_s, options.rate)
            parts = {f"kafka-{idle}": alone(bench, idle, options.rate) for idle in options.idle}
            if options.crowd:
                parts |= {f"kafka-crowd-{idle}": crowded(bench, idle, options.crowd_rate) for idle in options.idle}
            is_void = any("void" in part for part in parts.values())
        finally:
            bench.kafka.stop()
            if not is_void:
                shutil.rmtree(bench.tools.RUN, ignore_errors=True)
    if is_void:
        say(f"logs: {bench.tools.RUN}")
    return {"scenario": "kafka-latency", "payload_bytes": options.payload_bytes, "window_ms": options.window_ms,
            "partitions": 1, "server_cores": [bench.server_core], "other_cores": sorted(bench.others), "parts": parts}


def table(result):
    row = "{:<20}{:<8}" + "{:>10}" * len(QUANTILES)
    print(row.format("latency in us", "", *QUANTILES))
    for name, part in result["parts"].items():
        for server, found in part.get("latency_us", {}).items():
            print(row.format(name, server, *(f"{found[q]:.0f}" for q in QUANTILES)))
        if "more_us" in part:
            print(row.format("", "more", *(f"{part['more_us'][q]['median']:+.0f}" for q in QUANTILES)))
        if "void" in part:
            print(f"{name:<20}VOID, no figures: {part['void']}")
    for part in result["parts"].values():
        for g in part["goals"]:
            found = f"{g['median']:.4g} ({g['min']:.4g} to {g['max']:.4g})" if "median" in g else "-"
            print(f"goal {g['name']} {found} {g['limit']}{g['unit']} {g['verdict']}")


def idles(text):
    names = text.split(",")
    for name in names:
        if name not in GOALS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(GOALS)}")
    return names


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--idle", type=idles, default=list(GOALS), metavar="LIST", help="spin, sleep or both")
    parser.add_argument("--rate", type=int, default=1000, help="records/s with one subscriber (1000)")
    parser.add_argument("--crowd", type=int, default=1000, help="subscribers of the crowd; 0: no such part (1000)")
    parser.add_argument("--crowd-rate", type=int, default=50, help="records/s then: a sweep has to fit between (50)")
    parser.add_argument("--payload-bytes", type=int, default=150)
    parser.add_argument("--warm-ms", type=int, default=2000)
    parser.add_argument("--window-ms", type=int, default=5000)
    parser.add_argument("--settle-s", type=float, default=20, help="how long the broker warms up (20)")
    parser.add_argument("--late-max-ms", type=float, default=50, help="a run with a later send is void (50)")
    parser.add_argument("--ack-periods", type=float, default=2, help="a run whose median record is acknowledged later "
                        "than so many spaces between records is void (2)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--json", action="store_true", help="one line of JSON in place of the table")
    options = parser.parse_args(argv)
    if options.rounds < 1 or options.rate < 1 or options.crowd_rate < 1 or options.crowd in (1, 2):
        parser.error("--rounds, --rate and --crowd-rate begin at 1, --crowd at 3")
    options.build = options.build.resolve()
    return options


def main():
    options = arguments()
    try:
        result = kafka_latency(options)
    except Missing as why:
        say(f"kafka-latency: {why}")
        return 3
    if options.json:
        print(json.dumps(result))
    else:
        table(result)
    return 5 if any("void" in part for part in result["parts"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
