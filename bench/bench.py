#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: the engine beside the floor in interleaved rounds, idle memory, micro benchmarks.

Servers run on core 0, the load generator on core 1; the primary figure is server CPU per delivery,
compared inside a round. A run counts only if the generator was less than 90 % busy and every delivery
arrived in an unbroken chain; figures of a void run are not printed. Results: one line of JSON per
scenario in build/bench/results.ndjson, with --record in bench/results/ (to be committed) as well."""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER_CPU, GENERATOR_CPU = 0, 1
PAYLOAD_BYTES = 150
# name: messages/s, burst (= messages per send), goal as a factor of the floor
FANOUT = {"k1": (50, 1, 1.15), "k10": (500, 10, 1.20), "k100": (1000, 100, 1.35)}
IDLE_GOAL_BYTES = 1024
MICRO = ("micro-bus", "micro-feed")
TRIES = 3  # of one run, before the scenario is void


class Void(Exception):
    """A run that proves nothing."""


def say(text):
    print(text, flush=True)


def pin(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port, process, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Void(f"the server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Void("the server does not listen")


class Floor:
    name = "floor"
    confirms = False

    def __init__(self, args):
        self.program = args.build / "bench" / "floor"

    def start(self, rate, burst, folder):
        port = free_port()
        command = [self.program, str(port), str(rate), str(burst), str(PAYLOAD_BYTES)]
        log = open(folder / "floor.log", "w")
        return subprocess.Popen(command, preexec_fn=pin(SERVER_CPU), stderr=log), port


class Engine:
    name = "engine"
    confirms = True

    def __init__(self, args):
        self.program = args.build / "tickcast"
        self.args = args

    def config(self, port, rate, burst):
        a = self.args
        return "\n".join([
            f'listen: "127.0.0.1:{port}"',
            f'admin: {{ listen: "127.0.0.1:{free_port()}" }}',
            f"workers: {{ count: 1, cpus: [{SERVER_CPU}], idle: {a.idle} }}",
            f"ingest: {{ cpus: [{SERVER_CPU}] }}",
            f"topology: {a.topology}",
            f"reactor: {a.reactor}",
            "limits: { connections: 15000 }",
            "sources:",
            "  - name: bench",
            "    history: { bytes: 16777216, events: 65536 }",
            f"    synth: {{ symbols: 1, rate: {rate}, burst: {burst}, "
            f'payload_bytes: {PAYLOAD_BYTES}, seed: 1, room: "ticker-S{{n}}", event: ticker-update }}',
            "",
        ])

    def start(self, rate, burst, folder):
        port = free_port()
        path = folder / "engine.yaml"
        path.write_text(self.config(port, rate, burst))
        log = open(folder / "engine.log", "w")
        command = [self.program, "run", "--config", str(path)]
        return subprocess.Popen(command, preexec_fn=pin(SERVER_CPU), stdout=log, stderr=log), port


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Void("the server did not stop") from None


def generator(args, server, port, *more):
    command = [args.build / "bench" / "loadgen", "--connect", f"127.0.0.1:{port}", *more]
    if not server.confirms:
        command.append("--no-confirm")
    return subprocess.Popen([str(c) for c in command], preexec_fn=pin(GENERATOR_CPU), text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def measure(args, server, rate, burst, folder):
    """One run of one server: the window's figures."""
    process, port = server.start(rate, burst, folder)
    try:
        await_port(port, process)
        load = generator(args, server, port, "--conns", args.conns, "--pid", process.pid,
                         "--warm-ms", args.warm_ms, "--window-ms", args.window_ms)
        try:
            out, err = load.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            load.kill()
            raise Void("the generator did not end") from None
        if load.returncode != 0:
            raise Void(err.strip() or f"the generator ended with {load.returncode}")
        window = json.loads(out.splitlines()[-1])
    finally:
        code = stop(process) if process.poll() is None else process.returncode
    if code != 0:
        raise Void(f"the server ended with {code}")
    if not window["valid"]:
        why = [k for k in ("aligned", "complete") if not window[k]]
        why += [f"{k} {window[k]}" for k in ("broken", "unexpected") if window[k]]
        why += [f"generator {window['busy']:.0%} busy"] if window["busy"] >= 0.9 else []
        raise Void("not " + ", ".join(why) if why else "no deliveries")
    expected = args.conns * rate * window["wall_s"]
    if abs(window["deliveries"] / expected - 1) > 0.1:
        raise Void(f"{window['deliveries']} deliveries, {expected:.0f} were due: server out of pace")
    return window


