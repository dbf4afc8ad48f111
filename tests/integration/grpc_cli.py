#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tickcast sub` over gRPC and over TLS, and `tickcast rooms`, against an engine: lines, proof, resume, exit codes."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import RUN, TICKCAST, Engine, Tls, case, check, equal, free_port, main, make_cert, run, start, wait_for

SOURCES = [{"name": "main", "synth": {"symbols": 5, "rate": 200}}]


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


class Sub:
    """`tickcast sub` in the background, with what it prints so far."""

    count = 0

    def __init__(self, *args):
        Sub.count += 1
        self.file = os.path.join(RUN, "sub-%d.out" % Sub.count)
        with open(self.file, "wb") as out:
            self.process = start([TICKCAST, "sub", "ticker-S0", "--json", *args], stdout=out, stderr=subprocess.PIPE)

    def events(self, name):
        with open(self.file, errors="replace") as f:
            return [m for m in lines(f.read().rpartition("\n")[0]) if m["event"] == name]

    def wait(self, name, count=1):
        return wait_for(lambda: len(self.events(name)) >= count and self.events(name), 20, "%d of %s" % (count, name))

    def stop(self):
        """(exit code, summary, stderr)."""
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, self.events("summary")[0], err.decode()


class Proxy:
    """Hands bytes on to a port, and can cut all its connections."""

    def __init__(self, port):
        self.to = port
        self.held = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            near = self.listener.accept()[0]
            far = socket.create_connection(("127.0.0.1", self.to))
            self.held += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.hand_on, args=(a, b), daemon=True).start()

    @staticmethod
    def hand_on(a, b):
        try:
            while part := a.recv(65536):
                b.sendall(part)
        except OSError:
            pass

    def cut(self):
        for s in self.held:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        self.held = []


@case
def same_lines_as_websocket():
    """Both wires print the same line for the same update."""
    with Engine(SOURCES) as e:
        ws = start([TICKCAST, "sub", "ticker-S0", "--json", "--count", "60", "--url", "ws://127.0.0.1:%d/ws" % e.port],
                   stdout=subprocess.PIPE)
        code, out, err = run([TICKCAST, "sub", "ticker-S0", "--json", "--count", "60", "--grpc", "--url",
                              "http://127.0.0.1:%d" % e.port])
        equal(code, 0, err)
        rows = [{line["pos"]: text for text, line in zip(o.splitlines(), lines(o)) if "prev" in line and "snapshot" not in line}
                for o in (out, ws.communicate(timeout=20)[0].decode())]
        common = set(rows[0]) & set(rows[1])
        check(len(common) > 20, "only %d updates in both" % len(common))
        for pos in common:
            equal(rows[0][pos], rows[1][pos], "update %d" % pos)
        confirmed = [line for line in lines(out) if line["event"] == "subscription-confirmed"][0]
        equal(sorted(confirmed), ["data", "event", "log", "pos", "room"], "members of a confirmation")


@case
def resumes_after_a_cut():
    """A connection that breaks is made anew; `from` brings what was missed, and the chain has no hole."""
    with Engine(SOURCES) as e:
        proxy = Proxy(e.port)
        sub = Sub("--grpc", "--url", "http://127.0.0.1:%d" % proxy.port)
        for i in range(1, 4):
            sub.wait("ticker-update", 20 * i)
            proxy.cut()
            sub.wait("recovered", i)
        code, summary, err = sub.stop()
        equal(code, 0, err)
        equal((summary["reconnects"], summary["recovered"], summary["cannot_recover"]), (3, 3, 0), err)
        equal((summary["holes"], summary["repeated"], summary["junk"]), (0, 0, 0), "faults")
        equal(summary["proved"], summary["updates"] - summary["snapshots"], "updates proved")
        check(sum(line["count"] for line in sub.events("recovered")) > 0, "a resume brought something")


@case
def resumes_from_a_place():
    """--from goes on behind the place that an earlier run printed."""
    with Engine(SOURCES) as e:
        url = ["--grpc", "--url", "http://127.0.0.1:%d" % e.port]
        code, out, err = run([TICKCAST, "sub", "ticker-S0", "--count", "5", *url])
        equal(code, 0, err)
        place = err.split("--from ")[1].strip()
        code, out, err = run([TICKCAST, "sub", "ticker-S0", "--count", "5", "--json", "--from", place, *url])
        equal(code, 0, err)
        found = lines(out)
        equal(found[1]["event"], "recovered", "the second line")
        equal(found[2]["prev"], int(place.rsplit(":", 1)[1]), "prev of the first update")


