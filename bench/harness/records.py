# SPDX-License-Identifier: Apache-2.0
"""Records: a line of JSON for each scenario that was run, and those of before this harness in the same form."""
import json

from . import ROOT, measure

RESULTS = ROOT / "bench" / "results" / "results.ndjson"
LAST = ROOT / "build" / "bench" / "results.ndjson"
OLD_LATENCIES = ("p50", "p99", "p999", "max")


def append(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as f:
        for record in records:
            f.write(json.dumps(record) + "\n")


def read(path):
    """Every record of the file, in the form of today. ValueError names the line that is none."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            found.append(record if record.get("format") == 2 else from_first(record))
        except (ValueError, KeyError, AttributeError, TypeError) as why:
            raise ValueError(f"{path}:{number}: no record of a bench: {why}") from None
    return found


def from_first(old):
    """A record of the first form, which had a shape for each scenario."""
    new = {"format": 2, "time": old["time"], "machine": old["machine"], "scenario": old["scenario"].removeprefix("fanout-"),
           "title": "", "note": "", "cost": "cpu_ns", "yardstick": "", "quick": False, "void": {}, "absent": {}, "goals": []}
    engine = {"reactor": old["reactor"], "topology": old["topology"], "idle": old["idle"]}
    if isinstance(old.get("rounds"), list):
        return new | fanout_of(old, engine)
    if old["scenario"] == "idle":
        return new | idle_of(old, engine)
    if old["scenario"] == "idle-h2-tls":
        return new | held_of(old)
    return new | micro_of(old)


def figures_of(window):
    found = {"cpu_ns": window["ns_per_delivery"], "per_s": window["per_s"], "per_read": window["per_read"], "busy": window["busy"],
             "deliveries": window["deliveries"], "wall_s": window["wall_s"], "server_cpu_s": window["server_cpu_s"]}
    return found | {f"{key}_us": window["latency_us"][key] for key in OLD_LATENCIES}


def fanout_of(old, engine):
    names = {"peer": "grpc_cpp"}
    rounds = [{names.get(k, k): figures_of(w) for k, w in r.items()} for r in old["rounds"]]
    base = "plain" if "plain" in rounds[0] else "floor"
    load = {"clients": old["conns"], "rate": old["rate"], "burst": old["burst"]}
    runs = {name: load | {"server": name if name == "floor" else "peer:grpc-cpp" if name == "grpc_cpp" else "engine"} | engine for name in rounds[0]}
    found = {"median": old["ratio"], "min": old["ratio_min"], "max": old["ratio_max"], "count": len(rounds)}
    measured = "tls" if base == "plain" else "engine"
    goal = {"name": old["scenario"].removeprefix("fanout-"), "measure": f"{measured}.cpu_ns / {base}.cpu_ns", "unit": "x",
            "at_most": old["goal"], "verdict": "held" if old["ratio"] <= old["goal"] else "missed"} | found
    return {"kind": "fanout", "yardstick": base, "runs": runs, "rounds": rounds, "goals": [goal]}


def idle_of(old, engine):
    servers = [s for s in ("floor", "engine") if s in old]
    rounds = [{s: {"rss_growth": old[s]["rss_after"] - old[s]["rss_before"]} for s in servers}]
    runs = {s: {"server": s, "clients": old["conns"]} | engine for s in servers}
    bytes_each = old["engine"]["bytes_per_conn"]
    goal = {"name": "idle", "measure": f"engine.rss_growth / {old['conns']}", "unit": "B", "at_most": old["goal"], "count": 1,
            "median": bytes_each, "min": bytes_each, "max": bytes_each, "verdict": "held" if old["met"] else "missed"}
    return {"kind": "idle", "cost": "rss_growth", "runs": runs, "rounds": rounds, "goals": [goal]}


def held_of(old):
    rounds = [{name: {"rss_growth": run["rss_after"] - run["rss_before"], "counted": run["counted"]} for name, run in old["runs"].items()}]
    runs = {name: {"server": "engine", "clients": old["conns"] // (old["conn_streams"] if name == "streams" else 1)} for name in old["runs"]}
    goals = [{"name": name, "measure": "bytes resident", "unit": "B", "at_most": row["goal"], "median": row["rss"], "min": row["rss"],
              "max": row["rss"], "count": 1, "verdict": "held" if row["rss"] <= row["goal"] else "missed"}
             for name, row in old["rows"].items() if row["goal"]]
    return {"kind": "idle", "cost": "rss_growth", "runs": runs, "rounds": rounds, "goals": goals}


def micro_of(old):
    name = old["scenario"].replace("-", "_")
    rows = {measure.slug(row["name"]): row for row in old["rows"]}
    goals = [{"name": row["name"].replace(" ", "-"), "measure": row["name"], "unit": "ns", "at_most": row["goal_ns"], "median": row["ns"],
              "min": row["min"], "max": row["max"], "count": row["runs"], "verdict": "held" if row["ns"] <= row["goal_ns"] else "missed"}
             for row in rows.values() if row.get("goal_ns")]
    return {"kind": "micro", "runs": {}, "rounds": [{name: {key: row["ns"] for key, row in rows.items()}}],
            "labels": {name: {k: {key: row[key] for key in ("name", "min", "max", "runs")} for k, row in rows.items()}}, "goals": goals}
