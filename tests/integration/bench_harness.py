#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bench harness: what it refuses, what it calls void, its verdicts, and the report.

usage: bench_harness.py [PART...]     only cases whose name has one of the parts

Figures are not judged here, only that there are some where there should be, and none where there should not."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from harness import Refused, formula, goals, kafka, plots, records, report, spec

WORK = pathlib.Path(os.environ.get("TC_WORK") or tempfile.mkdtemp())
BUILD = pathlib.Path(os.environ.get("TC_BUILD") or ROOT / "build" / "release")
PEERS = pathlib.Path(__file__).resolve().parent / "bench_peers"
SMALL = """
title = "small"
rounds = 1
clients = 5
rate = 100
burst = 10
warm_ms = 300
window_ms = 800
"""
GOAL = """
[[goal]]
name = "%s"
measure = "%s"
at_most = %s
"""
LOSSY = """
[[run]]
name = "lossy"
server = "peer:lossy"
"""


class Skip(Exception):
    pass


def bench(*args, files=None):
    """(exit code, stdout, stderr) of the harness; files: the hard limit of its descriptors."""
    limit = ["prlimit", f"--nofile={files}:{files}"] if files else []
    command = [*limit, ROOT / "bench" / "run.sh", *args, "--build", BUILD]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def scenario(text, name="small"):
    path = WORK / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def measured(code, out, err):
    """Skips where the floor cannot be run at all."""
    if "no io_uring" in err or "floor ended with 3" in err:
        raise Skip("the floor needs io_uring")
    return code, out, err


def has(text, *parts):
    for part in parts:
        assert part in text, f"no {part!r} in {text!r}"


def refused(code, *parts, args, **more):
    found, out, err = bench(*args, **more)
    assert found == code, f"exit code {found}, not {code}: {err}"
    assert out == "", f"it prints {out!r}"
    assert len(err.strip().splitlines()) == 1, f"more than one line: {err!r}"
    has(err, *parts)


# ---------------------------------------------------------------- bad input


def case_unknown_scenario_names_near_ones():
    refused(2, "no scenario 'grpc-k2'", "grpc-k1", args=["grpc-k2"])


def case_missing_file_of_a_scenario():
    refused(2, "nowhere.toml", "No such file", args=[WORK / "nowhere.toml"])


BAD_FILES = {
    "not TOML": ("title = ", "not TOML"),
    "no title": ("clients = 5", "title: is required"),
    "unknown key": (SMALL + "client = 6", "client: no such key; near: clients; allowed: "),
    "a text for a number": (SMALL.replace("clients = 5", 'clients = "5"'), "clients: '5' is not a whole number from 1 to 120000"),
    "a number out of range": (SMALL + "payload = 3", "payload: 3 is not a whole number from 40 to 3000"),
    "a boolean for a number": (SMALL.replace("rate = 100", "rate = true"), "rate: True is not a whole number"),
    "an unknown word": (SMALL + 'reactor = "kqueue"', "reactor: 'kqueue' is not one of auto, io_uring, epoll"),
    "no server": (SMALL, "servers: is empty"),
    "an unknown server": (SMALL + 'servers = ["nginx"]', "run 1: server: 'nginx' is not one of floor, engine"),
    "a run twice": (SMALL + 'servers = ["floor", "floor"]', "run 2: name: there are two of 'floor'"),
    "the floor with TLS": (SMALL + 'tls = true\nservers = ["floor"]', "the floor has one thread and no TLS"),
    "all clients slow": (SMALL + 'slow = 5\nservers = ["floor"]', "slow: 5 of 5 clients"),
    "more rooms to follow than there are": (SMALL + 'follow = 2\nservers = ["engine"]', "follow: 2 of 1 rooms"),
    "an unknown yardstick": (SMALL + 'servers = ["floor"]\nyardstick = "engine"', "yardstick: no run 'engine'; there are floor"),
    "a goal without a limit": (SMALL + 'servers = ["floor"]\n[[goal]]\nname = "g"\nmeasure = "1"', "one of at_most and at_least"),
    "a goal with a call": (SMALL + 'servers = ["floor"]\n' + GOAL % ("g", "open(1)", 1), "only numbers, RUN.FIGURE"),
    "a goal that is no formula": (SMALL + 'servers = ["floor"]\n' + GOAL % ("g", "floor.cpu_ns /", 1), "is no formula"),
    "a goal of no run": (SMALL + 'servers = ["floor"]\n' + GOAL % ("g", "engine.cpu_ns", 1), "no run 'engine'; there are floor"),
    "a goal of no figure": (SMALL + 'servers = ["floor"]\n' + GOAL % ("g", "floor.cost", 1), "no figure 'cost'; there are cpu_ns"),
}


