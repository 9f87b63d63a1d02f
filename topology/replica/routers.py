"""The routing daemons of all PoPs: their accounts, folders, interfaces and processes, inside the sandbox.

Texts and command lines come from ``topology.replica.frr``. The daemons stay in the foreground, so
they die with the sandbox; their configuration and logs lie below ``rundir``/``<pop>``/frr.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from topology.errors import LabError
from topology.igp import Igp
from topology.model import Topology
from topology.replica import frr, namespaces, plumbing
from topology.replica.vswitch import START_S, wait_for

_LAST_LINES = 8


class Routers:
    """``pid`` gives a process in a PoP's network namespace; bridges with their router ports are there."""

    def __init__(self, topology: Topology, igp: Igp, rundir: Path, pid: Callable[[str], int]) -> None:
        self._topology, self._igp, self._rundir, self._pid = topology, igp, rundir, pid
        self._daemons: dict[tuple[str, str], subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """All of them; returns when each has its sockets. Raises LabError with the last words of one that died."""
        try:
            _furnish(self._rundir)
        except OSError as error:
            raise LabError(f"no room for routing daemons: {error}") from error
        pops = self._topology.names
        plumbing.run_batches({self._pid(pop): frr.interface_lines(self._topology, pop) for pop in pops})
        for name in frr.DAEMONS:
            for pop in pops:
                self._daemons[pop, name] = self._begin(pop, name)
            for pop in pops:
                self._await(pop, name)

    def home(self, pop: str) -> Path:
        return self._rundir / pop / "frr"

    def pids(self) -> dict[tuple[str, str], int]:
        """(PoP, daemon) → its process."""
        return {key: process.pid for key, process in self._daemons.items()}

    def obituary(self) -> str:
        """Which daemons have ended, with the last lines of their logs; "" if none."""
        return "\n".join(
            f"{name} of {pop} ended with status {process.returncode}:\n{self._last_words(pop, name)}"
            for (pop, name), process in self._daemons.items()
            if process.poll() is not None
        )

    def _begin(self, pop: str, name: str) -> subprocess.Popen[bytes]:
        home = self.home(pop)
        home.mkdir(exist_ok=True)
        (home / f"{name}.conf").write_text(frr.configuration(self._topology, pop, self._igp)[name])
        (frr.RUN_FOLDER / pop).mkdir(parents=True, exist_ok=True)
        with (home / f"{name}.err").open("wb") as complaints:
            return subprocess.Popen(
                namespaces.within(self._pid(pop), frr.daemon(name, pop, home)),
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
            )

    def _await(self, pop: str, name: str) -> None:
        """Until it has opened its terminal socket, which comes after its configuration was read."""
        process, socket = self._daemons[pop, name], frr.RUN_FOLDER / pop / f"{name}.vty"
        wait_for(lambda: socket.exists() or process.poll() is not None, START_S, f"{name} of {pop}")
        if process.returncode is not None:
            raise LabError(self.obituary())

    def _last_words(self, pop: str, name: str) -> str:
        files = (self.home(pop) / f"{name}.err", self.home(pop) / f"{name}.log")
        lines = [line for file in files if file.exists() for line in file.read_text(errors="replace").splitlines()]
        return "\n".join(lines[-_LAST_LINES:])


def _furnish(rundir: Path) -> None:
    """FRR's accounts and folders, seen in this sandbox only; once."""
    if frr.SCRATCH_FOLDER.parent.is_mount():
        return
    for name, lines in frr.ACCOUNTS.items():
        ours, theirs = rundir / name, Path("/etc") / name
        known = [line for line in theirs.read_text().splitlines() if not line.startswith(("frr:", "frrvty:"))]
        ours.write_text("\n".join([*known, lines, ""]))
        namespaces.mount(str(ours), theirs, flags=namespaces.MS_BIND)
    guarded = namespaces.MS_NOSUID | namespaces.MS_NODEV
    namespaces.mount("tmpfs", frr.SCRATCH_FOLDER.parent, "tmpfs", guarded, "mode=1777,size=64m")
    frr.SCRATCH_FOLDER.mkdir()
