"""How much memory a tree of processes takes: the sum of their proportional set sizes.

PSS counts a page that k processes share as 1/k for each (proc_pid_smaps(5)). So libraries and pages
that a fork shares with its parent count once in the sum, where a sum of resident set sizes counts
them k times, and nothing that the processes really hold is left out. The kernel's own memory
(sockets, namespaces) is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def pss_mb(root: int) -> dict[str, float]:
    """MB by program, over process ``root`` and all its descendants; those that end meanwhile are left out."""
    found: defaultdict[str, float] = defaultdict(float)
    for pid in tree(root, parents()):
        with suppress(OSError, ValueError):
            name = (PROC / str(pid) / "comm").read_text().strip()
            found[name] += parse((PROC / str(pid) / "smaps_rollup").read_text())
    return found


def parse(rollup: str) -> float:
    """MB from /proc/PID/smaps_rollup. Raises ValueError where there is none (a zombie's is empty)."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no Pss line")


def tree(root: int, parent_of: dict[int, int]) -> list[int]:
    """``root`` and what descends from it; ``parent_of``: process → parent."""
    children: dict[int, list[int]] = {}
    for pid, parent in parent_of.items():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def parents() -> dict[int, int]:
    """Of every process there is."""
    found = {}
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    return found
