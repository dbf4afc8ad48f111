# SPDX-License-Identifier: Apache-2.0
"""Measures the engine beside a floor, and beside peers, on this machine.

usage: ./run bench [SCENARIO...] [OPTION...]      measure; without SCENARIO those of every day, `all` for all of them
       ./run bench --list                         the scenarios, a line each
       ./run bench report [--help]                tables and plots of what was recorded

A SCENARIO is a name of bench/scenarios or the path of a .toml file. Servers run on core 0, the load generator on the
others. The last lines are one per goal: goal NAME MEASURED LIMIT held|missed|invalid.

Exit codes: 0 done, 1 a goal is missed (with --check), 2 usage or a bad file, 3 the machine cannot, or lacks
all that a scenario needs, 5 a run was void."""
import argparse
import datetime
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

from . import ROOT, Refused, generator, goals, machine, peers, records, report, rounds, spec, text

QUICK = {"warm_ms": 500, "window_ms": 1500}
QUICK_ROUNDS = 2


def setting(pair):
    """KEY=VALUE as {key: value}, by the rules of scenario files."""
    key, has_value, value = pair.partition("=")
    try:
        if not has_value:
            raise Refused(f"{pair} is not KEY=VALUE")
        value = {"true": True, "false": False}.get(value, value)
        if isinstance(value, str) and value.lstrip("-").isdigit():
            value = int(value)
        return {key: spec.checked("--set", "", {key: value}, spec.SETTINGS)[key]}
    except Refused as why:
        raise argparse.ArgumentTypeError(str(why)) from None


def parse(argv):
    usage, _, about = __doc__.partition("\n\nusage: ")
    parser = argparse.ArgumentParser(prog="./run bench", usage=about.partition("\n\n")[0], description=usage,
                                     epilog=about.partition("\n\n")[2], formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--list", action="store_true", help="list the scenarios and end")
    parser.add_argument("--peers", default="", metavar="A,B", help="peers to measure too (bench/peers), or all")
    parser.add_argument("--rounds", type=int, help="instead of the scenario's own number")
    parser.add_argument("--quick", action="store_true", help="two short rounds: a look within a minute, no figures to keep")
    parser.add_argument("--set", type=setting, action="append", default=[], metavar="KEY=VALUE", help="a setting of all runs, as in a file")
    parser.add_argument("--record", action="store_true", help="append to bench/results/, to be committed")
    parser.add_argument("--json", action="store_true", help="the records instead of tables on stdout")
    parser.add_argument("--check", action="store_true", help="exit 1 if a goal is missed")
    parser.add_argument("--port", type=int, default=0, help="of the servers; a free one if it is not given")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--peers-dir", type=pathlib.Path, default=ROOT / "bench" / "peers", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.rounds is not None and not 1 <= options.rounds <= 99:
        parser.error("--rounds is 1 to 99")
    if options.record and (options.quick or options.set):
        parser.error("--record keeps figures of the scenarios as they are: not with --quick or --set")
    return options


def chosen(options):
    """The scenarios that were asked for; all are read before one is run."""
    if options.scenarios == ["all"]:
        return [spec.find(name) for name in spec.names()]
    if options.scenarios:
        return [spec.find(name) for name in options.scenarios]
    return [s for s in map(spec.find, spec.names()) if s["default"]]


def list_all():
    for name in spec.names():
        scenario = spec.find(name)
        print(f"{name:<22}{'* ' if scenario['default'] else '  '}{scenario['title']}")
    print("\n* measured by ./run bench without a name")


def prepare(options):
    """What the options mean on this machine."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Refused("two cores are needed, one for the server and one for the generator", 3)
    options.settings = {k: v for pair in options.set for k, v in pair.items()}
    if options.quick:
        options.settings = QUICK | options.settings
        options.rounds = options.rounds or QUICK_ROUNDS
    options.build = options.build.resolve()
    options.server_cpu, *options.generator_cpus = cores
    options.generator = generator.Generator(options.build, options.generator_cpus)
    options.peers = peers.Peers(options.peers_dir.resolve(), options.build)
    options.peer_names = options.peers.names() if options.peer_names == ["all"] else options.peer_names
    options.peers.judge(options.peer_names)
    if options.port and not 1 <= options.port <= 65535:
        raise Refused("--port is 1 to 65535")


def measure(options, scenarios):
    """(records, whether something was void)."""
    records.LAST.parent.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=records.LAST.parent))
    stamp = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    about = {"time": stamp, "machine": machine.facts(options.build)}
    progress = rounds.Progress()
    found = []
    try:
        for scenario in scenarios:
            found.append(about | rounds.run(options, scenario, folder, progress))
            records.append(records.LAST, found[-1:])
            if options.record:
                records.append(records.RESULTS, found[-1:])
            tell(options, found[-1], progress)
    finally:
        if any(record["void"] for record in found) or not found:
            progress.say(f"logs: {spec.shown(folder)}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return found


def tell(options, record, progress):
    progress.say(f"{record['scenario']}: done")
    if options.json:
        print(json.dumps(record), flush=True)
    else:
        print(f"{record['scenario']}: {record['title']}", *text.table(record), sep="\n", flush=True)


def run(argv):
    options = parse(argv)
    if options.list:
        list_all()
        return 0
    options.peer_names = [p for p in options.peers.split(",") if p]
    scenarios = chosen(options)
    prepare(options)
    found = measure(options, scenarios)
    verdicts = [goal for record in found for goal in record["goals"]]
    if not options.json:
        print("")
        for goal in verdicts:
            print(goals.line(goal))
    if any(record["void"] for record in found):
        return 5
    if any(not any(record["rounds"]) for record in found):
        return 3
    return 1 if options.check and any(goal["verdict"] == "missed" for goal in verdicts) else 0


def main():
    argv = sys.argv[1:]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers are ended in either case
    try:
        return report.main(argv[1:]) if argv[:1] == ["report"] else run(argv)
    except Refused as why:
        print(f"bench: {why}", file=sys.stderr)
        return why.code
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
