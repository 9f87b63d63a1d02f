"""Scheduling priority of the processes that keep time: the relay, the prober, the switches.

Runs outside the sandbox's user namespace, where the rights are (see ``guard``): inside one
no process may take SCHED_FIFO, whoever it is (sched(7)).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rank:
    """SCHED_FIFO at ``priority`` (0: not asked for), or ``nice`` where that is refused."""

    priority: int
    nice: int


RANKS = {
    "relay": Rank(50, -20),  # a late relay is a longer link
    "prober": Rank(45, -18),  # a late prober measures itself
    "switch": Rank(40, -10),  # a switch that waits for a processor repairs later
    "run": Rank(0, -10),  # everything else of a run: before other work of the machine, among equals
}
"""Who comes first. Real-time switches halved the delay that a run adds (median 0.9 → 0.4 ms on two cores)
and its tail (99th percentile 3 → 1 ms), and repairs came after 1–6 instead of 8–12 ms."""


def lift(pid: int, rank: str = "relay") -> str:
    """Raise all threads of a process to its rank, as far as the machine permits; say how far that was.

    What is refused falls back: SCHED_FIFO (no right, or no real-time budget in this control
    group under CONFIG_RT_GROUP_SCHED) to the rank's nice value, nice to what stands.
    """
    wanted = RANKS[rank]
    if wanted.priority and _set_fifo(pid, wanted.priority):
        return current(pid)
    for thread in _threads(pid):
        with suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, thread, wanted.nice)
    _set_autogroup(pid, wanted.nice)
    return current(pid)


def current(pid: int) -> str:
    """``"SCHED_FIFO 50"``, ``"nice -10"``, or ``"gone"``."""
    try:
        if os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO:
            return f"SCHED_FIFO {os.sched_getparam(pid).sched_priority}"
        return f"nice {os.getpriority(os.PRIO_PROCESS, pid)}"
    except ProcessLookupError:
        return "gone"


def _set_fifo(pid: int, priority: int) -> bool:
    try:
        for thread in _threads(pid):
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        return False
    return True


def _set_autogroup(pid: int, nice: int) -> None:
    """A nice value counts only among the tasks of one session where autogroups are on (sched(7)).

    So the session's group is raised too, unless it is shared with this guard: that would
    raise the whole sandbox and so nobody in it.
    """
    with suppress(OSError):
        if os.getsid(pid) != os.getsid(0):
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def _threads(pid: int) -> Iterator[int]:
    """Both calls act on one thread only."""
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/task").iterdir():
            yield int(entry.name)
