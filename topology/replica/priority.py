"""Scheduling priority of the processes that keep time: the relay, the prober, the switches.

Runs outside the sandbox's user namespace, where the rights are (see ``guard``): inside one
no process may take SCHED_FIFO, whoever it is (sched(7)).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

FIFO_PRIORITY = 50
BEST_NICE = -20

Kind = Literal["fifo"] | int
"""``"fifo"`` for SCHED_FIFO, else a nice value."""


def lift(pid: int, kind: Kind = "fifo") -> str:
    """Raise all threads of a process as far as the machine permits and say how far that was.

    What is refused falls back: SCHED_FIFO (no right, or no real-time budget in this control
    group under CONFIG_RT_GROUP_SCHED) to nice −20, nice to what stands.
    """
    if kind == "fifo" and _set_fifo(pid):
        return current(pid)
    nice = BEST_NICE if kind == "fifo" else int(kind)
    for thread in _threads(pid):
        with suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, thread, nice)
    _set_autogroup(pid, nice)
    return current(pid)


def current(pid: int) -> str:
    """``"SCHED_FIFO 50"``, ``"nice -10"``, or ``"gone"``."""
    try:
        if os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO:
            return f"SCHED_FIFO {os.sched_getparam(pid).sched_priority}"
        return f"nice {os.getpriority(os.PRIO_PROCESS, pid)}"
    except ProcessLookupError:
        return "gone"


def _set_fifo(pid: int) -> bool:
    try:
        for thread in _threads(pid):
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
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