def case_bad_files_of_scenarios():
    for number, (name, (text, part)) in enumerate(BAD_FILES.items()):
        path = scenario(text, f"bad{number}")
        try:
            spec.load(path)
        except Refused as why:
            assert path.name in str(why) and part in str(why), f"{name}: {why}"
        else:
            raise AssertionError(f"{name}: it was taken")
    refused(2, "bad1.toml: title: is required", args=[WORK / "bad1.toml"])


def case_bad_setting():
    code, _, err = bench("k1", "--set", "clients=many")
    assert code == 2, err
    has(err, "clients: 'many' is not a whole number from 1 to 120000")


def case_unknown_peer():
    refused(2, "no peer 'losy'", "lossy", args=["k1", "--peers", "losy", "--peers-dir", PEERS])


def case_port_in_use():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        code, out, err = bench(scenario(SMALL + 'servers = ["engine"]'), "--port", port)
    assert code == 3, f"exit code {code}: {err}"
    has(err, f"port {port} of 127.0.0.1 cannot be had", "--port")
    assert "goal" not in out


def case_too_few_descriptors():
    code, out, err = bench("k1", files=400)
    assert code == 3 and out == "", f"exit code {code}: {out} {err}"
    has(err, "k1: the server needs 1256 open files", "the hard limit is 400 (RLIMIT_NOFILE)", "ulimit -Hn 1256", "LimitNOFILE=1256")


def case_record_keeps_no_quick_figures():
    code, _, err = bench("k1", "--quick", "--record")
    assert code == 2, err
    has(err, "not with --quick or --set")


# ---------------------------------------------------------------- runs


def case_floor_and_engine_make_a_record():
    path = scenario(SMALL + 'servers = ["floor", "engine"]\nyardstick = "floor"\n' + GOAL % ("small", "engine.cpu_ns / floor.cpu_ns", 1e-6), "whole")
    code, out, err = measured(*bench(path, "--check"))
    assert code == 1, f"exit code {code}: {out} {err}"
    last = out.splitlines()[-1]
    assert re.fullmatch(r"goal small [0-9.]+x <=1e-06x missed", last), last
    has(err, "whole: floor, round 1 of 1, about", "s left")
    record = json.loads(records.LAST.read_text(encoding="utf-8").splitlines()[-1])
    assert record["scenario"] == "whole" and set(record["rounds"][0]) == {"floor", "engine"}
    for key in ("cpu", "cores", "kernel", "commit", "compiler", "flags", "libraries"):
        assert record["machine"].get(key), f"no {key} in {record['machine']}"
    assert set(record["memory_ns"]) == {"1", "16", "64"} and min(record["memory_ns"].values()) > 0, record["memory_ns"]
    has(out, "a dependent read within 1, 16, 64 MiB: ")


def case_json_is_all_that_is_printed():
    code, out, err = bench(scenario(SMALL + 'servers = ["engine"]\n'), "--json")
    assert code == 0, f"exit code {code}: {err}"
    record, = map(json.loads, out.splitlines())
    assert record["rounds"][0]["engine"]["deliveries"] > 0


def case_a_lost_message_leaves_no_figure():
    path = scenario(SMALL + 'servers = ["engine"]\nyardstick = "engine"\n' + LOSSY + GOAL % ("loss", "lossy.cpu_ns / engine.cpu_ns", 9), "loss")
    code, out, err = bench(path, "--peers-dir", PEERS)
    assert code == 5, f"exit code {code}: {out} {err}"
    has(out, "lossy: VOID, no figures: ", "goal loss - <=9x invalid")
    assert "something is missing" in out and not re.search(r"^ *lossy +\d", out, re.M), out
    record = json.loads(records.LAST.read_text(encoding="utf-8").splitlines()[-1])
    assert all("lossy" not in r for r in record["rounds"]) and "lossy" in record["void"]


