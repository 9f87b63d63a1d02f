"""The relay as seen from the process that started it: spawn it, ask it, hear its last words.

What it understands is described in ``topology.replica.relay``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from topology.errors import LabError

_ROOT = Path(__file__).resolve().parents[2]
_MESSAGE = 65536
_ANSWER_WITHIN_S = 10.0
_END_WITHIN_S = 2.0


class RelayProcess:
    """A running relay. Usable from several threads; every failure is a LabError."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_ANSWER_WITHIN_S)
        self._words = os.memfd_create("relay-stderr")  # not a pipe: nobody need read it, and it leaves no file
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                # -S: no site-packages; the relay needs the standard library only, and starts twice as fast.
                [sys.executable, "-S", "-m", "topology.replica.relay", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, *command: Any, descriptors: Sequence[int] = ()) -> Any:
        """Send one command (its descriptors along) and return the answer. Raises LabError."""
        try:
            with self._lock:
                socket.send_fds(self._control, [json.dumps(command).encode()], descriptors)
                message = self._control.recv(_MESSAGE)
        except TimeoutError:
            raise LabError(f"the link relay (pid {self.pid}) did not answer for {_ANSWER_WITHIN_S:g} s") from None
        except OSError as mistake:
            raise self._death(str(mistake)) from None
        if not message:
            raise self._death("it closed its control socket")
        answer = json.loads(message)
        if isinstance(answer, dict) and "error" in answer:
            raise LabError(f"the link relay refused: {answer['error']}")
        return answer

    def close(self) -> None:
        """End it. May be called twice."""
        self._control.close()
        try:
            self._process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._words >= 0:
            os.close(self._words)
            self._words = -1

    def _death(self, sign: str) -> LabError:
        try:
            status: object = self._process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            status = "unknown"
        size = os.fstat(self._words).st_size if self._words >= 0 else 0
        words = os.pread(self._words, size, 0).decode(errors="replace").strip() if size else "it said nothing"
        return LabError(f"the link relay died ({sign}; exit status {status}): {words}")
