# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG by matplotlib, the same bytes for the same data and version of matplotlib.

Data come first and by themselves ({file: plot}), so that a page can be checked without drawing it: each file says
the digest of its data."""
import hashlib
import io
import json
import re

from . import Refused, text

STYLE = {"svg.hashsalt": "tickcast", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
         "axes.axisbelow": True, "grid.color": "#dddddd"}
COLOURS = {"floor": "#888888", "engine": "#1f5fa8", "bare": "#888888", "plain": "#888888"}
OTHERS = ("#c8553d", "#588157", "#e09f3e", "#6d597a", "#118ab2", "#9c6644", "#b56576")
STAMP = re.compile(r"<!-- SPDX-License-Identifier: Apache-2.0; data ([0-9a-f]{64}); matplotlib (\S+) -->")


def factors(found):
    """Cost as a factor of the yardstick's."""
    rows = []
    for record in found:
        limits = [g["at_most"] for g in record["goals"] if "at_most" in g and re.fullmatch(r"\w+\.\w+ / \w+\.\w+", g["measure"])]
        for run in text.names_of(record) if record["kind"] == "fanout" else ():
            ratio = text.ratio_of(record, run)
            if ratio:
                rows.append({"label": f"{record['scenario']}: {run}", "run": run, **ratio,
                             "limit": limits[0] if len(limits) == 1 and record["goals"][0]["measure"].startswith(run + ".") else None})
    return {"kind": "factors", "title": "Server CPU per delivery, as a factor of the yardstick's", "rows": rows}


def bars(found, names, figure, title, unit, scale=lambda record, run: 1):
    """A group of bars per scenario, one per run."""
    rows = []
    for record in (r for r in found if r["scenario"] in names):
        for run in text.names_of(record):
            value = text.spread_of(record, run, figure)
            if value:
                by = scale(record, run)
                rows.append({"group": record["scenario"], "run": run, **{k: value[k] / by for k in ("median", "min", "max")}})
    return {"kind": "bars", "title": title, "unit": unit, "rows": rows}


def growth(found):
    rows = []
    for record in (r for r in found if r["scenario"] in ("growth", "many-processes")):
        for run in text.names_of(record):
            rows.append({"run": record["runs"][run]["server"], "clients": record["runs"][run]["clients"],
                         **text.spread_of(record, run, "cpu_ns")})
    return {"kind": "lines", "title": "Server CPU per delivery by subscribers of one room", "unit": "ns", "rows": rows}


def plots(found):
    """{name of the file: plot} of one machine's records; those without data are left out."""
    ws = ("k1", "k10", "k100")
    made = {
        "factors": factors(found),
        "cost": bars(found, ws, "cpu_ns", "WebSocket: server CPU per delivery, 1000 subscribers", "ns"),
        "grpc": bars(found, ("grpc-k1", "grpc-k10", "grpc-k100"), "cpu_ns", "gRPC: server CPU per delivery, 500 calls", "ns"),
        "latency": bars(found, (*ws, "subscribers-1000"), "p99_us", "99th percentile of latency from the intended time", "us"),
        "kafka": bars(found, ("kafka-latency",), "p50_us", "Median latency from Kafka's append to the client", "us"),
        "memory": bars(found, ("idle",), "rss_growth", "Resident memory per idle connection", "B",
                       lambda record, run: record["runs"][run]["clients"]),
        "growth": growth(found),
    }
    return {name: plot for name, plot in made.items() if plot["rows"]}


def digest(plot):
    return hashlib.sha256(json.dumps(plot, sort_keys=True).encode()).hexdigest()


def colours(rows):
    names = list(dict.fromkeys(row["run"] for row in rows))
    others = [n for n in names if n not in COLOURS]
    return COLOURS | {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(others)}


def draw_factors(figure, plot):
    rows, paint = plot["rows"][::-1], colours(plot["rows"])
    figure.set_size_inches(8, 0.9 + 0.28 * len(rows))
    axes = figure.add_subplot()
    for y, row in enumerate(rows):
        axes.plot([row["min"], row["max"]], [y, y], color=paint[row["run"]], linewidth=3, alpha=0.4, solid_capstyle="butt")
        axes.plot([row["median"]], [y], "o", color=paint[row["run"]])
        if row["limit"]:
            axes.plot([row["limit"]], [y], "|", color="black", markersize=12)
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row["label"] for row in rows])
    if max(row["max"] for row in rows) > 5:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x")
    axes.set_xlabel("dot: median, line: range of the rounds, mark: goal")


def draw_bars(figure, plot):
    groups = list(dict.fromkeys(row["group"] for row in plot["rows"]))
    paint, labelled, x, ticks = colours(plot["rows"]), set(), 0, []
    figure.set_size_inches(8, 3.4)
    axes = figure.add_subplot()
    for group in groups:
        first, rows = x, [row for row in plot["rows"] if row["group"] == group]
        for row in rows:
            error = [[row["median"] - row["min"]], [row["max"] - row["median"]]]
            axes.bar(x, row["median"], 0.8, color=paint[row["run"]], yerr=error, ecolor="#444444", capsize=2,
                     label=None if row["run"] in labelled else row["run"])
            labelled.add(row["run"])
            x += 1
        ticks.append((first + x - 1) / 2)
        x += 1
    axes.set_xticks(ticks, groups)
    values = [row["median"] for row in plot["rows"]]
    if min(values) > 0 and max(values) / min(values) > 20:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel(plot["unit"])
    axes.grid(axis="y")
    axes.legend(frameon=False, fontsize=8)


def draw_lines(figure, plot):
    figure.set_size_inches(8, 3.4)
    axes, paint = figure.add_subplot(), colours(plot["rows"])
    for run in dict.fromkeys(row["run"] for row in plot["rows"]):
        rows = sorted((r for r in plot["rows"] if r["run"] == run), key=lambda r: r["clients"])
        error = [[r["median"] - r["min"] for r in rows], [r["max"] - r["median"] for r in rows]]
        axes.errorbar([r["clients"] for r in rows], [r["median"] for r in rows], yerr=error, marker="o", capsize=2, color=paint[run], label=run)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("subscribers")
    axes.set_ylabel(plot["unit"])
    axes.set_ylim(bottom=0)
    axes.grid()
    axes.legend(frameon=False)


DRAW = {"factors": draw_factors, "bars": draw_bars, "lines": draw_lines}


def library():
    try:
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        raise Refused("matplotlib is missing: apt-get install python3-matplotlib (cmake/deps.sh bench does it)", 3) from None
    return matplotlib, Figure, FigureCanvasSVG


def svg(plot):
    """The plot's file."""
    matplotlib, new_figure, canvas = library()
    with matplotlib.rc_context(STYLE):
        figure = new_figure()
        canvas(figure)
        DRAW[plot["kind"]](figure, plot)
        figure.axes[0].set_title(plot["title"], loc="left", fontsize=10)
        out = io.BytesIO()
        figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    head, _, rest = out.getvalue().decode().partition("\n")
    stamp = f"<!-- SPDX-License-Identifier: Apache-2.0; data {digest(plot)}; matplotlib {matplotlib.__version__} -->"
    lines = [head, stamp, *rest.splitlines()]
    return "\n".join(line.rstrip() for line in lines) + "\n"
