"""The two daemons of one PoP's Open vSwitch: start, wait, ask, stop.

All PoPs start side by side: every step is *begin* and *await* apart, so the caller
begins it for all and then awaits it for all. Command lines come from ``topology.replica.ovs``.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from topology.errors import LabError
from topology.replica import ovs

START_S = 20.0
"""How long a daemon may take to come up: generous, for emulated and overloaded machines."""
_LAST_LINES = 8

Key = TypeVar("Key")


def wait_for(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    """Return once ``condition`` holds; LabError names ``what`` after ``deadline_s`` seconds."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {deadline_s:g} s")
        time.sleep(0.002)


def run_all(commands: Mapping[Key, ovs.Command], deadline_s: float = START_S) -> dict[Key, str]:
    """Run these side by side; their output. LabError with the complaint of the first that fails."""
    outputs: dict[Key, str] = {}
    for key, answer in try_all(commands, deadline_s).items():
        if isinstance(answer, LabError):
            raise answer
        outputs[key] = answer
    return outputs


def try_all(commands: Mapping[Key, ovs.Command], deadline_s: float = START_S) -> dict[Key, str | LabError]:
    """The same, with the complaints among the outputs."""
    running = {key: _spawn(command) for key, command in commands.items()}
    try:
        return {key: _answer(commands[key][0], process, deadline_s) for key, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()


class VSwitch:
    """One PoP's ovsdb-server and ovs-vswitchd, in the network namespace of the node's shell."""

    def __init__(self, place: ovs.Place, node_pid: int, empty: Path) -> None:
        """``empty`` is a fresh database to begin with."""
        self.place, self._node_pid, self._empty = place, node_pid, empty
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._new = False
        """Whether ovs-vswitchd has been started again and not been ready since."""

    @property
    def vswitchd_pid(self) -> int:
        return self._daemons["ovs-vswitchd"].pid

    @property
    def database_pid(self) -> int:
        return self._daemons["ovsdb-server"].pid

    def running(self) -> bool:
        return len(self._daemons) == 2 and all(daemon.poll() is None for daemon in self._daemons.values())

    def begin_database(self) -> None:
        """A second start keeps what the first had: bridge, ports and controller, not the rules."""
        self.place.home.mkdir(parents=True, exist_ok=True)
        if not self.place.database.exists():
            shutil.copyfile(self._empty, self.place.database)
        self._launch(ovs.database_server(self.place))

    def begin_switch(self) -> None:
        """Waits for the database first: ovs-vswitchd would try again only after a second."""
        self.wait_until(self._database_answers, "ovsdb-server")
        self._launch(ovs.vswitchd(self.place))

    def wait_until(self, condition: Callable[[], bool], daemon: str) -> None:
        """As ``wait_for``, but a daemon that dies or stays silent is reported with its last words."""
        process = self._daemons[daemon]
        try:
            wait_for(lambda: condition() or process.poll() is not None, START_S, f"{daemon} of {self.place.pop}")
        except LabError as error:
            raise LabError(f"{error}\n{self._last_words(daemon)}") from None
        if process.returncode is not None:
            raise LabError(self.obituary())

    def obituary(self) -> str:
        """Which daemons are no longer there, and the last lines of what each of them logged; "" if none."""
        ends = {name: daemon.poll() for name, daemon in self._daemons.items()}
        return "\n".join(
            f"{name} of {self.place.pop} ended with status {status}:\n{self._last_words(name)}"
            for name, status in ends.items()
            if status is not None
        )

    def crash(self) -> None:
        """SIGKILL to ovs-vswitchd, not waiting for its end; the database stays. May be called twice."""
        self._daemons["ovs-vswitchd"].kill()

    def begin_restart(self) -> None:
        """After a crash."""
        self._daemons["ovs-vswitchd"].wait()
        self._new = True
        self.begin_switch()

    def ready(self) -> bool:
        """Whether the bridge, after a restart, has its ports and answers. Raises LabError if a daemon is gone."""
        if not self.running():
            raise LabError(self.obituary())
        if self._new and _answers(self.place.management_socket):
            run_all({"ovs-vswitchd": self.caching()})
            self._new = False
        return not self._new

    def caching(self) -> ovs.Command:
        """What every new ovs-vswitchd must be told as soon as it is ready."""
        return ovs.cache_exactly(self.place, self.vswitchd_pid)

    def begin_stop(self) -> None:
        """SIGTERM, so that interfaces go back as they were."""
        for daemon in self._daemons.values():
            daemon.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """``begin_stop``, and SIGKILL for what does not listen."""
        self.begin_stop()
        for daemon in self._daemons.values():
            try:
                daemon.wait(2.0)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()

    def _last_words(self, daemon: str) -> str:
        files = (self.place.log(daemon), self._complaints(daemon))
        lines = [line for file in files if file.exists() for line in file.read_text(errors="replace").splitlines()]
        return "\n".join(lines[-_LAST_LINES:])

    def _launch(self, command: ovs.Command) -> None:
        daemon = command[0]
        with self._complaints(daemon).open("wb") as complaints:
            self._daemons[daemon] = subprocess.Popen(
                ovs.inside(self._node_pid, command),
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                env={**os.environ, **self.place.environment()},
            )

    def _complaints(self, daemon: str) -> Path:
        return self.place.home / f"{daemon}.err"

    def _database_answers(self) -> bool:
        return _answers(self.place.database_socket)


def _answers(listener: Path) -> bool:
    """Whether somebody listens on this Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(listener)) == 0


def _spawn(command: ovs.Command) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _answer(name: str, process: subprocess.Popen[str], deadline_s: float) -> str | LabError:
    try:
        return _output(name, process, deadline_s)
    except LabError as error:
        return error


def _output(name: str, process: subprocess.Popen[str], deadline_s: float) -> str:
    try:
        output, complaint = process.communicate(timeout=deadline_s)
    except subprocess.TimeoutExpired:
        raise LabError(f"{name}: no answer within {deadline_s:g} s") from None
    if process.returncode != 0:
        raise LabError(f"{name} ended with {process.returncode}: {complaint.strip() or output.strip()}")
    return output
