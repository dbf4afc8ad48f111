# SPDX-License-Identifier: Apache-2.0
"""Scenario files: bench/scenarios/NAME.toml, read and checked against the tables below.

Settings stand at the top of a file for all its runs, or in a [[run]] for that one. A run is one server under one
load; in each round every run is measured, and goals are formulas over the figures of a round."""
import difflib
import pathlib
import re
import tomllib

from . import ROOT, Refused, formula

FOLDER = ROOT / "bench" / "scenarios"
KINDS = ("fanout", "idle", "micro", "kafka-latency")
DIALECTS = ("tickcast", "raw", "grpc", "socketio", "nats", "centrifuge")

# key: (least, most, default) of a number, or (words, default), or a type and its default
SETTINGS = {
    "clients": (1, 120000, 1000),
    "rooms": (1, 100000, 1),
    "follow": (1, 1024, 1),  # rooms of each client
    "rate": (0, 10000000, 50),  # messages/s over all rooms
    "burst": (1, 1000000, 1),
    "payload": (40, 3000, 150),
    "slow": (0, 120000, 0),  # of the clients: they stop reading
    "churn": (0, 1000000, 0),  # subscriptions/s that come and go
    "streams": (0, 100000, 1),  # calls on each connection, of kind idle
    "tls": (bool, False),
    "dialect": (DIALECTS, "tickcast"),
    "procs": (1, 64, 1),  # processes of the generator
    "engines": (1, 64, 1),  # server processes side by side, clients are spread over them
    "saturate": (bool, False),  # the server is never idle: figures are "at least"
    "workers": (1, 64, 1),
    "reactor": (("auto", "io_uring", "epoll"), "auto"),
    "idle": (("sleep", "spin", "spin-then-sleep"), "sleep"),
    "topology": (("fused", "separate"), "fused"),
    "cpus": (list, [0]),  # of the server's workers
    "ingest_cpus": (list, [0]),
    "ping_ms": (10, 3600000, 25000),
    "warm_ms": (0, 600000, 1000),
    "window_ms": (100, 600000, 3000),
}
# figures of the runs of a kind; bench/README.md says what they are
OF_KIND = {
    "fanout": ("cpu_ns", "cpu_share", "per_core_s", "per_s", "p50_us", "p99_us", "p999_us", "max_us", "per_read", "rss"),
    "idle": ("rss_growth", "counted", "connect_cpu_ns", "connects_per_core_s", "idle_cpu_ns", "handshakes_per_s"),
    "kafka-latency": ("p50_us", "p99_us", "p999_us", "max_us"),
}
COUNTS = ("clients", "rooms", "slow", "churn", "streams")  # settings that a goal may reckon with
TOP = {
    "title": (str, None), "kind": (KINDS, "fanout"), "rounds": (1, 99, 5), "default": (bool, False), "note": (str, ""),
    "cost": (tuple(figure for figures in OF_KIND.values() for figure in figures), "cpu_ns"), "yardstick": (str, ""), "servers": (list, []), "peers": (list, []),
    "programs": (list, []), "run": (list, []), "goal": (list, []),
}
GOAL = {"name": (str, None), "measure": (str, None), "at_most": (float, 0.0), "at_least": (float, 0.0), "unit": (str, "x")}
SERVERS = ("floor", "engine", "openssl")
NAME = re.compile(r"[a-z][a-z0-9_]*$")


class Bad(Refused):
    def __init__(self, path, key, allowed):
        super().__init__(f"{path}: {key}: {allowed}")


def shown(path):
    path = pathlib.Path(path).resolve()
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def checked(path, where, table, keys):
    """The table's values with defaults for what it lacks; Bad names file, key and what is allowed."""
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            raise Bad(path, where + key, "no such key" + (f"; near: {near[0]}" if near else "") + "; allowed: " + ", ".join(keys))
    found = {}
    for key, rule in keys.items():
        default = rule[-1]
        value = table.get(key, default)
        if value is None:
            raise Bad(path, where + key, "is required")
        found[key] = one(path, where + key, value, rule)
    return found


def one(path, key, value, rule):
    if len(rule) == 3:
        if type(value) is not int or not rule[0] <= value <= rule[1]:
            raise Bad(path, key, f"{value!r} is not a whole number from {rule[0]} to {rule[1]}")
    elif isinstance(rule[0], tuple):
        if value not in rule[0]:
            raise Bad(path, key, f"{value!r} is not one of " + ", ".join(rule[0]))
    elif rule[0] is float:
        if type(value) not in (int, float):
            raise Bad(path, key, f"{value!r} is not a number")
    elif type(value) is not rule[0]:
        raise Bad(path, key, f"{value!r} is not a " + {str: "text", bool: "true or false", list: "list"}[rule[0]])
    return value


