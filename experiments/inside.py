"""What runs in a sandbox: one policy, by the runner, over the emulated lab.

Imported by the launcher before it forks, so that each sandbox starts with everything loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from controller.oracle import stale_routes
from experiments.asking.prepare import Prepared
from experiments.journal import Journal
from experiments.policies import Policy
from experiments.results import JOURNAL
from experiments.runner import Plan, run
from topology.replica.preflight import Machine
from topology.replica.sandbox import Inside

STATUS = {"complete": 0, "error": 3, "stopped": 130}


@dataclass(frozen=True, slots=True)
class Means:
    """With what a run is done, as opposed to what it asks."""

    framework: str = "ryu"
    """``ryu`` or ``os-ken``: what carries the brain's OpenFlow."""
    jobs: int = 1
    pcap: bool = False
    """Keep the packets of path traces."""
    results: Path = Path("results")
    folder: Path | None = None
    """The run's own folder where the caller has made one; else a new one below ``results``."""


def player(prepared: Prepared, policy: Policy, folder: Path, machine: Machine, means: Means) -> Callable[[Inside], int]:
    """The sandbox's main function."""

    def main(inside: Inside) -> int:
        from experiments.labs.emulated import EmulatedLab, Outfit

        # late: the lab, whose clock it is, wants the journal first
        journal = Journal(folder / JOURNAL, policy.name, lambda: lab.now_s())  # noqa: PLW0108
        lab = EmulatedLab(
            prepared.topology,
            policy,
            inside=inside,
            outfit=Outfit(machine, means.framework, prepared.seed),
            record=journal.record,
            folder=folder,
        )
        journal.record("design", moves=policy.moves)
        pcap = folder / f"trace.{policy.name}.pcap" if means.pcap else None
        plan = Plan(prepared.timeline, prepared.planned.traffic, prepared.planned.traced, pcap, policy.brain.slices > 1)
        return STATUS[run(lab, plan, journal.record, stale_routes)]

    return main