def measure_surely(args, server, rate, burst, folder):
    for attempt in range(TRIES):
        try:
            return measure(args, server, rate, burst, folder)
        except Void as why:
            say(f"  void run of {server.name}: {why}")
            if attempt == TRIES - 1:
                raise


def fanout(args, name, folder):
    rate, burst, goal = FANOUT[name]
    servers = [Floor(args), Engine(args)]
    if args.floor_only:
        servers = servers[:1]
    rounds = []
    for number in range(args.rounds):
        # the order alternates, so that a drift of the machine favours nobody
        order = servers if number % 2 == 0 else servers[::-1]
        rounds.append({s.name: measure_surely(args, s, rate, burst, folder) for s in order})
        say(f"  {name} round {number + 1}/{args.rounds}: " + ", ".join(
            f"{s.name} {rounds[-1][s.name]['ns_per_delivery']:.0f} ns" for s in servers))
    result = {"scenario": f"fanout-{name}", "rate": rate, "burst": burst, "conns": args.conns,
              "goal": goal, "rounds": rounds}
    for s in servers:
        result[f"{s.name}_ns"] = statistics.median(r[s.name]["ns_per_delivery"] for r in rounds)
    if len(servers) == 2:
        ratios = sorted(r["engine"]["ns_per_delivery"] / r["floor"]["ns_per_delivery"]
                        for r in rounds)
        result |= {"ratio": statistics.median(ratios), "ratio_min": ratios[0],
                   "ratio_max": ratios[-1], "met": statistics.median(ratios) <= goal}
    return result


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Void("no VmRSS")


def idle_one(args, server, folder):
    """Resident bytes per connection between none and args.idle_conns of them."""
    process, port = server.start(0, 1, folder)
    try:
        await_port(port, process)
        time.sleep(1)
        before = rss_bytes(process.pid)
        load = generator(args, server, port, "--conns", args.idle_conns, "--idle", "--spread")
        line = load.stdout.readline()
        if not line:
            raise Void(load.communicate()[1].strip())
        time.sleep(2)
        after = rss_bytes(process.pid)
        load.communicate("\n", timeout=60)
    finally:
        if process.poll() is None:
            stop(process)
    return {"rss_before": before, "rss_after": after,
            "bytes_per_conn": (after - before) / args.idle_conns}


def idle(args, folder):
    servers = [Floor(args)] if args.floor_only else [Floor(args), Engine(args)]
    result = {"scenario": "idle", "conns": args.idle_conns, "goal": IDLE_GOAL_BYTES}
    for s in servers:
        result[s.name] = idle_one(args, s, folder)
        say(f"  idle {s.name}: {result[s.name]['bytes_per_conn']:.0f} B per connection")
    if not args.floor_only:
        result["met"] = result["engine"]["bytes_per_conn"] <= IDLE_GOAL_BYTES
    return result


def is_written(name):
    return (ROOT / "bench" / f"{name.replace('-', '_')}.c").exists()


def micro(args, name):
    program = args.build / "bench" / name
    if not program.exists():
        raise Void(f"{program} is not built")
    out = subprocess.run([program], preexec_fn=pin(GENERATOR_CPU), stdout=subprocess.PIPE,
                         text=True, timeout=300, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    for row in rows:
        goal = f", goal {row['goal_ns']}" if row.get("goal_ns") else ""
        say(f"  {row['name']}: {row['ns']:.1f} ns (of {row['runs']} runs {row['min']:.1f} to "
            f"{row['max']:.1f}){goal}")
    met = all(r["ns"] <= r["goal_ns"] for r in rows if r.get("goal_ns"))
    return {"scenario": name, "rows": rows, "met": met}


def machine():
    cpu = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True,
                            text=True, check=False).stdout.strip() or "none"
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(), "commit": commit}


