# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md and its plots, drawn from recorded results; the same input makes the same page."""
import argparse
import pathlib

from . import ROOT, Refused, goals, plots, records, spec, text

PAGE = ROOT / "docs" / "performance.md"
HEAD = """# Performance

<!-- SPDX-License-Identifier: Apache-2.0. Made by `./run bench report` from bench/results/results.ndjson. -->

What was measured, on which machine, and whether the goals hold; those that do not are here too. `./run bench` measures on
yours; [bench/README.md](../bench/README.md) says how. Absolute figures are those of one machine; factors, which are taken inside
a round, hold better.

## How it is measured

- Servers run on the first core, the load generator on the others, over loopback. In each round every server of a scenario is
  measured, in alternating order; a factor is taken inside a round. Given are medians over the rounds and, in brackets or as
  "range", the least and the greatest.
- Cost is the CPU of the server's process (all threads, user and system) per delivery: a message that reached a subscriber.
- The floor is a server that does the least possible: the handshake, and one shared buffer sent to all connections by io_uring.
- A window counts only if every delivery arrived in an unbroken chain, it began and ended in quiet, and the generator was less
  than 90 % busy. A run that did not prove this three times has no figure: its goals are "invalid".
- Latency is counted from the time at which a message was due by its schedule (open loop), not from when it was sent.
- Same socket options for all: TCP_NODELAY, the system's congestion control, no compression, no history, no acknowledgements.
"""


def chosen(found):
    """[(machine, its newest record of each scenario)], in the order of the file."""
    machines = {}
    for record in found:
        if record["quick"]:
            continue
        key = (record["machine"]["cpu"], record["machine"]["cores"])
        machines.setdefault(key, {})[record["scenario"]] = judged(record)
    order = {name: i for i, name in enumerate(("k1", "k10", "k100", "grpc-k1", "grpc-k10", "grpc-k100", "tls-k1", "tls-k10", "tls-k100"))}
    return [sorted(rows.values(), key=lambda r: (order.get(r["scenario"], len(order)), r["scenario"])) for rows in machines.values()]


def grid(head, rows):
    """A table in Markdown; columns that are empty in all rows are left out."""
    keep = [i for i in range(len(head)) if any(row[i] for row in rows)]
    lines = ["| " + " | ".join(row[i] for i in keep) + " |" for row in (head, *rows)]
    return [lines[0], "|" + "---|" * len(keep), *lines[1:], ""]


def machine_lines(rows):
    """What the newest record says of the machine, and of which commits and days the records are."""
    machine = max(rows, key=lambda r: r["time"])["machine"]
    facts = [("cpu", machine["cpu"] + (", virtual" if machine.get("virtual") else "")), ("cores", str(machine["cores"])),
             ("memory", f"{machine['memory_mib']} MiB" if "memory_mib" in machine else ""), ("kernel", machine["kernel"]),
             ("libc", machine.get("libc", "")), ("congestion control", machine.get("tcp", "")), ("compiler", machine.get("compiler", "")),
             ("flags", f"`{machine['flags']}`" if machine.get("flags") else ""),
             ("libraries", ", ".join(f"{k} {v}" for k, v in machine.get("libraries", {}).items())),
             ("commits", ", ".join(dict.fromkeys(r["machine"]["commit"] for r in sorted(rows, key=lambda r: r["time"]))))]
    return grid(("machine", ""), [fact for fact in facts if fact[1]])


def judged(record):
    """The record by the scenario's limits of today: an old one does not hold by old limits."""
    if record["scenario"] not in spec.names():
        return record
    return record | {"goals": [goals.judged(goal, record) for goal in spec.find(record["scenario"])["goal"]]}


def goal_rows(rows):
    for record in rows:
        for goal in record["goals"]:
            spread = f"{goals.number(goal['min'])} to {goals.number(goal['max'])}" if goal.get("count", 0) > 1 else ""
            verdict = goal["verdict"] if goal["verdict"] == "held" else f"**{goal['verdict']}**"
            yield (goal["name"], f"`{goal['measure']}`", goals.measured_of(goal), spread, goals.limit_of(goal).replace("<=", "≤").replace(">=", "≥"),
                   verdict)


def load_of(record):
    """What differs from run to run is in their names and the scenario's file; here is what they share."""
    runs = list(record.get("runs", {}).values())
    same = [f"{key} {runs[0][key]}" for key in ("clients", "rooms", "rate", "burst", "payload", "reactor", "topology", "idle")
            if runs and key in runs[0] and all(r.get(key) == runs[0][key] for r in runs)]
    return ", ".join(same)


