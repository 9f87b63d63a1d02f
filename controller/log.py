"""The controller's log on stdout, one JSON object a line, and how old the process is."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def write_line(what: str, **data: Any) -> None:
    """One JSON line on stdout; when nobody reads it any more, the controller ends."""
    line = json.dumps({"t_ns": time.time_ns(), "what": what, **data}, default=_plain)
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


def age_s() -> float:
    """How long ago the kernel started this process (proc(5), stat field 22)."""
    with open("/proc/self/stat", encoding="ascii") as stat:  # noqa: PTH123 (pathlib would be imported for this alone)
        ticks = int(stat.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def _plain(value: Any) -> Any:
    """What JSON does not know: sets become sorted lists, anything else its text."""
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
