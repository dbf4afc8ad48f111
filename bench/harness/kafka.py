# SPDX-License-Identifier: Apache-2.0
"""Scenarios of kind kafka-latency: bench/harness_kafka.py makes the rounds, with a broker of its own."""
import importlib.util

from . import ROOT, Absent

PROGRAM = ROOT / "bench" / "harness_kafka.py"
QUICK = ("--window-ms", "2000", "--warm-ms", "1000", "--settle-s", "5", "--crowd", "0")


def program():
    if not PROGRAM.exists():
        raise Absent(f"{PROGRAM.name} is not there")
    loader = importlib.util.spec_from_file_location(PROGRAM.stem, PROGRAM)
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    return module


def slug(name):
    return name.replace("-", "_")


def latencies(window):
    return {f"{key}_us": window["latency_us"][key] for key in ("p50", "p99", "p999", "max")}


def converted(parts, rounds_cnt):
    """{rounds, void} as of other scenarios: a part and its server make a run, kafka_spin_engine."""
    rounds, void = [{} for _ in range(rounds_cnt)], {}
    for part, rows in parts.items():
        if "void" in rows:
            void[slug(part)] = rows["void"]
            continue
        for to, row in zip(rounds, rows["rounds"]):
            to |= {f"{slug(part)}_{server}": latencies(window) for server, window in row.items()}
    return {"rounds": rounds, "void": void}


def result(options, scenario):
    module = program()
    rounds_cnt = options.rounds or scenario["rounds"]
    argv = ["--rounds", str(rounds_cnt), "--build", str(options.build), *(QUICK if options.quick else ())]
    try:
        return converted(module.kafka_latency(module.arguments(argv))["parts"], rounds_cnt)
    except module.Missing as why:
        raise Absent(str(why)) from None