@case
def engine_killed():
    """kill -9 and another engine at the port: cannot-recover is told, and the end is a good one."""
    with Engine(SOURCES) as e:
        sub = Sub("--grpc", "--url", "http://127.0.0.1:%d" % e.port)
        sub.wait("ticker-update", 10)
        e.kill()
        e.start()
        sub.wait("cannot-recover")
        cnt = len(sub.events("ticker-update"))
        sub.wait("ticker-update", cnt + 10)
        code, summary, err = sub.stop()
        equal((code, summary["holes"], summary["reconnects"]), (0, 0, 1), err)


@case
def engine_stopped():
    """A graceful stop is told; an engine that is gone at the end is 4."""
    e = Engine(SOURCES)
    sub = Sub("--grpc", "--url", "http://127.0.0.1:%d" % e.port)
    sub.wait("ticker-update", 10)
    equal(e.stop(), 0, "exit code of the engine")
    sub.wait("draining")
    code, _, err = sub.stop()
    check(code == 4 and "not connected at the end" in err, "%s %s" % (code, err))


@case
def tls():
    """https:// and wss:// with --ca; without it the certificate is refused at once, and so is another name."""
    own = make_cert("own", "localhost", is_ca=True)
    with Tls([own], SOURCES) as e:
        for args in (["--grpc", "--url", "https://localhost:%d" % e.tls], ["--grpc", "--url", "https://127.0.0.1:%d" % e.tls],
                     ["--url", "wss://localhost:%d/ws" % e.tls]):
            code, out, err = run([TICKCAST, "sub", "ticker-S0", "--count", "20", *args, "--ca", own[0]])
            equal(code, 0, "%s: %s" % (args, err))
            check("19 proved" in err, err)
            code, _, err = run([TICKCAST, "sub", "ticker-S0", "--count", "20", *args])
            check(code == 4 and "--ca FILE" in err, "%s without --ca: %s %s" % (args, code, err))
        code, out, err = run([TICKCAST, "rooms", "https://localhost:%d" % e.tls, "--ca", own[0]])
        check(code == 0 and len(out.splitlines()) == 5, out + err)
    elsewhere = make_cert("elsewhere", "elsewhere.example", is_ca=True)
    with Tls([elsewhere], SOURCES) as e:
        code, _, err = run([TICKCAST, "rooms", "https://localhost:%d" % e.tls, "--ca", elsewhere[0]])
        check(code == 4 and "mismatch" in err, "%s %s" % (code, err))


@case
def refusals():
    """A room that cannot be had beside one that can: named, exit code 4."""
    with Engine(SOURCES) as e:
        url = ["--grpc", "--url", "http://127.0.0.1:%d" % e.port]
        code, out, err = run([TICKCAST, "sub", "weather", "ticker-S0", "--count", "3", *url])
        check(code == 4 and "refused 1 of 2 rooms: weather" in err and len(out.splitlines()) == 3, "%s %s" % (code, out + err))
        code, _, err = run([TICKCAST, "sub", "ticker-S0", "--grpc", "--url", "http://127.0.0.1:%d" % e.admin])
        check(code == 4 and err, "the admin port: %s %s" % (code, err))
        code, _, err = run([TICKCAST, "sub", "ticker-S0", "--grpc", "--url", "http://127.0.0.1:%d" % free_port()])
        check(code == 4 and "--wait keeps trying" in err, "nobody: %s %s" % (code, err))


@case
def rooms():
    """All rooms, over pages; by prefix, with a limit, as JSON."""
    with Engine([{"name": "main", "synth": {"symbols": 2500, "rate": 20000}}]) as e:
        url = "http://127.0.0.1:%d" % e.port
        wait_for(lambda: len(run([TICKCAST, "rooms", url])[1].splitlines()) >= 2500, 20, "2500 rooms")
        code, out, err = run([TICKCAST, "rooms", url])
        rows = [line.split("\t") for line in out.splitlines()]
        equal((code, len(rows), len({row[0] for row in rows})), (0, 2500, 2500), "exit code, rows, names (%s)" % err)
        check(all(len(row) == 4 and row[1].startswith("main/") and row[2].isdigit() and row[3] == "-" for row in rows), rows[0])
        code, out, _ = run([TICKCAST, "rooms", url, "--prefix", "ticker-S99", "--json"])
        equal((code, len(lines(out))), (0, 11), "rooms with the prefix")
        check(all(sorted(row) == ["log", "name", "pos", "type"] and row["name"].startswith("ticker-S99") for row in lines(out)), out)
        code, out, _ = run([TICKCAST, "rooms", url, "--limit", "1500"])
        equal((code, len(out.splitlines())), (0, 1500), "rooms with a limit")
        code, out, _ = run(["bash", "-o", "pipefail", "-c", "%s rooms %s | head -n 1" % (TICKCAST, url)])
        equal(len(out.splitlines()), 1, "rows of head")


if __name__ == "__main__":
    main()
