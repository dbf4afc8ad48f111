# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share: processes, an engine, a real Kafka, a WebSocket client, cases.

Standard library only. Everything binds to 127.0.0.1 on free ports; every process started here is ended
by its pid when the script ends, however it ends. Nothing sleeps to let something happen: wait_for()
asks for the condition until its deadline.
"""
import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request

import certs
from websocket import Chain, Closed, Ws, check  # noqa: F401  cases take them from here

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.realpath(os.environ.get("TC_BUILD") or os.path.join(ROOT, "build", "release"))
TICKCAST = os.path.join(BUILD, "tickcast")
FULL = bool(os.environ.get("TC_FULL"))
CI = os.environ.get("CI") == "true"
_name = "%s-%d" % (os.path.splitext(os.path.basename(sys.argv[0]))[0], os.getpid())
RUN = os.path.join(os.environ.get("TC_WORK") or os.path.join(ROOT, "build", "test-work"), _name)
os.makedirs(RUN, exist_ok=True)

_processes = []


def program(name):
    """Path of a test program."""
    return os.path.join(BUILD, "tests", name)


def _end_all():
    for process in reversed(_processes):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
    for process in reversed(_processes):
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for kafka in list(Kafka.running):
        kafka.stop()


atexit.register(_end_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))


def start(argv, **more):
    """A process that is ended with the script."""
    process = subprocess.Popen([str(a) for a in argv], **more)
    _processes.append(process)
    return process


def run(argv, timeout=60, **more):
    """Runs to the end; returns (exit code, stdout, stderr) as text."""
    process = start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError("%s did not end in %s s: %s" % (argv[0], timeout, err[-500:].decode(errors="replace")))
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


_given_ports = set()


def free_port():
    """A port of 127.0.0.1 that is free now, below the range that the system gives to connections."""
    for port in range(20100 + os.getpid() % 9000, 32000):
        if port in _given_ports:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise AssertionError("no free port")


def wait_for(condition, seconds, what, every=0.02):
    """Asks until the condition gives something true, which is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %s s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(every)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError("%s: %r, wanted %r" % (what, found, wanted))


def http(port, path, headers=None, timeout=5):
    """GET; returns (status, headers, body as text)."""
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode(errors="replace")


# ---------------------------------------------------------------- the engine


