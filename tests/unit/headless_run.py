"""A network whose brains have been dead for long, over the modelled lab: heartbeats have ended, switches bridge.

The lab's switches do as ``topology.switch`` does, and its clock is virtual: waiting costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from experiments.labs.modelled.lab import ModelledLab
from experiments.policies import policy as named
from topology.forwarding import Snapshot
from topology.model import Link, Topology

LONG_S = 7.0
"""Heartbeats live for 3 s, a bridging switch waits for 3 s, another leader takes over within 3.5 s."""
REPAIRED_S, SETTLED_S = 0.1, 3.0
"""After a cut: its two ends have seen it and nobody else has; all have, and routing daemons have converged."""
MENDED_S = 6.0


class Headless:
    """Of the policy's brains those in ``killed`` are gone; without it all."""

    def __init__(self, topology: Topology, policy: str, killed: Collection[str] | None = None) -> None:
        self.topology = topology
        self._lab = ModelledLab(topology, named(policy), seed=1, record=lambda *_, **__: None, folder=Path())
        self._lab.build()
        for name, brain in self._lab.brains.items():
            if killed is None or name in killed:
                brain.kill()
        self._wait(LONG_S)

    def _wait(self, seconds: float) -> None:
        self._lab.wait_until(self._lab.now_s() + seconds)

    def snapshot(self) -> Snapshot:
        return self._lab.snapshot()

    def cuts(self, after_s: float = SETTLED_S) -> Iterator[tuple[Link, Snapshot]]:
        """Each link is cut, looked at after a while, and mended before the next."""
        for link in self.topology.links:
            self._lab.links[link.name].cut()
            self._wait(after_s)
            yield link, self.snapshot()
            self._lab.links[link.name].heal()
            self._wait(MENDED_S)
