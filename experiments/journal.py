"""The append-only record of a run: what was asked and what happened, one JSON object per line.

``Journal`` writes: one ``write(2)`` per line on an ``O_APPEND`` descriptor, so that several
sandboxes and threads can share the file. ``read`` gives all lines of a finished run,
``Follower`` the new lines of a running one. docs/architecture.md lists the events.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from topology.errors import InputError, LabError

Line = dict[str, Any]
_ELSEWHERE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags that only some platforms have: modelled runs are made on all of them."""


class Journal:
    """The journal of one policy: ``journal.record("phase", name="steady")``."""

    def __init__(self, path: Path, policy: str, now_s: Callable[[], float]) -> None:
        self.path, self.policy, self._now_s = path, policy, now_s
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _ELSEWHERE, 0o644)

    def record(self, event: str, /, **data: object) -> None:
        """Append one line, stamped with the run's clock. Raises LabError when the disk is full."""
        line = {"policy": self.policy, "t": round(self._now_s(), 6), "event": event, **data}
        encoded = (json.dumps(_plain(line), ensure_ascii=False) + "\n").encode()
        try:
            written = os.write(self._descriptor, encoded)
        except OSError as error:
            raise LabError(f"cannot write {self.path}: {error.strerror}") from error
        if written != len(encoded):
            raise LabError(f"cannot write {self.path}: the disk is full")

    def close(self) -> None:
        """Safe to call twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def read(path: Path) -> Iterator[Line]:
    """All whole lines, in order of writing; lines cut short by a kill or a full disk are left out.

    Raises InputError if the file cannot be read or holds no line of ours at all.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the journal: {error.strerror}", place=str(path)) from error
    lines = [line for line in map(_parse, raw.splitlines()) if line is not None]
    if raw and not lines:
        raise InputError("this is not a journal: no line of it is a JSON object with an event", place=str(path))
    return iter(lines)


class Follower:
    """Reads a journal while it grows; a line counts once its newline is there."""

    def __init__(self, path: Path) -> None:
        self.path, self._offset, self._rest = path, 0, b""

    def new(self) -> list[Line]:
        """The lines since the last call; none while the file does not exist."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                chunk = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(chunk)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        return [line for line in map(_parse, whole) if line is not None]


def _parse(raw: bytes) -> Line | None:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "event" in line else None


def _plain(value: object) -> object:
    """JSON has no sets, tuples, paths, infinities; numpy numbers come along too."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (frozenset, set)):
        return sorted(map(str, value))
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return _plain(value.item()) if hasattr(value, "item") else str(value)