class Engine:
    """`tickcast run` with a configuration given as a dict (JSON is YAML too)."""

    count = 0

    def __init__(self, sources, port=None, ready=True, files=None, env=None, text=None, program=TICKCAST, **more):
        Engine.count += 1
        self.name = "engine-%d" % Engine.count
        self.port = port or free_port()
        self.admin = free_port()
        self.config = {
            "listen": "127.0.0.1:%d" % self.port,
            "admin": {"listen": "127.0.0.1:%d" % self.admin},
            "workers": {"count": 1, "idle": "spin-then-sleep"},
        }
        reactor, topology = os.environ.get("TC_REACTOR"), os.environ.get("TC_TOPOLOGY")
        if reactor:
            self.config["reactor"] = reactor
        if topology:
            self.config["topology"] = topology
        for key, value in more.items():
            self.config[key] = value
        self.config["sources"] = sources
        self.file = os.path.join(RUN, self.name + ".yaml")
        self.log_file = os.path.join(RUN, self.name + ".log")
        with open(self.file, "w") as f:
            f.write(text or json.dumps(self.config, indent=1))
        self.program = program
        self.files = files
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.start(ready)

    def start(self, ready=True):
        log = open(self.log_file, "ab")
        argv = [self.program, "run", "--config", self.file]
        if self.files:
            argv = ["prlimit", "--nofile=%d:%d" % (self.files, self.files)] + argv
        self.process = start(argv, stdout=log, stderr=log, env=self.env)
        log.close()
        if ready:
            wait_for(self.is_ready, 30, lambda: "%s ready; %s" % (self.name, self.log()[-600:]))

    def log(self):
        with open(self.log_file, errors="replace") as f:
            return f.read()

    def is_up(self):
        check(self.process.poll() is None, "%s ended with %s: %s" % (self.name, self.process.poll(), self.log()[-800:]))
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def readyz(self):
        try:
            return http(self.admin, "/readyz")
        except OSError:
            return 0, {}, ""

    def is_ready(self):
        return self.is_up() and self.readyz()[0] == 200

    def metrics(self):
        """Sum of each metric over its labels, and each labelled line by its whole name."""
        found = {}
        for line in http(self.admin, "/metrics")[2].splitlines():
            if line.startswith("#") or " " not in line:
                continue
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
            bare = name.split("{")[0]
            if bare != name:
                found[bare] = found.get(bare, 0) + float(value)
        return found

    def rss_kb(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def cpu_s(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, within=15):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(within)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("%s did not leave within %s s of SIGTERM" % (self.name, within))
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        try:
            self.stop()
        except AssertionError:
            if _[0] is None:
                raise


# ---------------------------------------------------------------- TLS

def make_cert(name, *names, is_ca=False):
    """(certificate, key) files of this run."""
    return certs.make(RUN, name, *names, is_ca=is_ca)


class Tls(Engine):
    """An engine with TLS; its certificates are (certificate, key) files."""

    def __init__(self, certs, sources, tls=None, **more):
        self.tls = free_port()
        section = {"listen": "127.0.0.1:%d" % self.tls, "certificates": [c[0] for c in certs], "keys": [c[1] for c in certs]}
        section.update(tls or {})
        super().__init__(sources, tls=section, **more)


# ---------------------------------------------------------------- Kafka


class Kafka:
    """A broker of one's own, by tests/kafka/kafka.sh."""

    running = []

    def __init__(self):
        self.script = os.path.join(ROOT, "tests", "kafka", "kafka.sh")
        self.base = free_port()
        for more in (1, 101):
            _given_ports.add(self.base + more)
        self.brokers = "127.0.0.1:%d" % (self.base + 1)
        self.env = dict(os.environ, TC_KAFKA_PORT=str(self.base), TC_KAFKA_RUN=os.path.join(RUN, "kafka"))
        jars = os.path.join(os.environ.get("TC_KAFKA_DIR") or os.path.join(ROOT, "build", "kafka"), "libs", ".complete")
        if not os.path.exists(jars):
            self._script("set-up", script=os.path.join(ROOT, "tests", "kafka", "setup.sh"))
        Kafka.running.append(self)
        self._script("start")

    def _script(self, *args, script=None):
        argv = [script] if script else [self.script, *args]
        # A file, not a pipe: the broker would keep a pipe open after the script ended.
        with open(os.path.join(RUN, "kafka-sh.log"), "ab") as log:
            done = subprocess.run(argv, env=self.env, stdout=log, stderr=log, timeout=300)
        check(done.returncode == 0, "%s ended with %d, see %s" % (" ".join(argv), done.returncode, log.name))

    def stop(self):
        self._script("stop")
        Kafka.running.remove(self)

    def down(self, hard=False):
        self._script("kill" if hard else "stop", "1")

    def up(self):
        self._script("restart", "1")

    def ensure_up(self):
        """For the next case, whatever the last one left."""
        if not os.path.exists(os.path.join(self.env["TC_KAFKA_RUN"], "pid", "1")):
            self.up()

    def tool(self, name, *args):
        self._script("tool", "org.apache.kafka.tools." + name, *[str(a) for a in args])

    def create(self, topic, partitions=1, **config):
        more = []
        for key, value in config.items():
            more += ["--config", "%s=%s" % (key.replace("_", "."), value)]
        self.tool("TopicCommand", "--create", "--topic", topic, "--partitions", partitions, *more)

    def delete(self, topic):
        self.tool("TopicCommand", "--delete", "--topic", topic)

    def add_partitions(self, topic, total):
        self.tool("TopicCommand", "--alter", "--topic", topic, "--partitions", total)

    def delete_records(self, topic, partition, before):
        file = os.path.join(RUN, "delete-records.json")
        with open(file, "w") as f:
            json.dump({"partitions": [{"topic": topic, "partition": partition, "offset": before}], "version": 1}, f)
        self._script("tool", "org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", file)

    def feed_argv(self, topic, **args):
        argv = [program("kafka-feed"), "--brokers", self.brokers, "--topic", topic]
        for key, value in args.items():
            if value is not False:
                argv.append("--" + key.replace("_", "-"))
            if value is not True and value is not False:
                argv.append(value)
        return argv

    def feed(self, topic, timeout=120, **args):
        """Produces to the end of it; returns the summary."""
        code, out, err = run(self.feed_argv(topic, **args), timeout)
        check(code == 0, "kafka-feed ended with %d: %s %s" % (code, out, err))
        return json.loads(out.splitlines()[-1])

    def feeding(self, topic, **args):
        """Produces in the background."""
        return start(self.feed_argv(topic, **args), stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def source(kafka, *topics, **more):
    """A Kafka source; a topic is (name, room template) or a dict."""
    rows = []
    for topic in topics:
        if not isinstance(topic, dict):
            topic = {"topic": topic[0], "room": topic[1]}
        rows.append(dict({"format": "json", "event": "ticker-update", "class": "latest"}, **topic))
    settings = {"brokers": kafka.brokers, "start": "earliest", "topics": rows,
                "properties": {"fetch.wait.max.ms": "5", "topic.metadata.refresh.interval.ms": "1000"}}
    return [dict({"name": "main", "kafka": dict(settings, **more)})]


# ---------------------------------------------------------------- the fleet


class Fleet:
    """ws-fleet in the background."""

    tool = "ws-fleet"
    count = 0

    def __init__(self, port, alt=None, ready_within=60, wait_ready=True, **args):
        Fleet.count += 1
        base = os.path.join(RUN, "fleet-%d" % Fleet.count)
        self.journal = base + ".journal"
        self.ready_file = base + ".ready"
        self.err_file = base + ".err"
        argv = [program(self.tool), "--to", "127.0.0.1:%d" % port, "--ready", self.ready_file, "--journal", self.journal]
        if alt:
            argv += ["--alt", "127.0.0.1:%d" % alt]
        for key, value in args.items():
            argv.append("--" + key.replace("_", "-"))
            if value is not True:
                argv.append(value)
        with open(self.err_file, "wb") as err:
            self.process = start(argv, stdout=subprocess.PIPE, stderr=err)
        if wait_ready:
            wait_for(lambda: os.path.exists(self.ready_file) or self.process.poll() is not None, ready_within, "fleet ready")
            check(self.process.poll() is None, lambda: "the fleet ended early: %s" % self.err())

    def err(self):
        with open(self.err_file, errors="replace") as f:
            return f.read()[:500]

    def finish(self, timeout=120):
        """Waits for its end; returns the summary, with its violations as text."""
        out, _ = self.process.communicate(timeout=timeout)
        check(out, "no summary of the fleet: %s" % self.err())
        summary = json.loads(out)
        summary["text"] = self.err()
        return summary

    def stop(self):
        self.process.terminate()
        return self.finish()


class GrpcFleet(Fleet):
    """grpc-fleet in the background."""

    tool = "grpc-fleet"


def clean(summary, **wanted):
    """A fleet's summary without a broken rule."""
    for key in ("violations", "faults", "bad_payloads", "errors"):
        equal(summary[key], 0, "%s (%s)" % (key, summary["text"]))
    for key, value in wanted.items():
        equal(summary[key], value, key)


def warm(e, *rooms):
    """Until the engine has the rooms' records."""
    with Ws(e.port) as ws:
        for room in rooms:
            def has():
                pos = ws.subscribe(room)["pos"]
                ws.send("unsubscribe", {"rooms": [room]})
                return pos is not None
            wait_for(has, 20, room + " has a record", every=0.1)


# ---------------------------------------------------------------- cases

_cases = []


def case(function):
    """A test; its first line of documentation says its goal."""
    _cases.append(function)
    return function


def need(*tools):
    """Ends the script when something is missing: what the build makes is a failure, a tool of the system is a
    loud skip, and a failure under CI."""
    for tool in tools:
        if os.path.exists(tool) or shutil.which(tool):
            continue
        is_failure = CI or tool.startswith(BUILD)
        count = len(_cases) or 1
        print("%s: %s is missing" % ("FAILED" if is_failure else "SKIPPED", tool), flush=True)
        print("0 passed, %d failed" % count if is_failure else "0 passed, 0 failed, %d skipped" % count, flush=True)
        sys.exit(1 if is_failure else 0)


def go_tool(name, case_cnt=None, is_needed=True):
    """Path of a test tool of others in Go, built by tests/go/setup.sh if need be. Without a Go that can, ends the
    script as need() does, for so many cases; not needed: None, said aloud, and a failure under CI."""
    code, out, err = run([os.path.join(ROOT, "tests", "go", "setup.sh")], 1000)
    if code == 3 and not is_needed:
        check(not CI, err.strip())
        print("SKIPPED: %s: %s" % (name, err.strip()), flush=True)
        return None
    if code == 3:
        count = case_cnt or len(_cases)
        print("%s: %s" % ("FAILED" if CI else "SKIPPED", err.strip()), flush=True)
        print("0 passed, %d failed" % count if CI else "0 passed, 0 failed, %d skipped" % count, flush=True)
        sys.exit(1 if CI else 0)
    check(code == 0, "tests/go/setup.sh ended with %d: %s" % (code, (out + err)[-600:]))
    return os.path.join(os.environ.get("TC_GO_DIR") or os.path.join(ROOT, "build", "go"), "bin", name)


def main_with_kafka():
    """main() with a broker for all cases."""
    need(TICKCAST, "java", "mvn", "kcat", program("kafka-feed"), program("ws-fleet"), program("grpc-fleet"))
    try:
        kafka = Kafka()
    except AssertionError as error:
        print("FAILED: no Kafka: %s\n0 passed, %d failed" % (error, len(_cases)), flush=True)
        sys.exit(1)
    main(kafka)


def main(*context):
    """Runs the cases named on the command line, or all, prints the count and ends the script."""
    need(TICKCAST)
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    passed = failed = 0
    for function in _cases:
        if wanted and not any(w in function.__name__ for w in wanted):
            continue
        begin = time.monotonic()
        try:
            for part in context:
                part.ensure_up()
            function(*context)
            passed += 1
            word, why = "ok", ""
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failed += 1
            word = "FAILED"
            why = ": " + (str(error) or repr(error))
            if not isinstance(error, (AssertionError, TimeoutError, Closed)):
                why += "\n" + traceback.format_exc()
        print("%-6s %6.1f s  %s%s" % (word, time.monotonic() - begin, function.__name__, why), flush=True)
    print("%d passed, %d failed" % (passed, failed), flush=True)
    if not failed:
        _end_all()
        shutil.rmtree(RUN, ignore_errors=True)
    sys.exit(1 if failed else 0)