def case_a_peer_that_cannot_be_had_is_left_out():
    path = scenario(SMALL + 'servers = ["engine"]\nyardstick = "engine"\npeers = ["refusing"]\n', "refusal")
    code, out, err = bench(path, "--peers", "refusing", "--peers-dir", PEERS)
    assert code == 0, f"exit code {code}: {out} {err}"
    has(err, "left out: refusing: refusing cannot be had: refusing: its package is in no archive")
    has(out, "refusing: not measured: ")
    assert re.search(r"^  engine +\d", out, re.M), out


# ---------------------------------------------------------------- verdicts


def case_formulas():
    figures = {"a": {"x": 6.0}, "b": {"y": 2.0}}
    for text, want in (("a.x / b.y", 3), ("(a.x - b.y) * 2 + 1", 9), ("a.x - b.y * 2", 2)):
        assert formula.value(formula.parse(text), figures) == want, text
    for text in ("a.x ** 2", "a", "a.x.y", "f(a.x)", "'1'", "a.x if b.y else 1", "__import__('os')"):
        try:
            formula.parse(text)
        except ValueError:
            continue
        raise AssertionError(f"{text} was taken")


def verdict_of(rounds, measure, **limit):
    return goals.judged({"name": "g", "measure": measure, "unit": "x"} | limit, {"rounds": rounds})


def case_verdicts():
    rounds = [{"a": {"cpu_ns": c, "per_s": 5}, "b": {"cpu_ns": 1}} for c in (1, 2, 9)]
    found = verdict_of(rounds, "a.cpu_ns / b.cpu_ns", at_most=2)
    assert (found["verdict"], found["median"], found["min"], found["max"]) == ("held", 2, 1, 9), found
    assert verdict_of(rounds, "a.cpu_ns / b.cpu_ns", at_most=1.9)["verdict"] == "missed"
    gone = verdict_of(rounds, "a.cpu_ns / c.cpu_ns", at_most=2)
    assert gone["verdict"] == "invalid" and "median" not in gone, gone
    assert goals.line(gone) == "goal g - <=2x invalid"


def case_a_lower_bound_holds_or_proves_nothing():
    rounds = [{"a": {"per_s": 5, "cpu_ns": 2, "at_least": True}, "b": {"per_s": 1}}]
    assert verdict_of(rounds, "a.per_s", at_least=4)["verdict"] == "held"
    assert verdict_of(rounds, "a.per_s", at_least=6)["verdict"] == "invalid"
    assert verdict_of(rounds, "a.per_s / b.per_s", at_least=2)["verdict"] == "invalid"
    assert verdict_of(rounds, "a.cpu_ns", at_most=1)["verdict"] == "missed"


def case_rounds_with_kafka_become_rounds_of_a_scenario():
    window = {"latency_us": {"p50": 1.0, "p99": 2.0, "p999": 3.0, "max": 4.0, "count": 5}}
    late = {"latency_us": window["latency_us"] | {"p50": 21.0}}
    found = kafka.converted({"kafka-spin": {"rounds": [{"bare": window, "engine": late}] * 2}, "kafka-sleep": {"void": "no pace"}}, 2)
    assert found["void"] == {"kafka_sleep": "no pace"} and len(found["rounds"]) == 2, found
    by_name = {goal["name"]: goals.judged(goal, found) for goal in spec.find("kafka-latency")["goal"]}
    assert by_name["kafka-spin-p50"]["median"] == 20 and by_name["kafka-spin-p50"]["verdict"] == "held", by_name
    assert by_name["kafka-sleep-p50"]["verdict"] == "invalid", by_name


def case_every_scenario_can_be_read():
    code, out, err = bench("--list")
    assert code == 0, err
    names = spec.names()
    assert len(names) >= 25 and all(re.search(rf"^{name} ", out, re.M) for name in names), out
    goal_names = [goal["name"] for name in names for goal in spec.find(name)["goal"]]
    assert len(goal_names) == len(set(goal_names)), "two goals have one name"


