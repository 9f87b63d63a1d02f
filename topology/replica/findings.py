"""Looks at the machine and tries things in a throw-away sandbox; ``abilities`` judges."""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import json
import os
import platform
import shutil
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from topology.errors import MachineError
from topology.replica import frr, genetlink
from topology.replica.abilities import Findings
from topology.replica.inside import Inside, system_path
from topology.replica.links import LinkShape
from topology.replica.netem import first_commands
from topology.replica.sandbox import Sandbox

_SYSCTLS = (
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.unprivileged_userns_clone",
    "user.max_user_namespaces",
)
_PROGRAMS = (
    *("ip", "tc", "mnexec"),
    "etcd",
    *("ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl", "ovs-appctl"),
)
_MODULES = {
    "mininet": "mininet.net",
    "distutils": "distutils",
    "iperf3": "iperf3",
    "ryu": "ryu.base.app_manager",
    "os_ken": "os_ken.base.app_manager",
}
_TUNSETIFF, _TUNSETCARRIER = 0x400454CA, 0x400454E2
_IFF_TAP, _IFF_NO_PI = 0x2, 0x1000
_WITHIN_S = 5.0


def gather() -> Findings:
    """Everything that ``judge`` wants to know; about 0.1 s. Raises LabError when threads run."""
    programs = {name: _program(name) for name in _PROGRAMS} | {name: _program(name, frr.FOLDER) for name in frr.DAEMONS}
    trials, priority = _try_inside()
    return Findings(
        kernel=platform.release(),
        system=_system(),
        root=os.geteuid() == 0,
        container=any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")),
        loadable_modules=Path("/proc/modules").exists(),
        cores=_cores(),
        memory_mb=_memory_mb(),
        priority=priority,
        sysctls={name: text for name in _SYSCTLS if (text := _read(f"/proc/sys/{name.replace('.', '/')}"))},
        trials=trials,
        programs=programs,
        modules={**{name: _module(path) for name, path in _MODULES.items()}, "libiperf": _words(_load_libiperf)},
        switch_version=_version(programs["ovs-vswitchd"]),
    )


# --- tried in a sandbox ---------------------------------------------------------------------


def _try_inside() -> tuple[dict[str, str], str]:
    results, pipe = os.pipe()
    try:
        Sandbox("preflight", lambda inside: _try_all(inside, pipe)).run()
    except MachineError as error:
        os.close(pipe)
        os.close(results)
        return {"namespaces": error.missing}, ""
    os.close(pipe)
    with os.fdopen(results) as stream:
        trials = json.load(stream)
    return {"namespaces": "", **trials}, trials.pop("priority")


def _try_all(inside: Inside, pipe: int) -> int:
    place, netem, policer = first_commands("lo", LinkShape(delay_ms=1.0, rate_bps=1e6))
    results = {
        "tun": _words(_make_tap),
        "veth": _command("ip link add fs0 type veth peer name fs1"),
        "netem": _command(f"tc {netem}"),
        "policer": _command(f"tc {place}") or _command(f"tc {policer}"),
        "datapath": _words(lambda: genetlink.create_datapath("fs-preflight")),
        "priority": inside.lift(os.getpid()),
    }
    os.write(pipe, json.dumps(results).encode())
    return 0


def _make_tap() -> None:
    """Also what a relay needs to cut a link: TUNSETCARRIER (Linux 5.0)."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", b"fs-tap", _IFF_TAP | _IFF_NO_PI))
        fcntl.ioctl(descriptor, _TUNSETCARRIER, struct.pack("i", 0))
    finally:
        os.close(descriptor)


def _words(trial: Callable[[], object]) -> str:
    """What the kernel says against it; empty when it works."""
    try:
        trial()
    except OSError as error:
        return (error.strerror or str(error)) + (f": {error.filename}" if error.filename else "")
    return ""


def _command(line: str) -> str:
    try:
        done = subprocess.run(line.split(), capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else " ".join(done.stderr.split()) or f"status {done.returncode}"


# --- looked up ------------------------------------------------------------------------------


def _program(name: str, folder: Path | None = None) -> str:
    """Its path, empty when there is none; in ``folder``, or where a shell would look."""
    return shutil.which(name, path=str(folder) if folder else system_path(os.environ.get("PATH", ""))) or ""


def _version(program: str) -> str:
    """``ovs-vswitchd (Open vSwitch) 3.1.0`` → ``3.1.0``."""
    with suppress(OSError, subprocess.TimeoutExpired, IndexError):
        words = [program, "--version"]
        told = subprocess.run(words, capture_output=True, text=True, timeout=_WITHIN_S, check=False).stdout
        return told.splitlines()[0].split()[-1]
    return ""


def _module(path: str) -> str:
    try:
        return "" if importlib.util.find_spec(path) else f"no Python module {path}"
    except Exception as error:  # a package's own __init__ may raise anything
        return f"{path}: {error}"


def _load_libiperf() -> None:
    ctypes.CDLL("libiperf.so.0")


def _system() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return ""


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _cores() -> int:
    """What this process may use: affinity, and the quota of the control groups above it."""
    cores = len(os.sched_getaffinity(0))
    quotas = (cores_of_quota(_read(folder / "cpu.max")) for folder in _control_groups())
    return min([cores, *(quota for quota in quotas if quota)])


def cores_of_quota(text: str) -> int | None:
    """``cpu.max`` of a control group → whole cores, at least one; None without a limit."""
    quota, _, period = text.partition(" ")
    return max(1, int(quota) // int(period)) if quota.isdecimal() and period.isdecimal() else None


def _memory_mb() -> int:
    lines = dict(line.split(":", 1) for line in _read("/proc/meminfo").splitlines())
    free = int(lines.get("MemAvailable", "0 kB").split()[0]) * 1024
    for folder in _control_groups():
        if (limit := _read(folder / "memory.max")).isdecimal():
            free = min(free, int(limit) - int(_read(folder / "memory.current") or 0))
    return free // 2**20


def _control_groups() -> list[Path]:
    """Our control group (version 2) and those above it; the top one has no limits."""
    for line in _read("/proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            own = Path("/sys/fs/cgroup", line[3:].lstrip("/"))
            return [own, *(above for above in own.parents if above.is_relative_to("/sys/fs/cgroup"))]
    return []
