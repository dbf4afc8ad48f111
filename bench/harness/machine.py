# SPDX-License-Identifier: Apache-2.0
"""What has to be known about the machine and the build to read a figure."""
import json
import os
import pathlib
import platform
import subprocess

from . import ROOT, process


def output(*command):
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def cpu_facts():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    rows = {k.strip(): v.strip() for k, v in rows.items()}
    is_virtual = "hypervisor" in rows.get("flags", "").split()
    return {"cpu": rows.get("model name", platform.machine()), "cores": os.cpu_count(), "virtual": is_virtual}


def build_facts(build):
    """Compiler and flags of the bus, which every other file of the engine is compiled with too."""
    try:
        rows = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
        command = next(r["command"] for r in rows if r["file"].endswith("core/bus/bus.c")).split()
    except (OSError, ValueError, StopIteration):
        return {}
    flags = [w for w in command[1:] if w.startswith(("-O", "-f", "-m", "-g", "-std", "-U", "-D")) and str(ROOT) not in w]
    compiler = output(command[0], "--version").splitlines()[:1]
    return {"compiler": compiler[0] if compiler else command[0], "flags": " ".join(flags)}


def libraries():
    """Versions of the libraries that figures depend on, as pkg-config knows them (of the private prefix first)."""
    found = {}
    prefix = ":".join(str(p) for p in (ROOT / "build" / "deps" / "usr" / "lib").glob("*/pkgconfig"))
    for name in ("liburing", "libnghttp2", "openssl", "rdkafka", "grpc++", "protobuf", "libprotobuf-c"):
        version = output("env", f"PKG_CONFIG_PATH={prefix}", "pkg-config", "--modversion", name)
        if version:
            found[name] = version
    return found


def memory_ns(build, cpus):
    """{MiB: ns of a read that needs the one before it}, as neighbours leave the caches now; {} where it is not built."""
    program = build / "bench" / "memory"
    try:
        done = subprocess.run([program], preexec_fn=process.prepare(cpus), capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}


def facts(build):
    """One flat record, the same for all scenarios of one start."""
    memory_kb = next(line.split()[1] for line in open("/proc/meminfo", encoding="utf-8") if line.startswith("MemTotal:"))
    commit = output("git", "rev-parse", "--short", "HEAD") or "none"
    dirty = "+changes" if output("git", "status", "--porcelain", "--untracked-files=no") else ""
    return cpu_facts() | {
        "memory_mib": int(memory_kb) // 1024, "kernel": platform.release(), "libc": " ".join(platform.libc_ver()),
        "tcp": pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text(encoding="utf-8").strip(),
        "commit": commit + dirty, **build_facts(build), "libraries": libraries(),
    }
