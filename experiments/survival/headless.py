"""A network whose brain is gone: its switches as the model left them, then with any set of links cut.

The tables are those that the very brain programmed in the modelled lab, once every brain has been
killed and everything that was going to happen because of it has (rules that expire, a prefix that is
withdrawn). From then on nobody writes to a switch: all that a cut or a mend changes is the ports at
its two ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.labs.modelled.lab import ModelledLab
from experiments.labs.modelled.tables import State
from experiments.policies import Policy
from topology.forwarding import Snapshot
from topology.model import Topology

LISTEN_S = 30.0
"""Longer than any time-out of a switch that hangs on the brain: guard rules 3 s, inactivity probes 5 to 10 s."""
STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Orphaned:
    """What a lab's switches came to hold; ``onset_s`` after the brain's death, the last change."""

    snapshot: Snapshot
    onset_s: float


def orphaned(topology: Topology, policy: Policy) -> Orphaned:
    """Build the network with its brain, kill every brain, and wait. Raises LabError when it cannot be built."""
    lab = ModelledLab(topology, policy, seed=0, record=lambda _, /, **__: None, folder=Path())
    lab.build()
    for brain in lab.brains.values():
        brain.kill()
    began_s = lab.now_s()
    found, onset_s = lab.snapshot(), 0.0
    while lab.now_s() < began_s + LISTEN_S:
        lab.wait_until(lab.now_s() + STEP_S)
        now = lab.snapshot()
        if any(now[pop] is not found[pop] for pop in topology.names):
            found, onset_s = now, lab.now_s() - began_s
    return Orphaned(found, onset_s)


class Frozen:
    """Switches that nobody writes to any more."""

    def __init__(self, topology: Topology, snapshot: Snapshot) -> None:
        self._topology = topology
        self._whole = {pop: State(state) for pop, state in snapshot.items()}
        self._states = {(pop, state.state.live_ports): state for pop, state in self._whole.items()}
        self._ends = [[(end, topology.port(end, link)) for end in link.ends] for link in topology.links]

    @property
    def whole(self) -> Mapping[str, State]:
        """All switches while every link is up."""
        return self._whole

    def ends(self, flipped: Collection[int], dead: Collection[int]) -> Mapping[str, State]:
        """The switches at the ends of the ``flipped`` links, when all ``dead`` ones are down (numbers of links)."""
        down: dict[str, set[int]] = {pop: set() for link in flipped for pop, _ in self._ends[link]}
        for link in dead:
            for pop, port in self._ends[link]:
                if pop in down:
                    down[pop].add(port)
        return {pop: self._state(pop, frozenset(ports)) for pop, ports in down.items()}

    def _state(self, pop: str, down: frozenset[int]) -> State:
        whole = self._whole[pop]
        live = whole.state.live_ports - down
        if (pop, live) not in self._states:
            self._states[pop, live] = State(replace(whole.state, live_ports=live), whole)
        return self._states[pop, live]