# ---------------------------------------------------------------- report


def case_the_page_is_what_the_records_say():
    code, out, err = bench_report("--check")
    assert code == 0, out + err


def bench_report(*args):
    done = subprocess.run([str(ROOT / "bench" / "run.sh"), "report", *map(str, args)], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def case_the_same_records_make_the_same_bytes():
    texts = []
    for name in ("one", "two"):
        page = WORK / name / "performance.md"
        page.parent.mkdir(exist_ok=True)
        code, out, err = bench_report("--to", page)
        assert code == 0, out + err
        texts.append([p.read_bytes() for p in (page, *sorted((page.parent / "performance").glob("*.svg")))])
    assert texts[0] == texts[1] and len(texts[0]) > 3


def case_a_stale_page_is_told():
    page = WORK / "stale" / "performance.md"
    shutil.copytree(report.PAGE.parent / "performance", page.parent / "performance")
    page.write_text("# Performance\n", encoding="utf-8")
    code, out, _ = bench_report("--to", page, "--check")
    assert code == 1 and "performance.md" in out and ".svg" not in out, out
    svg = sorted((page.parent / "performance").glob("*.svg"))[0]
    svg.write_text(svg.read_text(encoding="utf-8").replace("data ", "data 0"), encoding="utf-8")
    code, out, _ = bench_report("--to", page, "--check")
    assert code == 1 and svg.name in out, out


def case_records_of_before_are_read():
    found = records.read(records.RESULTS)
    assert {"k1", "k10", "k100", "idle", "grpc-k1", "tls-k1"} <= {r["scenario"] for r in found}
    first = next(r for r in found if r["scenario"] == "k1")
    assert plots.plots([first])["cost"]["rows"], first


def case_what_is_void_or_missed_is_on_the_page():
    run = {"server": "engine", "clients": 5}
    record = {"format": 2, "time": "2026-01-02T03:04:05+00:00", "machine": {"cpu": "a cpu", "cores": 2, "kernel": "6.1", "commit": "abc"},
              "scenario": "made-up", "title": "Made up", "note": "", "kind": "fanout", "cost": "cpu_ns", "yardstick": "floor", "quick": False,
              "runs": {"floor": run, "engine": run}, "rounds": [{"floor": {"cpu_ns": 10.0}, "engine": {"cpu_ns": 30.0}}],
              "void": {"ws": "the server was out of pace"}, "absent": {"nats": "no such package"},
              "goals": [{"name": "made-up", "measure": "engine.cpu_ns / floor.cpu_ns", "unit": "x", "at_most": 2, "median": 3.0, "min": 3.0,
                         "max": 3.0, "count": 1, "verdict": "missed"}]}
    page, files = report.pages([record, record | {"quick": True, "scenario": "a-look"}])
    has(page, "| made-up | `engine.cpu_ns / floor.cpu_ns` | 3.00x | ≤2x | **missed** |", "ws: void, no figures: the server was out of pace",
        "nats: not measured: no such package")
    assert "a-look" not in page and list(files) == ["factors-1.svg"], files


def case_a_line_that_is_no_record_is_named():
    path = WORK / "broken.ndjson"
    path.write_text('{"format": 1}\n', encoding="utf-8")
    code, out, err = bench_report("--from", path)
    assert code == 2 and "broken.ndjson:1: no record" in err, out + err


def main():
    wanted = sys.argv[1:]
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    for key, case in list(globals().items()):
        name = key.removeprefix("case_").replace("_", " ")
        if not key.startswith("case_") or wanted and not any(w in name for w in wanted):
            continue
        try:
            case()
            word, why = "ok", ""
        except Skip as reason:
            word, why = "skip", f": {reason}"
        except Exception as wrong:
            word, why = "FAIL", f": {type(wrong).__name__}: {wrong}"
        counts[word] += 1
        print(f"{word:<5} {name}{why}", flush=True)
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    print(f"{counts['ok']} passed, {counts['FAIL']} failed{skipped}")
    return 1 if counts["FAIL"] or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