def table(results):
    say("")
    say(f"{'scenario':<14}{'floor':>12}{'engine':>12}{'ratio':>8}{'spread':>14}{'goal':>8}")
    for r in results:
        if r["scenario"].startswith("fanout"):
            spread = f"{r['ratio_min']:.2f}-{r['ratio_max']:.2f}" if "ratio" in r else "-"
            say(f"{r['scenario']:<14}{r['floor_ns']:>9.1f} ns"
                + (f"{r['engine_ns']:>9.1f} ns{r['ratio']:>8.3f}" if "ratio" in r else " " * 20)
                + f"{spread:>14}{r['goal']:>8.2f}" + verdict(r))
        elif r["scenario"] == "idle":
            cells = [f"{r[s]['bytes_per_conn']:>10.0f} B" if s in r else " " * 12
                     for s in ("floor", "engine")]
            say(f"{'idle':<14}{cells[0]}{cells[1]}{'':>22}{r['goal']:>6} B" + verdict(r))
        else:
            for row in r["rows"]:
                goal = f"{row['goal_ns']:>5} ns" if row.get("goal_ns") else ""
                say(f"{row['name']:<26}{row['ns']:>9.1f} ns{'':>22}{goal:>8}")


def verdict(result):
    return "" if "met" not in result else "  met" if result["met"] else "  MISSED"


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*FANOUT, "idle", *MICRO]
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--conns", type=int, default=1000)
    parser.add_argument("--idle-conns", type=int, default=10000)
    parser.add_argument("--warm-ms", type=int, default=1000)
    parser.add_argument("--window-ms", type=int, default=3000)
    parser.add_argument("--quick", action="store_true", help="2 rounds; for a look, not for figures")
    parser.add_argument("--floor-only", action="store_true")
    parser.add_argument("--reactor", default="auto", help="of the engine: auto, io_uring, epoll")
    parser.add_argument("--topology", default="fused")
    parser.add_argument("--idle", default="sleep", help="idle policy of the engine's workers")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--record", action="store_true", help="append to bench/results/ too")
    parser.add_argument("--check", action="store_true", help="exit 1 if a goal is missed")
    args = parser.parse_args()
    args.scenarios = args.scenarios or [n for n in names if n not in MICRO or is_written(n)]
    for name in args.scenarios:
        if name not in names:
            parser.error(f"no scenario {name}: there are {', '.join(names)}")
    if args.quick:
        args.rounds = min(args.rounds, 2)
    return args


def main():
    args = parse()
    if os.cpu_count() < 2:
        say("bench: two cores are needed, one for the server and one for the generator")
        return 3
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tickcast-bench-"))
    stamp = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    about = {"time": stamp, "machine": machine(), "reactor": args.reactor,
             "topology": args.topology, "idle": args.idle, "window_ms": args.window_ms}
    results, is_void = [], False
    for name in args.scenarios:
        say(f"{name}:")
        try:
            if name in FANOUT:
                results.append(fanout(args, name, folder))
            elif name == "idle":
                results.append(idle(args, folder))
            else:
                results.append(micro(args, name))
        except Void as why:
            is_void = True
            say(f"  VOID, no figures: {why}\n  logs: {folder}")
    outs = [ROOT / "build" / "bench" / "results.ndjson"]
    if args.record and not args.quick:
        outs.append(ROOT / "bench" / "results" / "results.ndjson")
    for out in outs:
        out.parent.mkdir(parents=True, exist_ok=True)
        with open(out, "a", encoding="utf-8") as f:
            for result in results:
                f.write(json.dumps(about | result) + "\n")
    table(results)
    if not is_void:
        shutil.rmtree(folder)
    missed = [r["scenario"] for r in results if r.get("met") is False]
    return 5 if is_void else 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
