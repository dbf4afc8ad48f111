# SPDX-License-Identifier: Apache-2.0
"""The load generator: its command line, what it can do, and the windows that it prints."""
import json
import re
import subprocess

from . import Absent, Void, process

FLAGS = {"follow": 1, "procs": 1, "slow": 0, "churn": 0}  # with the value at which they are not needed
ENDED = "it ended with {}"


class Generator:
    def __init__(self, build, cpus):
        self.program, self.cpus = build / "bench" / "loadgen", cpus
        self.dialects = set()
        if self.program.exists():
            done = subprocess.run([self.program, "--help"], capture_output=True, text=True, check=False, timeout=10)
            self.dialects = set(re.findall(r"^  ([a-z]+) ", done.stdout.partition("dialects:\n")[2], re.M))

    def judge(self, run):
        """Absent if the generator of this build cannot speak to the run's server."""
        if not self.program.exists():
            raise Absent(f"{self.program} is not built")
        if run["dialect"] not in self.dialects:
            raise Absent(f"the load generator of this build has no dialect {run['dialect']}")

    def start(self, run, server, *more):
        self.judge(run)
        command = [self.program, "--json", "--connect", f"127.0.0.1:{server.port}", "--dialect", run["dialect"],
                   "--conns", run["clients"] // run["engines"], "--rooms", run["rooms"], "--pid", ",".join(map(str, server.pids))]
        for key, none in FLAGS.items():
            command += [f"--{key}", run[key]] if run[key] != none else []
        command += ["--path", run["path"]] if run.get("path") else []
        command += [f"--{key}" for key in ("tls", "saturate") if run[key]]
        return Load(process.start(command + list(more), self.cpus, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE))


class Load:
    """One generator at work."""

    def __init__(self, child):
        self.child = child

    def await_ready(self):
        """Returns when all connections are up; Void if the generator ended instead."""
        line = self.child.stdout.readline()
        if '"ready"' not in line:
            self.fail()

    def fail(self, err=None):
        """Void with the last thing that it said."""
        try:
            lines = (self.child.communicate(timeout=30)[1] if err is None else err).strip().splitlines()
        except subprocess.TimeoutExpired:
            self.kill()
            lines = ["it did not end"]
        raise Void(f"the generator: {lines[-1] if lines else ENDED.format(self.child.returncode)}")

    def begin(self):
        """The end of --hold."""
        self.child.stdin.close()
        self.child.stdin = None  # for communicate()

    def window(self, seconds):
        """The one window that was asked for."""
        try:
            out, err = self.child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Void("the generator did not end") from None
        lines = [line for line in out.splitlines() if '"valid"' in line]
        if not lines:
            self.fail(err)
        return json.loads(lines[-1])

    def release(self):
        """The end of --idle."""
        try:
            self.child.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
