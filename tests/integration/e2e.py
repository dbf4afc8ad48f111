#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real clients against the program: npm ws, Python websockets, Chromium; both reactors, both topologies.
Screenshots go to build/e2e/."""
import json
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import (ROOT, TICKCAST, Engine, Fleet, Tls, Ws, case, check, clean, equal, free_port, http, main, make_cert, need,
                     program, run, start, wait_for)

E2E = os.environ.get("TC_E2E_DIR") or os.path.join(ROOT, "build", "e2e")
# The demo's symbols, so that the page finds its rooms.
SYNTH = [{"name": "main", "synth": {"symbols": 12, "rate": 600, "burst": 2, "payload_bytes": 150, "seed": 1,
                                    "room": "ticker-S{n}", "event": "ticker-update"}}]
SHAPES = [(r, t) for r in ("io_uring", "epoll") for t in ("fused", "separate")]


def page(*args):
    return start(["node", os.path.join(E2E, "page.mjs"), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def verdict(process, timeout=90):
    out, _ = process.communicate(timeout=timeout)
    found = json.loads(out.splitlines()[-1])
    check(process.returncode == 0 and not found["faults"], "%s" % found)
    return found


def shape_case(reactor, topology):
    def clients():
        with Engine(SYNTH, reactor=reactor, topology=topology) as e:
            wait_for(lambda: reactor in e.log(), 5, lambda: "the log says that %s is used: %s" % (reactor, e.log()[-300:]))
            url = "ws://127.0.0.1:%d/ws" % e.port
            for argv in (["node", os.path.join(E2E, "ws_client.mjs")],
                         [os.path.join(E2E, "venv", "bin", "python"), os.path.join(ROOT, "tests", "e2e", "ws_client.py")]):
                code, out, err = run([*argv, url, "ticker-S1", "20", "30"], 60)
                check(code == 0, "%s: %s %s" % (os.path.basename(argv[1]), out[-400:], err[-400:]))
            equal(e.stop(), 0, "exit code")
    clients.__name__ = "clients_%s_%s" % (reactor, topology)
    case(clients)


for shape in SHAPES:
    shape_case(*shape)


def sanitized_case(reactor):
    def sanitized():
        """5 s of the whole program under the address and undefined behaviour sanitizers, with cuts and resumes."""
        build = os.environ.get("TC_ASAN") or os.path.join(ROOT, "build", "asan")
        binary = os.path.join(build, "tickcast")
        check(os.path.exists(binary), "no %s: build the preset asan" % binary)
        with Engine(SYNTH, program=binary, reactor=reactor, topology="separate") as e:
            fleet = Fleet(e.port, conns=60, room_cnt=12, per_conn=4, snapshot=True, cuts=8, cut_min=100, cut_max=600,
                          reconnect=200, duration=5000, time_key="t_ms", time_ns=1000000)
            summary = fleet.finish(30)
            clean(summary, gaps=0)
            check(summary["cuts"] > 100 and summary["recovered"] > 100, "cuts and resumes: %s" % summary)
            equal(e.stop(30), 0, "exit code")
            for word in ("Sanitizer", "runtime error"):
                check(word not in e.log(), e.log()[-1500:])
    sanitized.__name__ = "sanitized_" + reactor
    case(sanitized)


for back_end in ("io_uring", "epoll"):
    sanitized_case(back_end)


@case
def workers_allocate_nothing():
    """After the start no worker asks the allocator: connects, subscribes, resumes, errors, drain (design 7)."""
    synth = [{"name": "main", "synth": {"symbols": 12, "rate": 2000}}]
    with Engine(synth, topology="separate", env={"LD_PRELOAD": program("no-malloc.so")}) as e:
        with Ws(e.port) as ws:
            ws.subscribe("ticker-S0")
        e.signal(signal.SIGUSR2)
        held = [Ws(e.port) for _ in range(50)]
        for n, ws in enumerate(held):
            first = ws.subscribe("ticker-S%d" % (n % 12), snapshot=True)
            ws.send("subscribe", {"rooms": ["ticker-S1"], "from": {"ticker-S1": {"log": first["log"], "pos": 1}}})
            ws.send("subscribe", {"rooms": ["no such room"]})
            ws.send("unsubscribe", {"rooms": ["ticker-S%d" % (n % 12)]})
            ws.expect("unsubscribed")
        equal(http(e.port, "/")[0], 200, "/")
        equal(http(e.port, "/nowhere")[0], 404, "/nowhere")
        equal(e.stop(), 0, "exit code")
        for ws in held:
            ws.close()


class Demo:
    """`tickcast demo` with what it printed."""

    def __init__(self, port):
        self.port = port
        self.process = start([TICKCAST, "demo", "--port", port], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.said = ""
        os.set_blocking(self.process.stdout.fileno(), False)
        wait_for(self.is_up, 20, lambda: "the demo's page and kcat line; it said %r" % self.said[-400:])

    def is_up(self):
        check(self.process.poll() is None, "the demo ended with %s: %s" % (self.process.poll(), self.said))
        self.said += (self.process.stdout.read() or b"").decode()
        try:
            return "kcat" in self.said and http(self.port, "/")[0] == 200
        except OSError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(15)
        return self.process.returncode


@case
def page_of_the_demo():
    """The demo's page moves at once, and moves again after the demo was restarted under it; Ctrl-C exits 0."""
    port = free_port()
    demo = Demo(port)
    browser = page("http://127.0.0.1:%d/" % port, os.path.join(E2E, "demo.png"), "restart")
    equal(browser.stdout.readline().strip(), "READY", "the page")
    equal(demo.stop(), 0, "exit code of the demo")
    demo = Demo(port)
    found = verdict_after(browser)
    check(found["found"]["proved"] not in ("", "–"), "chains proved: %s" % found)
    equal(demo.stop(), 0, "exit code of the demo")
    check(os.path.getsize(os.path.join(E2E, "demo.png")) > 10000, "the screenshot")