def rounds_of(record):
    cnt = len(record["rounds"])
    return "" if record["kind"] == "micro" else f"{cnt} round{'s' if cnt != 1 else ''}"


def scenario_lines(record):
    day = record["time"].partition("T")[0]
    lines = [f"### {record['scenario']}", ""]
    lines += [record["title"] + "." + f" {record['note']}".rstrip(), ""] if record["title"] else []
    facts = [rounds_of(record), load_of(record), text.memory(record), f"{day}, commit {record['machine']['commit']}"]
    lines += ["; ".join(fact for fact in facts if fact) + ".", ""]
    if record["rounds"] and any(record["rounds"]):
        if record["kind"] == "micro":
            lines += grid(("what", "time", "range"), list(text.micro_rows(record)))
        else:
            lines += grid(text.HEAD, list(text.rows(record)))
    lines += [f"- {run}: void, no figures: {why}" for run, why in record["void"].items()]
    lines += [f"- {run}: not measured: {why}" for run, why in record["absent"].items()]
    return lines + ([""] if record["void"] or record["absent"] else [])


def about_peers(rows):
    """Which versions of which peers, and what was switched off in them."""
    found = {}
    for record in rows:
        for run in record.get("runs", {}).values():
            if "about" in run:
                found[run["about"]["name"]] = run["about"]
    if not found:
        return []
    table = [(a["title"] or a["name"], a["version"], ", ".join(a["off"]), a["note"]) for _, a in sorted(found.items())]
    return ["### Peers", "", *grid(("peer", "version", "switched off", "note"), table)]


def pages(found):
    """(the page, {file name: plot}) of the records."""
    lines, files = [HEAD], {}
    machines = chosen(found)
    for number, rows in enumerate(machines, 1):
        lines += [f"## Machine {number}" if len(machines) > 1 else "## The machine", "", *machine_lines(rows)]
        lines += ["### Goals", "", *grid(("goal", "what", "measured", "range", "limit", ""), list(goal_rows(rows)))]
        for name, plot in plots.plots(rows).items():
            file = f"{name}-{number}.svg"
            files[file] = plot
            lines += [f"![{plot['title']}](performance/{file})", ""]
        lines += about_peers(rows)
        for record in rows:
            lines += scenario_lines(record)
    return "\n".join(lines).rstrip() + "\n", files


def is_current(path, plot):
    """Whether a file is the plot: by its bytes if it is of the matplotlib that is here, or else by its data."""
    if not path.exists():
        return False
    old = path.read_text(encoding="utf-8")
    stamp = plots.STAMP.search(old)
    if not stamp or stamp.group(1) != plots.digest(plot):
        return False
    return stamp.group(2) != plots.library()[0].__version__ or old == plots.svg(plot)


def check(page, text_now, files):
    """Names of what is not as it would be drawn."""
    folder = page.parent / page.stem
    stale = [] if page.exists() and page.read_text(encoding="utf-8") == text_now else [page]
    stale += [folder / name for name, plot in files.items() if not is_current(folder / name, plot)]
    return stale + [path for path in sorted(folder.glob("*.svg")) if path.name not in files]


def write(page, text_now, files):
    folder = page.parent / page.stem
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.svg"):
        if path.name not in files:
            path.unlink()
    for name, plot in files.items():
        if not is_current(folder / name, plot):
            (folder / name).write_text(plots.svg(plot), encoding="utf-8")
    page.write_text(text_now, encoding="utf-8")


def main(argv):
    parser = argparse.ArgumentParser(prog="./run bench report", description=__doc__)
    parser.add_argument("--from", dest="source", type=pathlib.Path, default=records.RESULTS, help="records, a line each")
    parser.add_argument("--to", type=pathlib.Path, default=PAGE, help="the page; plots go into a folder of its name")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page or a plot is not what would be drawn")
    options = parser.parse_args(argv)
    try:
        found = records.read(options.source)
    except OSError as why:
        raise Refused(f"{options.source}: {why.strerror}") from None
    except ValueError as why:
        raise Refused(str(why)) from None
    page, files = pages(found)
    if options.check:
        stale = check(options.to, page, files)
        for path in stale:
            print(f"stale: {spec.shown(path)}: ./run bench report")
        return 1 if stale else 0
    write(options.to, page, files)
    print(f"{spec.shown(options.to)} and {len(files)} plots")
    return 0
