"""A place to build a network in, of which nothing is left. The launcher's side.

Own user, mount, pid, network, ipc and uts namespaces, as root too. ``inside`` is main's
side, ``guard`` has the processes between, ``namespaces`` the system calls. Everything
inside dies with the sandbox, and the sandbox with the thread that started it, however
that ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from topology.errors import LabError, MachineError
from topology.replica.first import RUN
from topology.replica.forks import Orders, exit_status
from topology.replica.guard import fork_guard
from topology.replica.inside import RUNDIR, Failure, Inside, Stage, perform

__all__ = ["RUNDIR", "Failure", "Inside", "Sandbox"]

_SIGNALLED = 128
REFUSED = "Run it as root (sudo), or allow user namespaces; `failstatic doctor` says how"


class Sandbox:
    """Runs ``main(inside)`` in namespaces of its own; use it as a context, or by hand.

    ``output`` takes main's stdout and stderr, which else pass through. ``interactive`` leaves
    stdin and Ctrl-C to main, as long as the launcher is in ``run``.
    """

    def __init__(
        self, name: str, main: Callable[[Inside], int], *, output: Path | None = None, interactive: bool = False
    ) -> None:
        self.name = name
        self.failure: Failure | None = None
        """Set when ``start`` or ``wait`` has seen main end by an error."""
        self._main, self._stage = main, Stage(output, interactive)
        self._guard = self._report = -1
        self._watch: dict[str, int] = {}
        self._status: int | None = None
        self._stopping = False

    def start(self) -> None:
        """Return when main is about to run. Raises MachineError where the kernel refuses.

        Raises LabError when the program has threads: a fork copies their locks in whatever
        state they are.
        """
        _check_start(threading.enumerate())
        sys.stdout.flush()
        sys.stderr.flush()
        self._report, pipe = os.pipe()
        try:
            self._guard = self._fork(pipe)
        finally:
            os.close(pipe)
        self._watch["guard"] = os.pidfd_open(self._guard)
        try:
            self._meet()
        except BaseException:
            self.stop()
            raise

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Main's exit status once everything inside is gone; None when it still runs at the time-out.

        128 + n when signal n ended it.
        """
        if self._status is None and self._watch and _ended(self._watch["guard"], timeout_s):
            self._status = exit_status(os.waitpid(self._guard, 0)[1])
            self._take_rest()
            self._close()
            if self._status > _SIGNALLED and not self.failure and not self._stopping:
                self.failure = Failure(LabError.exit_status, f"'{self.name}' was killed ({_cause(self._status)})")
        return self._status

    def stop(self, grace_s: float = 0.0) -> None:
        """End it and return when nothing of it is left. Safe to call twice.

        With a grace main first gets SIGTERM, which raises KeyboardInterrupt in it.
        """
        self._stopping = True
        if grace_s > 0 and self._alive():
            self._signal("main", signal.SIGTERM)
            self.wait(grace_s)
        if self._alive():
            self._signal("first" if "first" in self._watch else "guard", signal.SIGKILL)
            self.wait()

    def run(self) -> int:
        """Start, wait, and raise here what main raised, as a FailstaticError."""
        with _deaf() if self._stage.interactive else nullcontext(), self:
            status = self.wait()
        if self.failure is not None:
            raise self.failure.error()
        return status or 0

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _fork(self, pipe: int) -> int:
        main, name, stage = self._main, self.name, self._stage
        orders = Orders(lambda guard: perform(main, Inside(name, guard), stage, pipe), pipe, stage.interactive)
        with warnings.catch_warnings():  # numpy's threads, idle and fork-safe, make Python >= 3.12 warn
            warnings.simplefilter("ignore", DeprecationWarning)
            return fork_guard(orders)

    def _meet(self) -> None:
        """Learn the pids, or why there are none."""
        hello = _read_line(self._report)
        if "first" not in hello:
            self._take(hello)
            self.wait()
            raise MachineError(self.failure.message if self.failure else "the sandbox did not start", REFUSED)
        for who in ("first", "main"):
            with suppress(ProcessLookupError):  # it may have ended by now
                self._watch[who] = os.pidfd_open(hello[who])

    def _take(self, told: dict[str, Any]) -> None:
        if "missing" in told:
            self.failure = Failure(MachineError.exit_status, told["missing"], REFUSED)
        elif "failure" in told:
            self.failure = Failure(**told["failure"])

    def _take_rest(self) -> None:
        """All who could report are gone: read to the end."""
        with os.fdopen(self._report, "rb", closefd=False) as stream:
            for line in stream:
                self._take(json.loads(line))

    def _alive(self) -> bool:
        return bool(self._watch) and self.wait(0) is None

    def _signal(self, who: str, number: int) -> None:
        with suppress(ProcessLookupError, KeyError):
            signal.pidfd_send_signal(self._watch[who], number)

    def _close(self) -> None:
        for descriptor in (*self._watch.values(), self._report):
            os.close(descriptor)
        self._watch.clear()


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C is for main."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _check_start(threads: list[threading.Thread]) -> None:
    if others := [thread.name for thread in threads if thread is not threading.current_thread()]:
        raise LabError(f"a sandbox starts before any thread does; running: {', '.join(others)}")
    if Path.cwd().is_relative_to(RUN) or Path(__file__).is_relative_to(RUN):
        raise MachineError(f"the checkout lies below {RUN}, which a sandbox hides", "Move it, for instance to $HOME")


def _cause(status: int) -> str:
    number = status - _SIGNALLED
    return "SIGKILL: out of memory?" if number == signal.SIGKILL else f"signal {number}"


def _ended(watch: int, timeout_s: float | None) -> bool:
    poller = select.poll()
    poller.register(watch, select.POLLIN)
    return bool(poller.poll(None if timeout_s is None else max(0.0, timeout_s * 1000)))


def _read_line(pipe: int) -> dict[str, Any]:
    """The first report, byte by byte: what follows belongs to ``_take_rest``."""
    line = b""
    while (byte := os.read(pipe, 1)) not in (b"", b"\n"):
        line += byte
    return dict(json.loads(line)) if line else {}
