"""A network whose brain is gone: its switches as the model left them, then with any set of links cut.

The tables are those that the very brain programmed in the modelled lab, once every brain has been
killed and everything that was going to happen because of it has (rules that expire, a prefix that is
withdrawn). Where nobody writes to a switch any more, all that a cut or a mend changes is the ports at
its two ends (``Frozen``). Where a routing daemon goes on writing, the lab itself is moved to each set
of cut links and given time to settle (``Attended``): the same answers, thousands of times slower.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from experiments.labs.modelled.lab import ModelledLab
from experiments.labs.modelled.tables import State
from experiments.policies import Policy
from topology.forwarding import Snapshot
from topology.model import Topology
from topology.replica.etcd import Etcd

LISTEN_S = 30.0
"""Longer than any time-out of a switch that hangs on the brain: guard rules 3 s, inactivity probes 5 to 10 s."""
SETTLE_S, QUIET_S = 6.0, 3.0
"""Least time after a cut or a mend, and how long no switch may have changed: a link takes up to 2.2 s to come up."""
STEP_S = 0.1


class Headless(Protocol):
    """Switches without a brain."""

    @property
    def whole(self) -> Mapping[str, State]:
        """All switches while every link is up."""

    def moved(self, flipped: Collection[int], dead: Collection[int]) -> Mapping[str, State]:
        """What has changed, as the ``flipped`` links did and now all ``dead`` ones are down (numbers of links)."""


def orphaned(topology: Topology, policy: Policy) -> tuple[Headless, float]:
    """The network after its brain's death, and how many seconds later it last changed. Raises LabError."""
    lab = ModelledLab(topology, policy, seed=0, record=lambda _, /, **__: None, folder=Path())
    lab.build()
    for brain in lab.brains.values():
        brain.kill()
    onset_s = _last_change_s(lab, LISTEN_S, LISTEN_S)
    writes = any(not isinstance(companion, Etcd) for companion in policy.companions)
    return (Attended(lab) if writes else Frozen(topology, lab.snapshot())), onset_s


def _last_change_s(lab: ModelledLab, least_s: float, quiet_s: float) -> float:
    """Let time pass, so long at least, until no switch has changed for a while; when the last one did."""
    began_s, changed_s, before = lab.now_s(), 0.0, lab.snapshot()
    while (passed_s := lab.now_s() - began_s) < min(LISTEN_S, max(least_s, changed_s + quiet_s)):
        lab.wait_until(began_s + passed_s + STEP_S)
        now = lab.snapshot()
        if any(now[pop] is not before[pop] for pop in now):
            before, changed_s = now, lab.now_s() - began_s
    return changed_s


class Attended:
    """A lab in which something still writes to the switches."""

    def __init__(self, lab: ModelledLab) -> None:
        self._lab = lab
        self.whole = self._states()
        self._last = dict(self.whole)

    def _states(self) -> dict[str, State]:
        return {pop: self._lab.known(pop, state) for pop, state in self._lab.snapshot().items()}

    def moved(self, flipped: Collection[int], dead: Collection[int]) -> Mapping[str, State]:
        for number in sorted(flipped):
            link = self._lab.links[self._lab.topology.links[number].name]
            (link.cut if number in dead else link.heal)()
        _last_change_s(self._lab, SETTLE_S, QUIET_S)
        before, self._last = self._last, self._states()
        return {pop: state for pop, state in self._last.items() if state is not before[pop]}


class Frozen:
    """Switches that nobody writes to any more."""

    def __init__(self, topology: Topology, snapshot: Snapshot) -> None:
        self._topology = topology
        self.whole = {pop: State(state) for pop, state in snapshot.items()}
        self._states = {(pop, state.state.live_ports): state for pop, state in self.whole.items()}
        self._ends = [[(end, topology.port(end, link)) for end in link.ends] for link in topology.links]

    def moved(self, flipped: Collection[int], dead: Collection[int]) -> Mapping[str, State]:
        down: dict[str, set[int]] = {pop: set() for link in flipped for pop, _ in self._ends[link]}
        for link in dead:
            for pop, port in self._ends[link]:
                if pop in down:
                    down[pop].add(port)
        return {pop: self._state(pop, frozenset(ports)) for pop, ports in down.items()}

    def _state(self, pop: str, down: frozenset[int]) -> State:
        whole = self.whole[pop]
        live = whole.state.live_ports - down
        if (pop, live) not in self._states:
            self._states[pop, live] = State(replace(whole.state, live_ports=live), whole)
        return self._states[pop, live]
