"""The controller as a process that can be started, killed, hung and resumed: ``ControllerProcess``.

Everything it claims comes from the kernel: ``state`` from the process table, "listens"
from the TCP table of the process's network namespace. Knows nothing of Ryu: any command
that listens on a port will do.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from controller.orders import Order, dump
from controller.throttle import Throttle
from topology.addressing import OPENFLOW_PORT
from topology.errors import LabError
from topology.replica.namespaces import enter_network

OnLine = Callable[[Mapping[str, Any]], None]
"""Called, from a thread of its own, with each log line; a line on stderr comes as ``what: "stderr"``."""

_START_DEADLINE_S = 20.0
_SIGNAL_DEADLINE_S = 2.0
_POLL_MS = 5
_LAST_WORDS = 20
_TCP_LISTEN = "0A"
_CPUCLOCK_SCHED = 2
"""Of a process's clock id, ~pid << 3 | this: what clock_getcpuclockid(3) computes, which Python does not offer."""


def command(topology: Path, settings: str, *, framework: str = "ryu", port: int = OPENFLOW_PORT) -> list[str]:
    """The command line of ``controller.__main__``; ``settings`` is BrainSettings as JSON."""
    options = ["--topology", str(topology.resolve()), "--settings", settings]
    return [sys.executable, "-m", "controller", *options, "--framework", framework, "--port", str(port)]


def contest(name: str, election: str, ports: Sequence[int]) -> list[str]:
    """More words for that command line: one of several brains; ``election`` is ElectionSettings as JSON."""
    return ["--name", name, "--election", election, "--store", ",".join(map(str, ports))]


