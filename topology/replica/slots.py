"""Machine-wide slots and register of runs, without a daemon and without a file.

Abstract Unix sockets (unix(7)) do all of it: a bind is atomic, the name is gone with the
last process that holds it, and every user sees all names in /proc/net/unix. Three kinds:

    failstatic/queue/<boot ns>/<pid>/<cost>/<run>   waits, in the order of <boot ns>
    failstatic/run/…the same…                       runs
    failstatic/slot/<number>                        one per slot that is taken

Only who stands at the head of the queue tries to bind slots, so a large run is not starved by
small ones. Two that both take themselves for the head (within microseconds) still get what the
kernel gives to one of them only. The register spans one network namespace: containers have
registers of their own.
"""

from __future__ import annotations

import errno
import os
import pwd
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from topology.errors import InputError, LabError, MachineError, unknown

POLL_S = 0.1
_LONGEST_RUN = 60
"""Characters kept, the last ones: a socket's name has 107 in all."""
_TABLE = Path("/proc/net/unix")
_NAME = re.compile(r"(queue|run)/(\d+)/(\d+)/(\d+)/(.+)")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A run that runs or waits."""

    waiting: bool
    ticket: int
    """Nanoseconds since boot at which it joined the queue: sorts first come, first served."""
    run: str
    pid: int
    """Its launcher."""
    cost: int

    @property
    def since_s(self) -> float:
        """Epoch seconds at which it joined the queue."""
        return time.time() - (_boot_ns() - self.ticket) / 1e9

    @property
    def user(self) -> str:
        """Whose launcher it is; the number where the name is unknown, ``"?"`` when it has just gone."""
        try:
            uid = Path(f"/proc/{self.pid}").stat().st_uid
            return pwd.getpwuid(uid).pw_name
        except OSError:
            return "?"
        except KeyError:
            return str(uid)

    def name(self, prefix: str) -> str:
        kind = "queue" if self.waiting else "run"
        return f"{prefix}/{kind}/{self.ticket}/{self.pid}/{self.cost}/{self.run}"


@dataclass(frozen=True, slots=True)
class Register:
    """Where to look and how many may run; tests have registers of their own."""

    prefix: str
    total: int


MACHINE = Register("failstatic", max(1, (os.cpu_count() or 1) // 2))
"""A run of twelve PoPs takes about 1.3 cores: one run for every two."""


@contextmanager
def slot(
    run: str,
    *,
    cost: int = 1,
    on_wait: Callable[[int], None] | None = None,
    timeout_s: float | None = None,
    register: Register = MACHINE,
) -> Iterator[None]:
    """Wait in the queue for ``cost`` slots and hold them.

    ``on_wait`` gets the place in the queue (1 is next) whenever it changes. Raises InputError for
    a name that cannot be listed, MachineError for a cost that this machine never has, LabError
    after ``timeout_s``.
    """
    _check(run, cost, register)
    waiting = Entry(True, _boot_ns(), run[-_LONGEST_RUN:], os.getpid(), cost)
    with ExitStack() as held:
        with ExitStack() as queued:
            queued.enter_context(_bound(waiting.name(register.prefix)))
            _queue(waiting, held, on_wait or (lambda _: None), timeout_s, register)
            held.enter_context(_bound(replace(waiting, waiting=False).name(register.prefix)))
        yield


def running(register: Register = MACHINE) -> tuple[Entry, ...]:
    """Every run on this machine, of every user: those that run, then the queue in its order."""
    names = set(_names(_TABLE.read_text()))
    entries = sorted(entry for name in names if (entry := parse(name, register.prefix)))
    admitted = {replace(entry, waiting=True) for entry in entries if not entry.waiting}
    return tuple(entry for entry in entries if entry not in admitted)


def stop(run: str, register: Register = MACHINE) -> Entry:
    """SIGTERM to the launcher of the run with this name, or of the only one that ends so.

    Raises InputError when there is none or more than one, or when it is another user's.
    """
    entries, run = running(register), run[-_LONGEST_RUN:]
    found = [entry for entry in entries if entry.run == run] or [entry for entry in entries if entry.run.endswith(run)]
    if len(found) != 1 or not run:
        raise InputError(unknown("run", run, (entry.run for entry in found or entries)))
    _terminate(found[0], register)
    return found[0]


def ordinal(number: int) -> str:
    """1 → ``"1st"``, 12 → ``"12th"``: "you are 5th"."""
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def parse(name: str, prefix: str) -> Entry | None:
    """A socket's name → the run it stands for."""
    if not name.startswith(prefix + "/") or not (match := _NAME.fullmatch(name[len(prefix) + 1 :])):
        return None
    return Entry(match[1] == "queue", int(match[2]), match[5], int(match[3]), int(match[4]))


def _check(run: str, cost: int, register: Register) -> None:
    if not re.fullmatch("[!-~]+", run):
        raise InputError(f"the run name {run!r} cannot be listed: ASCII characters only, no spaces")
    if cost < 1:
        raise InputError(f"a run takes at least one slot, not {cost}")
    if cost > register.total:
        raise MachineError(
            f"the run asks for {cost} slots, this machine has {register.total} (one for every two cores)",
            f"Run at most {register.total} side by side: more would spoil what they measure",
        )


def _queue(
    mine: Entry, held: ExitStack, on_wait: Callable[[int], None], timeout_s: float | None, register: Register
) -> None:
    """Return with the slots bound into ``held``."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    told = None
    while True:
        ahead = [entry for entry in running(register) if entry.waiting and entry < mine and not _paused(entry.pid)]
        if not ahead and _take(mine.cost, held, register):
            return
        if (position := len(ahead) + 1) != told:
            on_wait(told := position)
        if deadline is not None and time.monotonic() > deadline:
            raise LabError(f"no free slot after {timeout_s} s; {ordinal(position)} in the queue")
        time.sleep(POLL_S)  # the kernel tells nobody when a name is free again


def _take(cost: int, held: ExitStack, register: Register) -> bool:
    """All of them or none."""
    with ExitStack() as taken:
        for number in range(register.total):
            try:
                taken.enter_context(_bound(f"{register.prefix}/slot/{number}"))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            cost -= 1
            if cost == 0:
                held.enter_context(taken.pop_all())
                return True
    return False


@contextmanager
def _bound(name: str) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as holder:
        holder.bind(f"\0{name}")
        yield


def _names(table: str) -> Iterator[str]:
    """The abstract names in /proc/net/unix, which shows the leading zero byte as @."""
    for line in table.splitlines():
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[7].startswith("@"):
            yield fields[7][1:]


def _paused(pid: int) -> bool:
    """Stopped by Ctrl-Z: such a one must not hold up the queue."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    return False


def _terminate(entry: Entry, register: Register) -> None:
    """Anybody can bind any name, so the pid in it counts only if that process holds the socket."""
    try:
        if not _holds(entry.pid, entry.name(register.prefix)):
            raise LabError(f"process {entry.pid} does not hold the run '{entry.run}' that bears its number")
        os.kill(entry.pid, signal.SIGTERM)
    except PermissionError:
        raise InputError(f"'{entry.run}' belongs to {entry.user}: ask them, or stop it as root") from None
    except (FileNotFoundError, ProcessLookupError):
        return


def _holds(pid: int, name: str) -> bool:
    rows = (line.split(maxsplit=7) for line in _TABLE.read_text().splitlines())
    sockets = {f"socket:[{row[6]}]" for row in rows if len(row) == 8 and row[7] == f"@{name}"}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed just now: a launcher opens its journal ten times a second
            if str(link.readlink()) in sockets:
                return True
    return False


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
