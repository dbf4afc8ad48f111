# SPDX-License-Identifier: Apache-2.0
"""A record as text for a terminal."""
from . import goals

UNITS = {"cpu_ns": ("ns", 1), "connect_cpu_ns": ("ns", 1), "idle_cpu_ns": ("ns", 1), "rss": ("KiB", 1024), "rss_growth": ("KiB", 1024),
         "p50_us": ("us", 1), "p99_us": ("us", 1), "p999_us": ("us", 1), "max_us": ("us", 1), "cpu_share": ("cores", 1),
         "per_s": ("/s", 1), "per_core_s": ("/s", 1), "connects_per_core_s": ("/s", 1), "per_read": ("", 1), "handshakes_per_s": ("/s", 1)}


def shown(figure, value):
    unit, scale = UNITS.get(figure, ("", 1))
    return f"{goals.number(value / scale)} {unit}".strip()


def cost_of(record, run):
    """The figure that the scenario is about; of a run that has another, its first."""
    has = next(r[run] for r in record["rounds"] if run in r)
    return record["cost"] if record["cost"] in has else next(iter(has))


def names_of(record):
    return list(dict.fromkeys(name for r in record["rounds"] for name in r))


def spread_of(record, run, figure):
    values = [r[run][figure] for r in record["rounds"] if figure in r.get(run, {})]
    return goals.spread(values) if values else None


def ratio_of(record, run):
    """Cost as a factor of the yardstick's, taken inside each round."""
    base, cost = record["yardstick"], record["cost"]
    values = [r[run][cost] / r[base][cost] for r in record["rounds"]
              if cost in r.get(run, {}) and r.get(base, {}).get(cost)]
    return goals.spread(values) if values and run != base else None


def rows(record):
    """(run, cost, range, factor of the yardstick, its range, latency) as text."""
    for run in names_of(record):
        figure = cost_of(record, run)
        cost, ratio = spread_of(record, run, figure), ratio_of(record, run)
        has_range = cost["count"] > 1
        latency = [spread_of(record, run, f"{q}_us") for q in ("p50", "p99", "max")]
        yield (run, shown(figure, cost["median"]), f"{shown(figure, cost['min'])} to {shown(figure, cost['max'])}" if has_range else "",
               f"{ratio['median']:.2f}" if ratio else "", f"{ratio['min']:.2f} to {ratio['max']:.2f}" if ratio and has_range else "",
               " / ".join(goals.number(q["median"]) for q in latency) + " us" if latency[0] else "")


def micro_rows(record):
    for program, found in record["rounds"][0].items():
        for row, value in found.items():
            label = record["labels"][program][row]
            yield label["name"], f"{goals.number(value)} ns", f"{goals.number(label['min'])} to {goals.number(label['max'])} ns"


def memory(record):
    """How far the caches reached just before; nothing of a record that is older than the question."""
    found = record.get("memory_ns")
    return f"a dependent read within {', '.join(found)} MiB: {', '.join(goals.number(ns) for ns in found.values())} ns" if found else ""


HEAD = ("run", "cost", "range", "factor", "range", "p50 / p99 / max")


def table(record):
    """Lines: what was measured, or why it was not."""
    found = []
    if record["rounds"] and any(record["rounds"]):
        cells = list(micro_rows(record)) if record["kind"] == "micro" else [HEAD, *rows(record)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        found += ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
    found += ["  " + memory(record)] if memory(record) else []
    found += [f"  {run}: VOID, no figures: {why}" for run, why in record["void"].items()]
    found += [f"  {run}: not measured: {why}" for run, why in record["absent"].items()]
    return found
