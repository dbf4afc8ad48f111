# SPDX-License-Identifier: Apache-2.0
"""The servers that are measured: the floor, the engine, peers. One `Running` is one process that listens."""
import sys
import urllib.request

from . import ROOT, Absent, Void, process

sys.path.append(str(ROOT / "tests" / "integration"))
import certs

SERVER_LIMITS = {"tls_conn": 32 << 10, "h2_conn": 28 << 10, "h2_stream": 1 << 10}


class Running:
    def __init__(self, child, port, what, pids=None, admin=None):
        self.child, self.port, self.what, self.admin = child, port, what, admin
        self.pids = pids or [child.pid]

    def stop(self):
        process.stop(self.child, self.what)

    def metric(self, name):
        """The sum over the labels of a metric of the engine; 0 of a server that has none."""
        if self.admin is None:
            return 0
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.admin}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


def floor_command(build, port, run):
    program = build / "bench" / "floor"
    if not program.exists():
        raise Absent(f"{program} is not built")
    rate = "max" if run["saturate"] else run["rate"]
    return [program, port, rate, run["burst"], run["payload"], run["rooms"]]


def engine_limits(run):
    """The bounds of one engine of the run: what its share of the clients needs, and some room."""
    conns = run["clients"] // run["engines"]
    streams = conns * run["streams"]
    return {
        "connections": conns + 1000, "conn_rooms": max(1024, run["follow"]), "members": max(262144, (conns + 1000) * run["follow"]),
        "waiting_rooms": max(4096, run["rooms"]), "pending": max(16384, conns * run["follow"]),
        "streams": max(16384, streams + 1000),
        "http2_bytes": max(256 << 20, (conns + 1000) * SERVER_LIMITS["h2_conn"] + streams * SERVER_LIMITS["h2_stream"]),
    }


def engine_config(run, port, plain_port, admin, folder):
    limits = ", ".join(f"{k}: {v}" for k, v in engine_limits(run).items())
    tls = []
    if run["tls"]:
        crt, key = certs.make(str(folder), "bench", "localhost")
        memory = max(512 << 20, (run["clients"] // run["engines"] + 1000) * SERVER_LIMITS["tls_conn"])
        tls = [f'tls: {{ listen: "127.0.0.1:{port}", certificates: ["{crt}"], keys: ["{key}"], memory_bytes: {memory} }}']
    return "\n".join([
        f'listen: "127.0.0.1:{plain_port}"', f'admin: {{ listen: "127.0.0.1:{admin}" }}', *tls,
        f"workers: {{ count: {run['workers']}, cpus: {(run['cpus'] * run['workers'])[:run['workers']]}, idle: {run['idle']} }}",
        f"ingest: {{ cpus: {run['ingest_cpus']} }}",
        f"topology: {run['topology']}", f"reactor: {run['reactor']}",
        f"limits: {{ {limits} }}", f"timeouts: {{ ping_ms: {run['ping_ms']}, idle_ms: {max(60000, 2 * run['ping_ms'])} }}",
        "sources:", "  - name: bench", "    history: { bytes: 16777216, events: 65536 }",
        f"    synth: {{ symbols: {run['rooms']}, rate: {run['rate']}, burst: {run['burst']}, payload_bytes: {run['payload']}, "
        'seed: 1, room: "ticker-S{n}", event: ticker-update }', "",
    ])


def start_floor(options, run, folder, port):
    with open(folder / "floor.log", "w", encoding="utf-8") as log:
        child = process.start(floor_command(options.build, port, run), run["cpus"], stdout=log, stderr=log)
    return Running(child, port, "the floor")


def start_engine(options, run, folder, port):
    program = options.build / "tickcast"
    if not program.exists():
        raise Absent(f"{program} is not built")
    admin = process.take_port()
    plain_port = process.take_port() if run["tls"] else port
    path = folder / f"engine-{port}.yaml"
    path.write_text(engine_config(run, port, plain_port, admin, folder), encoding="utf-8")
    with open(folder / "engine.log", "w", encoding="utf-8") as log:
        child = process.start([program, "run", "--config", path], run["cpus"] + run["ingest_cpus"], stdout=log, stderr=log)
    return Running(child, port, "the engine", admin=admin)


def start_peer(options, run, folder, port):
    child, pids = options.peers.start(run["server"].removeprefix("peer:"), run, folder, port, options.generator_cpus)
    return Running(child, port, run["name"], pids)


def start(options, run, folder):
    """Starts the run's servers, as many as `engines`, and waits until they listen. All or none run afterwards."""
    make = {"floor": start_floor, "engine": start_engine}.get(run["server"], start_peer)
    running = []
    try:
        for number in range(run["engines"]):
            port = process.take_port(options.port + number if options.port else 0)
            running.append(make(options, run, folder, port))
            process.await_port(port, running[-1].child, running[-1].what)
    except BaseException:
        stop(running, is_judged=False)
        raise
    return running


def stop(running, is_judged=True):
    """Ends them all; then the first fault is told, unless something else went wrong before."""
    faults = []
    for server in running:
        try:
            server.stop()
        except Void as why:
            faults.append(why)
    if faults and is_judged:
        raise faults[0]