class ControllerProcess:
    """One controller, started again after each kill. ``BrainControl`` but for ``connected``; ``Metered``.

    ``namespace_pid`` is a process in whose network namespace it runs (None: ours);
    ``deadline_s`` bounds the time from start to listening.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        namespace_pid: int | None = None,
        port: int = OPENFLOW_PORT,
        on_line: OnLine = lambda _line: None,
        deadline_s: float = _START_DEADLINE_S,
        title: str = "controller",
    ) -> None:
        self._command = list(command)
        self._namespace_pid = namespace_pid
        self.port = port
        self._on_line, self._title = on_line, title
        self._deadline_s = deadline_s
        self.memory = ""
        """What the next start begins with (``controller.memory``); empty: as the command says."""
        self._child: subprocess.Popen[str] | None = None
        self._throttle: Throttle | None = None
        self._readers: tuple[threading.Thread, ...] = ()
        self._words: Counter[str] = Counter()
        self._newest: dict[str, Mapping[str, Any]] = {}
        self._stderr: deque[str] = deque(maxlen=_LAST_WORDS)

    @property
    def pid(self) -> int | None:
        """None when it is gone."""
        return self._child.pid if self._child is not None and self.state() != "gone" else None

    def start(self) -> None:
        """Start it and wait until it listens; nothing to do when it runs already.

        Raises LabError with its last words when it dies or does not listen in time.
        """
        if self.state() != "gone":
            return
        self._reap()
        self._stderr.clear()
        self._child = child = self._spawn()
        self._readers = (self._reader(child.stdout, self._take_line), self._reader(child.stderr, self._take_error))
        try:
            _wait(lambda: listens(child.pid, self.port), self._deadline_s, child.pid)
        except LabError as error:
            self.kill()
            message = f"the {self._title} does not listen on port {self.port}: {error}"
            raise LabError(message + self._last_words()) from None

    def kill(self) -> None:
        """SIGKILL, paused or not, and wait until it is gone from the process table."""
        if self._child is not None:
            self._child.kill()
        self._reap()

    def pause(self) -> None:
        """SIGSTOP: hung, but its sockets stay open. Returns when the kernel says so."""
        self._signal(signal.SIGSTOP, "stopped")

    def resume(self) -> None:
        self._signal(signal.SIGCONT, "running")

    def throttle(self, share: float, period_s: float) -> None:
        """Let it compute for that share (0…1) of each period only; 1 ends it. Nothing happens when it is gone."""
        if self._throttle is not None:
            self._throttle.end()
        self._throttle = Throttle(self.pid, share, period_s) if share < 1 and self.pid is not None else None

    def tell(self, order: Order) -> None:
        """A line on its standard input: obeyed when it next looks, lost when it is gone."""
        if self._child is not None and self._child.stdin is not None and self.state() != "gone":
            with suppress(OSError):  # it ends just now
                self._child.stdin.write(dump(order) + "\n")
                self._child.stdin.flush()

    def said(self, what: str) -> int:
        """How many lines of this kind it has logged, over all its lives."""
        return self._words[what]

    def last(self, what: str) -> Mapping[str, Any]:
        """The newest of them; empty without any."""
        return self._newest.get(what, {})

    def state(self) -> str:
        """``"running"``, ``"stopped"`` or ``"gone"``, from the kernel's process table."""
        return process_state(self._child.pid) if self._child is not None else "gone"

    def cpu_s(self) -> float:
        """Processor time of all its threads so far (s): clock_getcpuclockid(3). Raises LabError when it is gone."""
        with suppress(OSError):  # it ends just now
            if (pid := self.pid) is not None:
                return time.clock_gettime_ns(~pid << 3 | _CPUCLOCK_SCHED) / 1e9
        raise LabError("no controller is running whose processor time could be read")

    # -------------------------------------------------------------- starting

    def _spawn(self) -> subprocess.Popen[str]:
        """A child inherits the network namespace of the *thread* that forks it.

        So a thread of our own enters it and forks: no code runs between fork and exec
        (preexec_fn may deadlock in a process with threads), and we stay where we are.
        """
        outcome: list[subprocess.Popen[str] | Exception] = []
        thread = threading.Thread(target=lambda: outcome.append(self._fork()), name="fork-controller")
        thread.start()
        thread.join()
        if isinstance(outcome[0], Exception):
            raise LabError(f"the {self._title} cannot be started: {outcome[0]}") from outcome[0]
        return outcome[0]

    def _fork(self) -> subprocess.Popen[str] | Exception:
        try:
            if self._namespace_pid is not None:
                enter_network(self._namespace_pid)
            return subprocess.Popen(
                [*self._command, *(("--memory", self.memory) if self.memory else ())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=environment(),
            )
        except OSError as error:
            return error

    # -------------------------------------------------------------- ending

    def _signal(self, number: signal.Signals, state: str) -> None:
        if self._child is None or self.state() == "gone":
            raise LabError(f"no controller is running that could be sent {number.name}")
        self._child.send_signal(number)
        _wait(lambda: self.state() == state, _SIGNAL_DEADLINE_S, self._child.pid)

    def _reap(self) -> None:
        """Collect a child that is dying or dead, and what it still had to say."""
        if self._child is None:
            return
        self.throttle(1.0, 0.0)
        self._child.wait()
        for reader in self._readers:
            reader.join()
        if self._child.stdin is not None:
            with suppress(OSError):  # what it never read
                self._child.stdin.close()
        self._child, self._readers = None, ()

    # -------------------------------------------------------------- listening to it

    def _reader(self, stream: IO[str] | None, take: Callable[[str], None]) -> threading.Thread:
        assert stream is not None

        def read() -> None:
            with stream:
                for line in stream:
                    take(line.rstrip("\n"))

        thread = threading.Thread(target=read, name="controller-log", daemon=True)
        thread.start()
        return thread

    def _take_line(self, text: str) -> None:
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        told = line if isinstance(line, dict) else {"what": "stdout", "line": text}
        what = str(told.get("what"))
        self._words[what] += 1
        self._newest[what] = told
        self._on_line(told)

    def _take_error(self, text: str) -> None:
        self._stderr.append(text)
        self._on_line({"what": "stderr", "t_ns": time.time_ns(), "line": text})

    def _last_words(self) -> str:
        return "".join(f"\n  {line}" for line in self._stderr)


def environment() -> dict[str, str]:
    """Ours, with the project on the module path and start-up kept short."""
    root = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    quick = {}
    if sys.version_info < (3, 12):
        # Ryu imports distutils: Python's own takes 5 ms, the one that setuptools puts in its place 95 ms.
        quick["SETUPTOOLS_USE_DISTUTILS"] = "stdlib"
    return {**os.environ, "PYTHONPATH": path, **quick}


def process_state(pid: int) -> str:
    """``"running"``, ``"stopped"`` or ``"gone"`` (a zombie is gone): /proc/PID/stat, field 3 (proc(5))."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
    return {"T": "stopped", "t": "stopped", "Z": "gone", "X": "gone"}.get(letter, "running")


def listens(pid: int, port: int) -> bool:
    """Whether process ``pid`` itself, and none other in its network namespace, listens on TCP ``port``."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listening(Path(f"/proc/{pid}/net/{table}"), port)}
    return bool(inodes) and not inodes.isdisjoint(_sockets(pid))


def _listening(table: Path, port: int) -> set[str]:
    """Inodes of the sockets that listen on ``port`` (proc_net_tcp: local address, state and inode)."""
    try:
        rows = [row.split() for row in table.read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return set()
    return {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == _TCP_LISTEN}


def _sockets(pid: int) -> set[str]:
    """Inodes of the sockets that a process has open; none of one that just ended."""
    found = set()
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 (names, read as links at once)
            with suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{descriptor}")  # noqa: PTH115 (not a path)
                found.add(target.removeprefix("socket:[").removesuffix("]"))
    return found


def _wait(condition: Callable[[], bool], deadline_s: float, pid: int) -> None:
    """Until ``condition`` holds. Raises LabError when the deadline passes or our child ``pid`` ends first."""
    ends_s = time.monotonic() + deadline_s
    descriptor = os.pidfd_open(pid)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        while not condition():
            if ended.poll(_POLL_MS):
                raise LabError("it died")
            if time.monotonic() > ends_s:
                raise LabError(f"still not after {deadline_s:g} s")
    finally:
        os.close(descriptor)
