"""Where the emulated lab starts a policy's companions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiments.lab import Record
from topology.model import Topology
from topology.replica.network import Network


@dataclass(frozen=True, slots=True)
class Site:
    """Where a companion is started: the network stands, the brain is not there yet."""

    topology: Topology
    network: Network
    rundir: Path
    record: Record
    lift: Callable[[int, str], str]
    """``lift(pid, rank)``: ask for a process's priority (``topology.replica.priority.RANKS``)."""
