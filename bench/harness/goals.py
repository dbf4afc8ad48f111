# SPDX-License-Identifier: Apache-2.0
"""Goals: what was measured against the limit, and whether that holds."""
import statistics

from . import formula

# The server's own CPU clock: a generator at its limit does not bend them.
OF_CPU = ("cpu_ns", "cpu_share", "per_core_s", "connect_cpu_ns", "connects_per_core_s", "idle_cpu_ns", "rss", "rss_growth")


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "count": len(values)}


def verdict(goal, found, is_at_least):
    if "at_most" in goal:
        return "held" if found["median"] <= goal["at_most"] else "missed"
    if found["median"] >= goal["at_least"]:
        return "held"
    return "invalid" if is_at_least else "missed"


def judged(goal, record):
    """The goal with its verdict; without figures where a run of it is missing in every round. Settings of a run, like
    the number of its clients, are figures too."""
    tree = formula.parse(goal["measure"])
    terms = set(formula.terms(tree))
    values, is_at_least = [], False
    for measured in record["rounds"]:
        figures = {run: record.get("runs", {}).get(run, {}) | found for run, found in measured.items()}
        try:
            values.append(formula.value(tree, figures))
        except (KeyError, ZeroDivisionError):
            continue
        is_at_least |= any(figures[run].get("at_least") and figure not in OF_CPU for run, figure in terms)
    # A lower bound is a figure only by itself, and only of what shall be large.
    if not values or is_at_least and (len(terms) > 1 or "at_most" in goal):
        return goal | {"verdict": "invalid"}
    found = spread(values)
    return goal | found | {"verdict": verdict(goal, found, is_at_least)} | ({"bound": "at least"} if is_at_least else {})


def number(value):
    """Three digits that matter, without an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def limit_of(goal):
    key = "at_most" if "at_most" in goal else "at_least"
    return ("<=" if key == "at_most" else ">=") + f"{goal[key]:.10g}" + goal["unit"]


def measured_of(goal):
    if "median" not in goal:
        return "-"
    return (">=" if "bound" in goal else "") + number(goal["median"]) + goal["unit"]


def line(goal):
    return f"goal {goal['name']} {measured_of(goal)} {limit_of(goal)} {goal['verdict']}"
