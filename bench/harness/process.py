# SPDX-License-Identifier: Apache-2.0
"""Programs that are started, pinned, watched and ended; and the limits of the machine that they meet."""
import errno
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

from . import Refused, Void

SPARE_FILES = 256  # listeners, rings, logs, epoll
PORTS_PER_ADDRESS = 28000


def prepare(cpus):
    """What a child does before it becomes the program: its cores, and all descriptors that it may have."""
    def inside():
        os.sched_setaffinity(0, set(cpus))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return inside


def start(command, cpus, **streams):
    try:
        return subprocess.Popen([str(c) for c in command], preexec_fn=prepare(cpus), **streams)
    except OSError as why:
        raise Void(f"{command[0]}: {why.strerror}") from None


def stop(process, what):
    """Ends it and waits for its end; Void if that was not clean."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Void(f"{what} did not stop") from None
    if process.returncode != 0:
        raise Void(f"{what} ended with {process.returncode}")


def take_port(fixed=0):
    """A port of loopback that nobody has, or the fixed one if it is free."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", fixed))
        except OSError as why:
            if why.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise Refused(f"port {fixed} of 127.0.0.1 cannot be had ({why.strerror}): end what uses it, give another one with "
                          "--port, or leave --port out for a free one", 3) from None
        return s.getsockname()[1]


def await_port(port, process, what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Void(f"{what} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Void(f"{what} does not listen")


def judge_files(run, name):
    """Refused if a process of this run would need more descriptors than it may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        return
    for what, conns in (("the server", run["clients"] // run["engines"]), ("the generator", -(-run["clients"] // run["engines"] // run["procs"]))):
        need = conns + SPARE_FILES
        if need > hard:
            raise Refused(f"{name}: {what} needs {need} open files in one process for {conns} connections, the hard limit is {hard} "
                          f"(RLIMIT_NOFILE). Raise it: `ulimit -Hn {need}` as root in the shell that starts this, LimitNOFILE={need} in a "
                          "systemd unit, or `nofile` in /etc/security/limits.conf; and fs.nr_open if that is lower", 3)


def rss_bytes(pids):
    total = 0
    for pid in pids:
        rows = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        total += sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("VmRSS:"))
    return total


def cpu_ns(pids):
    """CPU of all threads, to the nanosecond where the scheduler says it."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text(encoding="utf-8").split()[0])
    return total
