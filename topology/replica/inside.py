"""Main's side of the sandbox: the scene is set, main runs, an error is carried out.

``sandbox`` is the launcher's side of the same door.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from topology.errors import FailstaticError, InputError, LabError, MachineError
from topology.replica.first import RUN
from topology.replica.forks import report

RUNDIR = RUN / "failstatic"
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_OPEN_FILES = 8192
"""Enough for a relay of 2,600 ends; far below the million at which Mininet's mnexec takes 0.1 s to close them all."""
_STOPPED = 128 + signal.SIGTERM
_LONGEST_STORY = 4000
"""Characters of a message or traceback: both together must fit into a pipe (64 kB) that nobody reads yet."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why main ended early, carried out to the launcher."""

    exit_status: int
    message: str
    remedy: str = ""
    traceback: str = ""
    """Only for what was not foreseen (no FailstaticError)."""

    @staticmethod
    def of(error: BaseException) -> Failure:
        if isinstance(error, MachineError):
            return Failure(error.exit_status, error.missing, error.remedy)
        if isinstance(error, FailstaticError):
            return Failure(error.exit_status, str(error)[:_LONGEST_STORY])
        story = "".join(traceback.format_exception(error))[-_LONGEST_STORY:]
        return Failure(LabError.exit_status, f"{type(error).__name__}: {error}"[:_LONGEST_STORY], traceback=story)

    def error(self) -> FailstaticError:
        """The same error again, to be raised in the launcher."""
        if self.exit_status == InputError.exit_status:
            return InputError(self.message)
        if self.exit_status == MachineError.exit_status:
            return MachineError(self.message, self.remedy)
        return LabError(self.message)


class Inside:
    """What main gets: where its files go, and the way to higher priority."""

    rundir = RUNDIR
    """On a tmpfs of the sandbox; sockets, pid files and databases belong here."""

    def __init__(self, name: str, guard: socket.socket) -> None:
        self.name = name
        self._guard = guard

    def lift(self, pid: int, rank: str = "relay") -> str:
        """Ask for the priority of a rank (``priority.RANKS``) for a process; returns what it has now.

        ``"SCHED_FIFO 50"``, ``"nice -20"``, ``"nice 0"``, or ``"gone"``. A nice value helps against
        other sessions only for a process in a session of its own (``start_new_session=True``).
        """
        answer, reply = os.pipe()
        try:
            with suppress(ProcessLookupError):
                _request(self._guard, json.dumps(rank).encode(), pid, reply)
        finally:
            os.close(reply)
        with os.fdopen(answer) as stream:
            return stream.read() or "gone"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where main's output goes and whether a human sits before it."""

    output: Path | None
    interactive: bool


def perform(main: Callable[[Inside], int], inside: Inside, stage: Stage, pipe: int) -> int:
    """Run main in its process; its exit status. Errors are reported through the pipe."""
    try:
        _set(stage)
        return main(inside)
    except KeyboardInterrupt:
        return _STOPPED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        failure = Failure.of(error)
        report(pipe, failure=asdict(failure))
        return failure.exit_status
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()


def system_path(path: str) -> str:
    """PATH with the folders of ip, tc and ovs-vswitchd, which an ordinary user's often lacks."""
    present = path.split(":") if path else ["/usr/local/bin", "/usr/bin", "/bin"]
    return ":".join([*present, *(folder for folder in _SYSTEM_FOLDERS if folder not in present)])


def _set(stage: Stage) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if not stage.interactive:
        _redirect(Path(os.devnull), os.O_RDONLY, 0)
    if stage.output is not None:
        _redirect(stage.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 1, 2)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES if hard < 0 else min(_OPEN_FILES, hard), hard))
    RUNDIR.mkdir()
    os.environ["PATH"] = system_path(os.environ.get("PATH", ""))
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="tmp-", dir=RUNDIR)


def _redirect(path: Path, flags: int, *targets: int) -> None:
    descriptor = os.open(path, flags, 0o644)
    for target in targets:
        os.dup2(descriptor, target)
    os.close(descriptor)


def _request(guard: socket.socket, text: bytes, pid: int, reply: int) -> None:
    """The kernel checks the pid and translates it into the guard's pid namespace."""
    sender = b"".join(number.to_bytes(4, sys.byteorder) for number in (pid, os.getuid(), os.getgid()))
    credentials = (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, sender)
    guard.sendmsg([text], [credentials, (socket.SOL_SOCKET, socket.SCM_RIGHTS, reply.to_bytes(4, sys.byteorder))])
