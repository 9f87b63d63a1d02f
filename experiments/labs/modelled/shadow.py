"""The agent of one PoP in virtual time: what its router computes becomes the switch's rules a moment later.

The code that turns routes into rules is the real one (``controller.shadow``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controller.messages import AddFlow, DeleteFlow
from controller.paths import Paths
from controller.shadow import by_priority, difference, fixed_rules, route_rules
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.switch import ModelSwitch
from experiments.labs.modelled.timers import AGENT_RETRY_S, AGENT_S
from topology.forwarding import FlowRule
from topology.model import Topology


class Agent:
    """Writes a switch's shadow as its router says; what is refused is tried again."""

    def __init__(self, topology: Topology, switch: ModelSwitch, clock: Clock, told: Callable[[str, int], None]) -> None:
        self._topology, self._switch, self._clock, self._told = topology, switch, clock, told
        self._wanted: tuple[FlowRule, ...] = ()
        self._held: tuple[FlowRule, ...] = ()
        self._writing = 0
        self.whole = False
        """Whether the switch holds all that it should, and carries the router's packets."""

    @property
    def settled(self) -> bool:
        return self.whole and not self._writing

    def follow(self, paths: Paths) -> None:
        """The routes have changed."""
        own = self._topology.pop(self._switch.pop).index
        routes = {index: port for index, port in enumerate(paths.next_port[own].tolist()) if port}
        self._wanted = route_rules(self._topology, self._switch.pop, routes)
        self._later(AGENT_S)

    def forgotten(self) -> None:
        """The switch has lost its rules."""
        self.whole, self._held = False, ()
        self._later(AGENT_RETRY_S)

    def _later(self, delay_s: float) -> None:
        self._writing += 1
        self._clock.after(delay_s, self._write)

    def _write(self) -> None:
        self._writing -= 1
        gone, added = difference(self._held, self._wanted)
        if not self.whole:
            added = (*fixed_rules(self._topology, self._switch.pop), *sorted(self._wanted, key=by_priority))
        if not gone and not added:
            return
        self.whole = self._switch.up and self._accepted(gone, added)
        if self.whole:
            self._told(self._switch.pop, len(self._wanted) // 2)
        elif not self._writing:
            self._later(AGENT_RETRY_S)

    def _accepted(self, gone: Sequence[FlowRule], added: Sequence[FlowRule]) -> bool:
        self._held = self._wanted
        deletions = (DeleteFlow(rule.cookie) for rule in gone)
        return not self._switch.apply([*deletions, *map(AddFlow, added)])
