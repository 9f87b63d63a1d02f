"""What other programs take of the processors while something is measured: a child process that looks once a second.

A child, because the launcher of sandboxes must have no thread. Ours is everything that descends from the
process that watches, which counts what its children took when they are gone.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.pss import PROC, parents, tree

from experiments.labs.load import Reading, load_between, parse_machine, parse_process

EVERY_S = 1.0


@dataclass(slots=True)
class Others:
    """``pct`` of all processors, the mean over the time that was watched; None when that was too short to tell."""

    pct: float | None = None


@contextmanager
def watching() -> Iterator[Others]:
    """Watch until the end of the block."""
    found, root, begun = Others(), os.getpid(), time.monotonic()
    result, stop = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _watch(root, stop[0], result[1])
    try:
        yield found
    finally:
        os.write(stop[1], b".")
        found.pct = float(os.read(result[0], 64)) if time.monotonic() > begun + EVERY_S else None
        os.waitpid(child, 0)
        for descriptor in (*result, *stop):
            os.close(descriptor)


def _watch(root: int, stop: int, result: int) -> None:
    """In the child; ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        first = last = _reading(root)
        own_s, seen_s = 0.0, last.own_s
        while not select.select([stop], [], [], EVERY_S)[0] and os.getppid() == root:
            last = _reading(root)
            own_s += max(0.0, last.own_s - seen_s)  # it falls when a sandbox is killed: nobody inherits its account
            seen_s = last.own_s
        whole = load_between(_with(first, 0.0), _with(last, own_s))
        os.write(result, f"{whole.foreign_pct}".encode())
    finally:
        os._exit(0)


def _reading(root: int) -> Reading:
    busy_s, idle_s, steal_s = parse_machine((PROC / "stat").read_text(encoding="ascii"))
    return Reading(busy_s, idle_s, steal_s, sum(map(_used_s, tree(root, parents()))), 0.0)


def _with(reading: Reading, own_s: float) -> Reading:
    return Reading(reading.busy_s, reading.idle_s, reading.steal_s, own_s, 0.0)


def _used_s(pid: int) -> float:
    with suppress(OSError):
        return parse_process(Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace"))
    return 0.0
