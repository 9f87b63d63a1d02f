"""A helper process of ours (``python -m MODULE``) at the other end of three pipes.

The protocol that prober, bulk and tracer share: we write one line of JSON (the order), it answers
"ready"; further lines are its own affair; when its stdin ends it finishes and exits with 0. So it
also ends when we are killed. What it says last on stderr becomes the error message.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from topology.errors import FailstaticError, LabError, MachineError

READY_S = 20.0
STOP_S = 20.0
"""Patience with a machine that is very busy; a second is the rule."""
_ROOT = str(Path(__file__).resolve().parent.parent)


class Companion:
    """One helper process, from its start to its end."""

    def __init__(self, module: str, order: dict[str, Any]) -> None:
        """Start it without waiting; ``wait_ready`` does."""
        self._name = module.rpartition(".")[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=_ROOT,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: it finishes in good order when we close its stdin
        )
        os.set_blocking(self._output.fileno(), False)
        self._pending = b""
        self._over = False
        self.write(json.dumps(order))

    @property
    def pid(self) -> int:
        return self._process.pid

    def write(self, line: str) -> None:
        """Raises LabError if the process is gone."""
        assert self._process.stdin is not None
        rest = memoryview(line.encode() + b"\n")
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
        except BrokenPipeError:
            raise self._died() from None

    def wait_ready(self) -> None:
        """Raises LabError (MachineError if it said so) when the process cannot start."""
        if self.line(READY_S) != "ready":
            raise LabError(f"{self._name} was not ready within {READY_S:g} s")

    def line(self, timeout_s: float) -> str | None:
        """The next line that it writes; None after the time-out. Raises LabError if it died."""
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._pending:
            if not select.select([self._output], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            chunk = self._output.read(1 << 16)
            if not chunk:
                raise self._died()
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    def stop(self) -> None:
        """End its stdin and wait until it has finished.

        Raises LabError if it ended badly, unless that was told before.
        """
        if not self._over and self._end(STOP_S) != 0:
            raise self._error()

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self._process.kill()
        self._end(STOP_S)

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _end(self, timeout_s: float) -> int:
        self._over = True
        try:  # communicate() closes stdin, which is the order to finish
            _, self._words = self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, self._words = self._process.communicate()
        return self._process.returncode

    def _died(self) -> FailstaticError:
        self._end(1.0)
        return self._error()

    def _error(self) -> FailstaticError:
        lines = self._words.decode(errors="replace").strip().splitlines() or ["no message"]
        if self._process.returncode == MachineError.exit_status:
            return MachineError(lines[-1])
        return LabError(f"{self._name} ended with {self._process.returncode}: {lines[-1]}")
