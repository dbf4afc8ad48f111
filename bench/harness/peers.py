# SPDX-License-Identifier: Apache-2.0
"""Peers: servers of others that do the same task (bench/peers/NAME: peer.toml, setup.sh, start.sh)."""
import difflib
import os
import subprocess
import time
import tomllib

from . import ROOT, Absent, Refused, Void, process, spec

SETUP_SECONDS, START_SECONDS = 900, 60
KEYS = {"name": (str, None), "title": (str, ""), "version": (str, ""), "dialect": (spec.DIALECTS, None), "path": (str, ""),
        "has_publisher": (bool, False), "off": (list, []), "note": (str, "")}


class Peers:
    def __init__(self, folder, build):
        self.folder, self.build = folder, build
        self.absent = {}  # name: why it cannot be had
        self.ready = {}  # name: what peer.toml says, and its version

    def names(self):
        return sorted(p.parent.name for p in self.folder.glob("*/peer.toml"))

    def judge(self, names):
        """Refused if one of the names is no peer."""
        for name in names:
            if name not in self.names():
                near = difflib.get_close_matches(name, self.names(), 3, 0.5) or self.names()
                raise Refused(f"no peer '{name}'; {'near' if near != self.names() else 'there are'}: {', '.join(near) or 'none'}")

    def is_new(self, name):
        """Whether about() will take its time."""
        return name not in self.ready and name not in self.absent

    def place(self, name):
        return ROOT / "build" / "bench-peers" / name

    def about(self, name):
        """What peer.toml says; set up on the first call. Absent if it cannot be had."""
        if name in self.absent:
            raise Absent(self.absent[name])
        if name not in self.ready:
            try:
                self.ready[name] = self.set_up(name)
            except Absent as why:
                self.absent[name] = str(why)
                raise
        return self.ready[name]

    def set_up(self, name):
        home = self.folder / name
        if not (home / "peer.toml").exists():
            raise Absent(f"{name} is not there: no {home}/peer.toml")
        with open(home / "peer.toml", "rb") as f:
            about = spec.checked(spec.shown(home / "peer.toml"), "", tomllib.load(f), KEYS)
        place = self.place(name)
        place.mkdir(parents=True, exist_ok=True)
        env = os.environ | {"PEER_DIR": str(place), "TC_BUILD": str(self.build)}
        if (home / "setup.sh").exists():
            log = place.parent / f"{name}.log"
            with open(log, "w", encoding="utf-8") as out:
                done = subprocess.run([home / "setup.sh", place], stdout=out, stderr=subprocess.PIPE, text=True, check=False,
                                      env=env, timeout=SETUP_SECONDS)
            if done.returncode != 0:
                why = (done.stderr.strip().splitlines() or [f"setup.sh ended with {done.returncode}"])[-1]
                raise Absent(f"{name} cannot be had: {why}")
        if about["version"]:
            done = subprocess.run(["/bin/sh", "-c", about["version"]], cwd=place, env=env, capture_output=True, text=True, check=False, timeout=30)
            about["version"] = (done.stdout.strip().splitlines() or ["unknown"])[0]
        return about

    def start(self, name, run, folder, port, publisher_cpus):
        """(process, pids of which the CPU is the server's), when it listens."""
        self.about(name)
        out, err = folder / f"{name}.out", folder / f"{name}.log"
        command = [self.folder / name / "start.sh", self.place(name), port, run["rate"], run["burst"], run["payload"], run["rooms"],
                   ",".join(map(str, publisher_cpus))]
        with open(out, "w", encoding="utf-8") as o, open(err, "w", encoding="utf-8") as e:
            child = process.start(command, run["cpus"], stdout=o, stderr=e)
        try:
            pids = await_ready(child, out)
        except BaseException:
            child.terminate()
            raise
        if pids:
            return child, pids
        code = child.poll()
        if code is None:
            process.stop(child, name)
        raise Void(f"{name} " + ("did not get ready" if code is None else f"ended with {code}"))


def await_ready(child, out):
    """The pids of the line `ready PID,...` in the file; None if the child ended or took too long."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and child.poll() is None:
        for line in out.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.startswith("ready ") and line.endswith("\n"):
                return [int(pid) for pid in line.split()[1].split(",")]
        time.sleep(0.05)
    return None
