# SPDX-License-Identifier: Apache-2.0
"""One run of one server: from its start to figures, or Void."""
import json
import os
import re
import subprocess
import time

from . import Absent, Void, process, servers

PACE_SLACK = 0.1
CONNECT_SECONDS_PER_1000 = 0.15  # for the progress line
SETTLE_SECONDS = 1


def expected_seconds(spec, run):
    """What the progress line reckons with."""
    if run["server"] == "openssl":
        return 4
    return 2 + run["engines"] + run["clients"] * CONNECT_SECONDS_PER_1000 / 1000 + (run["warm_ms"] + run["window_ms"]) / 1000


def prepared(options, run):
    """The run with the dialect that its server speaks."""
    if run["server"] == "floor":
        return run | {"dialect": "raw", "path": "/%u"}  # the room
    if run["server"].startswith("peer:"):
        about = options.peers.about(run["server"].removeprefix("peer:"))
        return run | {"dialect": about["dialect"], "path": about["path"], "about": about}
    return run


def loads(options, run, running, more):
    """A generator for each server, connected one after the other."""
    found = []
    try:
        for server in running:
            found.append(options.generator.start(run, server, *more))
            found[-1].await_ready()
    except BaseException:
        for load in found:
            load.kill()
        raise
    return found


def fanout(options, spec, run, folder):
    running = servers.start(options, run, folder)
    is_judged = False
    try:
        found = loads(options, run, running, ["--hold", "--windows", 1, "--warm-ms", run["warm_ms"], "--window-ms", run["window_ms"]])
        try:
            for load in found:
                load.begin()
            limit = 120 + (run["warm_ms"] + run["window_ms"]) / 1000 + run["clients"] / 100
            windows = [load.window(limit) for load in found]
        finally:
            for load in found:
                load.kill()
        rss = process.rss_bytes(pid for server in running for pid in server.pids)
        is_judged = True
    finally:
        servers.stop(running, is_judged)
    for window in windows:
        judge(run, window, len(running))
    return figures_of(run, windows) | {"rss": rss}


def judge(run, window, shares):
    """Void unless the window proves that every delivery of the schedule came."""
    if not window["valid"]:
        raise Void(window["why"])
    due = (run["clients"] / shares - run["slow"]) * run["follow"] * run["rate"] / run["rooms"] * window["wall_s"]
    if not run["saturate"] and abs(window["deliveries"] / due - 1) > PACE_SLACK:
        raise Void(f"{window['deliveries']} deliveries, {due:.0f} were due: the server was out of pace")
    if run["churn"] and abs(window["churn_per_s"] / run["churn"] - 1) > PACE_SLACK:
        raise Void(f"{window['churn_per_s']} subscriptions/s came and went, not {run['churn']}")


def figures_of(run, windows):
    """Sums over the servers side by side; of latencies the worst."""
    deliveries = sum(w["deliveries"] for w in windows)
    cpu_s = sum(w["server_cpu_s"] for w in windows)
    wall_s = sum(w["wall_s"] for w in windows) / len(windows)
    found = {"deliveries": deliveries, "wall_s": wall_s, "server_cpu_s": cpu_s, "busy": max(w["busy"] for w in windows),
             "per_s": deliveries / wall_s, "cpu_share": cpu_s / wall_s,
             "per_read": sum(w["per_read"] for w in windows) / len(windows)}
    if cpu_s:
        found |= {"cpu_ns": cpu_s * 1e9 / deliveries, "per_core_s": deliveries / cpu_s}
    for key in ("p50", "p99", "p999", "max"):
        if all(w["latency_us"] for w in windows):
            found[f"{key}_us"] = max(w["latency_us"][key] for w in windows)
    if any(w["at_least"] for w in windows):
        found["at_least"] = True
    return found


def idle(options, spec, run, folder):
    """Connections that only stay: what they cost to make, to keep, and in memory."""
    run = run | {"rate": 0, "burst": 1}
    running = servers.start(options, run, folder)
    pids = [pid for server in running for pid in server.pids]
    is_judged = False
    try:
        time.sleep(SETTLE_SECONDS)
        rss, cpu = process.rss_bytes(pids), process.cpu_ns(pids)
        more = ["--idle", "--spread"] + (["--streams", run["streams"]] if run["streams"] != 1 else [])
        found = loads(options, run, running, more)
        try:
            connect_ns = process.cpu_ns(pids) - cpu
            time.sleep(SETTLE_SECONDS)
            began, cpu = time.monotonic(), process.cpu_ns(pids)
            time.sleep(run["window_ms"] / 1000)
            idle_ns, seconds = process.cpu_ns(pids) - cpu, time.monotonic() - began
            figures = {"rss_growth": process.rss_bytes(pids) - rss, "counted": sum(s.metric("tickcast_http2_memory_bytes") for s in running)}
            if any(load.child.poll() is not None for load in found):
                raise Void("a connection did not stay")
        finally:
            for load in found:
                load.release()
        is_judged = True
    finally:
        servers.stop(running, is_judged)
    conns = run["clients"]
    return figures | {"connect_cpu_ns": connect_ns / conns, "connects_per_core_s": conns * 1e9 / max(connect_ns, 1),
                      "idle_cpu_ns": idle_ns / seconds / conns, "wall_s": seconds}


def openssl(options, spec, run, folder):
    """The ceiling of TLS handshakes on one core: a P-256 signature and two operations of X25519 (the own key, the
    shared secret), by `openssl speed`."""
    command = ["openssl", "speed", "-mr", "-seconds", "1", "ecdsap256", "ecdhx25519"]
    try:
        done = subprocess.run(command, preexec_fn=process.prepare(run["cpus"]), capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as why:
        raise Absent(f"openssl speed: {why}") from None
    sign = re.search(r"^\+F4:\d+:256:([0-9.e-]+):", done.stdout, re.M)
    derive = re.search(r"^\+F5:\d+:253:([0-9.e-]+):", done.stdout, re.M)
    if not sign or not derive:
        raise Void("openssl speed printed nothing that is understood")
    return {"handshakes_per_s": 1 / (as_seconds(sign.group(1)) + 2 * as_seconds(derive.group(1)))}


def as_seconds(text):
    """A time, or a rate, as OpenSSL's versions differ in it: a time of these is far below a second."""
    value = float(text)
    return 1 / value if value > 1 else value


def slug(name):
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def micro(options, spec):
    """One round, in which a program is a run and the time of a row is a figure; they repeat by themselves."""
    found, labels, absent = {}, {}, {}
    for name in spec["programs"]:
        program = options.build / "bench" / name
        if not program.exists():
            absent[slug(name)] = f"{program} is not built"
            continue
        try:
            out = subprocess.run([program], preexec_fn=process.prepare(options.generator_cpus), stdout=subprocess.PIPE, text=True,
                                 timeout=600, check=True).stdout
        except subprocess.SubprocessError as why:
            raise Void(f"{name}: {why}") from None
        rows = [json.loads(line) for line in out.splitlines()]
        found[slug(name)] = {slug(row["name"]): row["ns"] for row in rows}
        labels[slug(name)] = {slug(row["name"]): {k: row[k] for k in ("name", "min", "max", "runs")} for row in rows}
    return {"rounds": [found], "labels": labels, "absent": absent}


RUNS = {"fanout": fanout, "idle": idle}


def one(options, spec, run, folder):
    """The figures of one run, tried again if it proved nothing."""
    os.makedirs(folder, exist_ok=True)
    make = openssl if run["server"] == "openssl" else RUNS[spec["kind"]]
    return make(options, spec, prepared(options, run), folder)
