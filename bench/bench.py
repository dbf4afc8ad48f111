#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: the engine beside the floor (and over gRPC beside gRPC C++, over TLS beside plain) in interleaved
rounds, idle memory, micro benchmarks.

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
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "integration"))
import certs

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER_CPU, GENERATOR_CPU = 0, 1
PAYLOAD_BYTES = 150
# name: messages/s, burst (= messages per send), goal as a factor of the floor
FANOUT = {"k1": (50, 1, 1.15), "k10": (500, 10, 1.20), "k100": (1000, 100, 1.35)}
IDLE_GOAL_BYTES = 1024
# name: messages/s, burst, goal as a factor of the floor's, and of the peer's cost as a factor of the engine's
GRPC = {"grpc-k1": (50, 1, 1.6, 3), "grpc-k10": (200, 10, 2.0, 3)}
TLS = {"tls-k1": (50, 1, 1.3)}  # the goal as a factor of plain
NEW_CONNS = 500  # of gRPC and TLS: what the peer and the generator can bear
HELD_CONNS, CONN_STREAMS = 2000, 100
HELD_GOAL_BYTES = {"h2-conn": 30 * 1024, "h2-stream": 4 * 1024}
MICRO = ("micro-bus", "micro-feed", "micro-transcode")
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
    load = ("--no-confirm",)

    def __init__(self, args):
        self.program = args.build / "bench" / "floor"

    def start(self, rate, burst, folder):
        port = free_port()
        command = [self.program, str(port), str(rate), str(burst), str(PAYLOAD_BYTES)]
        log = open(folder / "floor.log", "w")
        return subprocess.Popen(command, preexec_fn=pin(SERVER_CPU), stderr=log), port


class Peer:
    """gRPC C++ (bench/peers)."""

    name = "peer"
    load = ("--grpc",)

    def __init__(self, args):
        self.program = args.build / "bench" / "grpc-peer"

    def start(self, rate, burst, folder):
        port = free_port()
        command = [self.program, str(port), str(rate), str(burst), str(PAYLOAD_BYTES)]
        log = open(folder / "peer.log", "w")
        return subprocess.Popen(command, preexec_fn=pin(SERVER_CPU), stderr=log), port


