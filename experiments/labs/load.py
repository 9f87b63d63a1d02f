"""Who uses the processors: this run, or somebody else? One reading a second, from /proc.

Inside a sandbox /proc lists only the run's own processes while /proc/stat still counts the
whole machine, so the difference is what others took.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Reading:
    """Cumulative seconds; ``wait_s`` is time that the run's threads were ready but not running."""

    busy_s: float
    idle_s: float
    steal_s: float
    own_s: float
    wait_s: float


@dataclass(frozen=True, slots=True)
class Load:
    """Shares of all processors between two readings (%); ``wait_s_per_s`` over all the run's threads."""

    own_pct: float
    foreign_pct: float
    idle_pct: float
    steal_pct: float
    wait_s_per_s: float


def load_between(before: Reading, after: Reading) -> Load:
    """Pure. Interrupt time belongs to nobody in particular and is in neither share."""
    idle, busy = after.idle_s - before.idle_s, after.busy_s - before.busy_s
    steal = after.steal_s - before.steal_s
    total = max(idle + busy + steal, 1e-9)
    own = min(max(after.own_s - before.own_s, 0.0), busy)
    wall = total / (os.cpu_count() or 1)
    return Load(
        own_pct=round(100 * own / total, 1),
        foreign_pct=round(100 * (busy - own) / total, 1),
        idle_pct=round(100 * idle / total, 1),
        steal_pct=round(100 * steal / total, 1),
        wait_s_per_s=round(max(after.wait_s - before.wait_s, 0.0) / wall, 3),
    )


def parse_machine(stat: str) -> tuple[float, float, float]:
    """(busy, idle, steal) in seconds from the first line of /proc/stat (proc(5))."""
    user, nice, system, idle, iowait, _irq, _softirq, steal, *_ = (
        int(field) / _TICKS_PER_S for field in stat.split("\n", 1)[0].split()[1:]
    )
    return user + nice + system, idle + iowait, steal


def parse_process(stat: str) -> float:
    """Seconds used by a process and the children it has waited for, from /proc/PID/stat."""
    fields = stat.rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS_PER_S


def _texts(paths: Iterable[str]) -> Iterable[str]:
    """Processes may end while we read."""
    for path in paths:
        with suppress(OSError):
            yield Path(path).read_text()


def _numbered(folder: str) -> Iterable[str]:
    """Its entries that are numbers; none when it is gone. (Path.glob raises then, and is slow on Python 3.12.)"""
    with suppress(OSError):
        yield from (f"{folder}/{name}" for name in os.listdir(folder) if name.isdecimal())  # noqa: PTH208


def read_now(proc: Path = _PROC) -> Reading:
    busy, idle, steal = parse_machine((proc / "stat").read_text())
    processes = list(_numbered(str(proc)))
    own = sum(map(parse_process, _texts(f"{process}/stat" for process in processes)))
    threads = (thread for process in processes for thread in _numbered(f"{process}/task"))
    waits = (int(text.split()[1]) for text in _texts(f"{thread}/schedstat" for thread in threads))
    return Reading(busy, idle, steal, own, sum(waits) / 1e9)


class LoadMeter:
    """Calls ``report`` with a Load every ``interval_s`` until stopped.

    ``strangers_s`` is the processor time of processes that stand for somebody else's work (s).
    """

    def __init__(
        self,
        report: Callable[[Load], None],
        interval_s: float = 1.0,
        *,
        strangers_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._report, self._interval_s, self._strangers_s = report, interval_s, strangers_s
        self._stop = Event()
        self._thread = Thread(target=self._run, name="load meter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        before = self._read()
        while not self._stop.wait(self._interval_s):
            after = self._read()
            self._report(load_between(before, after))
            before = after

    def _read(self) -> Reading:
        reading = read_now()
        return replace(reading, own_s=reading.own_s - self._strangers_s())