def runs_of(path, data, top, settings):
    """[{name, server, settings}] of [[run]] tables and of the short form, servers."""
    tables = [{"name": s, "server": s} for s in top["servers"]] + top["run"]
    runs = []
    for number, table in enumerate(tables, 1):
        where = f"run {number}: "
        if type(table) is not dict:
            raise Bad(path, "run", "is a [[run]] table")
        own = checked(path, where, table, {"name": (str, None), "server": (str, None)} | SETTINGS)
        name, server = own["name"], own["server"]
        if type(name) is not str or not NAME.match(name):
            raise Bad(path, where + "name", f"{name!r} is not a word of a-z, 0-9 and _")
        if name in (r["name"] for r in runs):
            raise Bad(path, where + "name", f"there are two of {name!r}")
        if server not in SERVERS and not server.startswith("peer:"):
            raise Bad(path, where + "server", f"{server!r} is not one of {', '.join(SERVERS)}, peer:NAME")
        runs.append({"name": name, "server": server} | settings | {k: table[k] for k in table if k in SETTINGS})
        judge_run(path, where, runs[-1])
    if not runs and top["kind"] not in ("micro", "kafka-latency"):
        raise Bad(path, "servers", "is empty, and there is no [[run]]")
    return runs


def judge_run(path, where, run):
    """What numbers that are right one by one get wrong together."""
    if run["follow"] > run["rooms"]:
        raise Bad(path, where + "follow", f"{run['follow']} of {run['rooms']} rooms")
    if run["slow"] >= run["clients"]:
        raise Bad(path, where + "slow", f"{run['slow']} of {run['clients']} clients: none is left to be measured")
    if run["clients"] % run["engines"]:
        raise Bad(path, where + "engines", f"{run['clients']} clients cannot be spread evenly")
    if any(type(c) is not int or c < 0 for c in run["cpus"] + run["ingest_cpus"]) or not run["cpus"]:
        raise Bad(path, where + "cpus", "is a list of numbers of cores")
    if run["server"] == "floor" and (run["workers"] > 1 or run["tls"]):
        raise Bad(path, where + "server", "the floor has one thread and no TLS")


def goals_of(path, top, runs):
    goals = []
    for number, table in enumerate(top["goal"], 1):
        where = f"goal {number}: "
        if type(table) is not dict:
            raise Bad(path, "goal", "is a [[goal]] table")
        goal = checked(path, where, table, GOAL)
        if ("at_most" in table) == ("at_least" in table):
            raise Bad(path, where + "at_most", "a goal has one of at_most and at_least")
        try:
            terms = set(formula.terms(formula.parse(goal["measure"])))
        except ValueError as why:
            raise Bad(path, where + "measure", str(why)) from None
        for run, figure in terms:
            judge_term(path, where, top["kind"], runs, run, figure)
        goals.append({k: goal[k] for k in ("name", "measure", "unit", *(k for k in ("at_most", "at_least") if k in table))})
    return goals


def judge_term(path, where, kind, runs, run, figure):
    """Rows of micro programs and of Kafka's program are known only when they have run."""
    if kind == "micro":
        return
    names = [r["name"] for r in runs]
    if names and run not in names:
        raise Bad(path, where + "measure", f"no run {run!r}; there are {', '.join(names)}")
    known = OF_KIND[kind] + COUNTS
    if figure not in known and kind != "kafka-latency":
        raise Bad(path, where + "measure", f"no figure {figure!r}; there are {', '.join(known)}")


def load(path):
    """The scenario of a file; Bad if it is not one."""
    path = pathlib.Path(path)
    where = shown(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise Bad(where, "not TOML", str(why)) from None
    except OSError as why:
        raise Refused(f"{where}: {why.strerror}") from None
    both = checked(where, "", data, TOP | SETTINGS)
    top = {k: both[k] for k in TOP}
    runs = runs_of(where, data, top, {k: both[k] for k in SETTINGS})
    goals = goals_of(where, top, runs)
    if top["yardstick"] and top["yardstick"] not in (r["name"] for r in runs):
        raise Bad(where, "yardstick", f"no run {top['yardstick']!r}; there are {', '.join(r['name'] for r in runs)}")
    if top["kind"] == "micro" and not top["programs"]:
        raise Bad(where, "programs", "is empty")
    if top["kind"] not in ("micro", "kafka-latency") and top["cost"] not in OF_KIND[top["kind"]]:
        raise Bad(where, "cost", f"{top['cost']!r} is not one of {', '.join(OF_KIND[top['kind']])}")
    return top | {"name": path.stem, "run": runs, "goal": goals}


def names():
    return sorted(p.stem for p in FOLDER.glob("*.toml"))


def find(name):
    """The scenario of that name, or of the file with that path."""
    if name.endswith(".toml"):
        return load(name)
    if name not in names():
        near = difflib.get_close_matches(name, names(), 3, 0.5)
        near = f"; near: {', '.join(near)}" if near else ""
        raise Refused(f"no scenario '{name}'{near}; ./run bench --list has all")
    return load(FOLDER / f"{name}.toml")