class Engine:
    def __init__(self, args, name="engine", load=()):
        self.program = args.build / "tickcast"
        self.args = args
        self.name = name
        self.load = load
        self.admin = None

    def tls(self, port, folder):
        if "--tls" not in self.load:
            return []
        crt, key = certs.make(str(folder), "bench", "localhost")
        return [f'tls: {{ listen: "127.0.0.1:{port}", certificates: ["{crt}"], keys: ["{key}"] }}']

    def config(self, port, plain_port, rate, burst, folder):
        a = self.args
        self.admin = free_port()
        return "\n".join([
            f'listen: "127.0.0.1:{plain_port}"',
            f'admin: {{ listen: "127.0.0.1:{self.admin}" }}',
            *self.tls(port, folder),
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
        plain_port = free_port() if "--tls" in self.load else port
        path.write_text(self.config(port, plain_port, rate, burst, folder))
        log = open(folder / "engine.log", "w")
        command = [self.program, "run", "--config", str(path)]
        return subprocess.Popen(command, preexec_fn=pin(SERVER_CPU), stdout=log, stderr=log), port

    def metric(self, name):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.admin}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Void("the server did not stop") from None


def generator(args, server, port, *more):
    command = [args.build / "bench" / "loadgen", "--connect", f"127.0.0.1:{port}", *server.load, *more]
    return subprocess.Popen([str(c) for c in command], preexec_fn=pin(GENERATOR_CPU), text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def measure(args, server, rate, burst, folder, conns):
    """One run of one server: the window's figures."""
    process, port = server.start(rate, burst, folder)
    try:
        await_port(port, process)
        load = generator(args, server, port, "--conns", conns, "--pid", process.pid,
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
    expected = conns * rate * window["wall_s"]
    if abs(window["deliveries"] / expected - 1) > 0.1:
        raise Void(f"{window['deliveries']} deliveries, {expected:.0f} were due: server out of pace")
    return window


def measure_surely(args, server, rate, burst, folder, conns):
    for attempt in range(TRIES):
        try:
            return measure(args, server, rate, burst, folder, conns)
        except Void as why:
            say(f"  void run of {server.name}: {why}")
            if attempt == TRIES - 1:
                raise


def rounds_of(args, name, servers, rate, burst, folder, conns):
    rounds = []
    for number in range(args.rounds):
        # the order alternates, so that a drift of the machine favours nobody
        order = servers if number % 2 == 0 else servers[::-1]
        rounds.append({s.name: measure_surely(args, s, rate, burst, folder, conns) for s in order})
        say(f"  {name} round {number + 1}/{args.rounds}: " + ", ".join(
            f"{s.name} {rounds[-1][s.name]['ns_per_delivery']:.0f} ns" for s in servers))
    return rounds


def ratios(rounds, cost, yardstick, prefix="ratio"):
    """Cost of one server as a factor of another's, taken inside each round."""
    found = sorted(r[cost]["ns_per_delivery"] / r[yardstick]["ns_per_delivery"] for r in rounds)
    return {prefix: statistics.median(found), f"{prefix}_min": found[0], f"{prefix}_max": found[-1]}


def compared(scenario, servers, rounds, rate, burst, conns, goal):
    """The result of rounds; the second server's ratio to the first is judged."""
    result = {"scenario": scenario, "rate": rate, "burst": burst, "conns": conns, "goal": goal, "rounds": rounds}
    for s in servers:
        result[f"{s.name}_ns"] = statistics.median(r[s.name]["ns_per_delivery"] for r in rounds)
    if len(servers) > 1:
        result |= ratios(rounds, servers[1].name, servers[0].name)
        result["met"] = result["ratio"] <= goal
    return result


def fanout(args, name, folder):
    rate, burst, goal = FANOUT[name]
    servers = [Floor(args)] if args.floor_only else [Floor(args), Engine(args)]
    rounds = rounds_of(args, name, servers, rate, burst, folder, args.conns)
    return compared(f"fanout-{name}", servers, rounds, rate, burst, args.conns, goal)


def grpc(args, name, folder):
    rate, burst, goal, peer_goal = GRPC[name]
    servers = [Floor(args), Engine(args, load=("--grpc",)), Peer(args)]
    has_peer = servers[2].program.exists()
    if not has_peer:
        say("  no peer: gRPC C++ is not installed (cmake/deps.sh bench), or the build is older")
        servers.pop()
    rounds = rounds_of(args, name, servers, rate, burst, folder, NEW_CONNS)
    result = compared(name, servers, rounds, rate, burst, NEW_CONNS, goal)
    if has_peer:
        result |= ratios(rounds, "peer", "engine", "peer_ratio")
        result |= {"peer_goal": peer_goal, "met": result["met"] and result["peer_ratio"] >= peer_goal}
    return result


def tls(args, name, folder):
    rate, burst, goal = TLS[name]
    servers = [Engine(args, "plain"), Engine(args, "tls", ("--tls",))]
    rounds = rounds_of(args, name, servers, rate, burst, folder, NEW_CONNS)
    return compared(name, servers, rounds, rate, burst, NEW_CONNS, goal)


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Void("no VmRSS")


def held(args, server, folder, conns, *more):
    """Growth of a server's memory between no connection and conns of them that are idle; of an engine, of what
    HTTP/2 counts as its own too."""
    process, port = server.start(0, 1, folder)
    is_engine = isinstance(server, Engine)
    try:
        await_port(port, process)
        time.sleep(1)
        before = rss_bytes(process.pid)
        load = generator(args, server, port, "--conns", conns, "--idle", *more)
        line = load.stdout.readline()
        if not line:
            raise Void(load.communicate()[1].strip())
        time.sleep(2)
        after = rss_bytes(process.pid)
        counted = server.metric("tickcast_http2_memory_bytes") if is_engine else 0
        load.communicate("\n", timeout=60)
    finally:
        if process.poll() is None:
            stop(process)
    return {"rss_before": before, "rss_after": after, "counted": counted}


def idle_one(args, server, folder):
    """Resident bytes per connection between none and args.idle_conns of them."""
    found = held(args, server, folder, args.idle_conns, "--spread")
    del found["counted"]
    return found | {"bytes_per_conn": (found["rss_after"] - found["rss_before"]) / args.idle_conns}


def grown(found):
    return found["rss_after"] - found["rss_before"]


def idle_h2_tls(args, folder):
    """Idle HTTP/2 connections without a stream, calls on a few connections, and TLS connections."""
    conns = held(args, Engine(args, load=("--grpc", "--streams", "0")), folder, HELD_CONNS)
    few = HELD_CONNS // CONN_STREAMS
    streams = held(args, Engine(args, load=("--grpc", "--streams", str(CONN_STREAMS))), folder, few)
    secure = held(args, Engine(args, load=("--tls",)), folder, HELD_CONNS)
    per_conn = {key: take(conns) / HELD_CONNS for key, take in (("rss", grown), ("counted", lambda f: f["counted"]))}
    rows = {
        "h2-conn": per_conn,
        "h2-stream": {"rss": (grown(streams) - few * per_conn["rss"]) / HELD_CONNS,
                      "counted": (streams["counted"] - few * per_conn["counted"]) / HELD_CONNS},
        "tls-conn": {"rss": grown(secure) / HELD_CONNS},
    }
    for name, row in rows.items():
        row["goal"] = HELD_GOAL_BYTES.get(name)
        say(f"  {name}: " + ", ".join(f"{row[k]:.0f} B {k}" for k in ("rss", "counted") if k in row))
    met = all(row["rss"] <= row["goal"] for row in rows.values() if row["goal"])
    return {"scenario": "idle-h2-tls", "conns": HELD_CONNS, "conn_streams": CONN_STREAMS, "rows": rows,
            "runs": {"conns": conns, "streams": streams, "tls": secure}, "met": met}


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
        if "ratio" in r:
            low, high = (r.get(f"{name}_ns") for name in (("plain", "tls") if "plain_ns" in r else ("floor", "engine")))
            say(f"{r['scenario']:<14}{low:>9.1f} ns{high:>9.1f} ns{r['ratio']:>8.3f}"
                + f"{r['ratio_min']:>9.2f}-{r['ratio_max']:.2f}{r['goal']:>8.2f}" + verdict(r))
            if "peer_ns" in r:
                say(f"{'  gRPC C++':<14}{r['peer_ns']:>9.1f} ns{'':>12}{r['peer_ratio']:>8.2f}"
                    + f"{r['peer_ratio_min']:>9.2f}-{r['peer_ratio_max']:.2f}{'>=' + str(r['peer_goal']):>8}")
        elif "floor_ns" in r:
            say(f"{r['scenario']:<14}{r['floor_ns']:>9.1f} ns")
        elif r["scenario"] == "idle-h2-tls":
            for name, row in r["rows"].items():
                goal = f"{row['goal']:>6} B" if row["goal"] else ""
                counted = f"{row['counted']:>7.0f} B counted" if "counted" in row else ""
                say(f"{name:<14}{'':>12}{row['rss']:>10.0f} B{counted:>20}{goal:>10}")
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
    names = [*FANOUT, *GRPC, *TLS, "idle", "idle-h2-tls", *MICRO]
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
            elif name in GRPC:
                results.append(grpc(args, name, folder))
            elif name in TLS:
                results.append(tls(args, name, folder))
            elif name == "idle-h2-tls":
                results.append(idle_h2_tls(args, folder))
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
