"""A dask scheduler and workers as a user starts them by hand: processes on loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0


def _no_loopback() -> str:
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
    except OSError as error:
        return f"no socket on loopback: {error.strerror}"
    return ""


LOOPBACK = pytest.mark.skipif(bool(_no_loopback()), reason=_no_loopback() or "loopback works")


class Processes:
    """Ended with the context, whatever happened. Nothing else on the machine is touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.started:
            process.kill()
        for process in self.started:
            process.wait()

    def scheduler(self) -> str:
        """Its address."""
        told = self.folder / "scheduler.json"
        self._dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(told))
        deadline = time.monotonic() + DEADLINE_S
        while not told.exists() or not told.read_text():
            assert time.monotonic() < deadline, "the scheduler did not come up"
            time.sleep(0.02)
        return str(json.loads(told.read_text())["address"])

    def worker(self, address: str, *paths: Path) -> subprocess.Popen[bytes]:
        """One thread, no nanny: what is killed stays dead. ``paths`` come before our own sources."""
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--death-timeout", "60"]
        return self._dask("worker", address, *options, paths=paths)

    def _dask(self, *arguments: str, paths: Sequence[Path] = ()) -> subprocess.Popen[bytes]:
        search = [*map(str, paths), str(ROOT), str(ROOT / "tests/unit")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search)}
        with (self.folder / f"{arguments[0]}.{len(self.started)}.log").open("wb") as log:
            command = [sys.executable, "-m", "dask", *arguments]
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
        self.started.append(process)
        return process