def verdict_after(browser):
    browser.stdin.write("\n")
    browser.stdin.flush()
    return verdict(browser)


@case
def tick_by_kcat_appears():
    """A tick published with the kcat line that the demo prints appears on the page."""
    demo = Demo(free_port())
    lines = [line.strip() for line in demo.said.splitlines() if "kcat" in line and "-P" in line]
    check(lines, "no kcat line in: %s" % demo.said)
    browser = page("http://127.0.0.1:%d/" % demo.port, os.path.join(E2E, "tick.png"), "tick")
    equal(browser.stdout.readline().strip(), "READY", "the page")
    line = re.sub(r"^[^a-z]*?((echo|printf|kcat)\b.*)$", r"\1", lines[0])
    subprocess.run(["bash", "-c", line], check=True, timeout=20, stdin=subprocess.DEVNULL)
    verdict_after(browser)
    equal(demo.stop(), 0, "exit code of the demo")


@case
def page_of_an_engine_on_epoll():
    """The same page from `run` with the epoll reactor and the fused topology."""
    with Engine(SYNTH, reactor="epoll", topology="fused") as e:
        verdict(page("http://127.0.0.1:%d/#%s" % (e.port, ",".join("ticker-S%d" % n for n in range(12))),
                     os.path.join(E2E, "epoll.png")))


@case
def clients_and_page_over_tls():
    """wss:// by npm ws, which verifies the certificate; https:// by Chromium."""
    cert = make_cert("localhost", "localhost")
    with Tls([cert], SYNTH) as e:
        code, out, err = run(["node", os.path.join(E2E, "ws_client.mjs"), "wss://localhost:%d/ws" % e.tls, "ticker-S1", "20", "30"],
                             60, env=dict(os.environ, NODE_EXTRA_CA_CERTS=cert[0]))
        check(code == 0, "ws_client.mjs: %s %s" % (out[-400:], err[-400:]))
        verdict(page("https://localhost:%d/#%s" % (e.tls, ",".join("ticker-S%d" % n for n in range(12))),
                     os.path.join(E2E, "tls.png")))


if __name__ == "__main__":
    need(TICKCAST, "node", "npm", "kcat", "/usr/bin/chromium")
    code, out, err = run([os.path.join(ROOT, "tests", "e2e", "setup.sh")], 300)
    check(code == 0, "set-up: %s" % (out + err)[-600:])
    main()
