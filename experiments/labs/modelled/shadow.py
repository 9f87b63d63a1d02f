"""The agent of one PoP in virtual time: what its router computes becomes the switch's rules a moment later.

The code that turns routes into rules is the real one (``controller.shadow``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controller.messages import AddFlow, DeleteFlow
from controller.paths import Paths
from controller.shadow import Routes, abandons, by_priority, difference, fixed_rules, route_rules
from experiments.labs.modelled.stage import Stage
from experiments.labs.modelled.switch import ModelSwitch
from experiments.labs.modelled.timers import AGENT_RETRY_S, AGENT_S
from topology.forwarding import FlowRule
from topology.igp import Igp


class Agent:
    """Writes a switch's shadow as its router says; what is refused is tried again."""

    def __init__(self, igp: Igp, stage: Stage, switch: ModelSwitch, told: Callable[[str, int], None]) -> None:
        self._topology, self._clock, self._switch, self._told = stage.topology, stage.clock, switch, told
        self._delay_s = igp.local_delay_ms / 1e3
        self._wanted: tuple[FlowRule, ...] = ()
        self._held: tuple[FlowRule, ...] = ()
        self._writing = 0
        self._routes: Routes = {}
        self._sought: Routes = {}
        self._due_s = 0.0
        """When the loss of a neighbour may be followed; 0: none was lost."""
        self.whole = False
        """Whether the switch holds all that it should, and carries the router's packets."""

    @property
    def settled(self) -> bool:
        return self.whole and not self._writing

    def follow(self, paths: Paths) -> None:
        """The routes have changed."""
        own = self._topology.pop(self._switch.pop).index
        routes = {index: port for index, port in enumerate(paths.next_port[own].tolist()) if port}
        self._wanted, self._sought = route_rules(self._topology, self._switch.pop, routes), routes
        if not abandons(self._routes, routes):
            self._due_s = 0.0
        elif not self._due_s:
            self._due_s = self._clock.now + self._delay_s
        self._later(max(AGENT_S, self._due_s - self._clock.now))

    def forgotten(self) -> None:
        """The switch has lost its rules."""
        self.whole, self._held = False, ()
        self._later(AGENT_RETRY_S)

    def _later(self, delay_s: float) -> None:
        self._writing += 1
        self._clock.after(delay_s, self._write)

    def _write(self) -> None:
        self._writing -= 1
        if self._clock.now < self._due_s:
            return
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
        self._held, self._routes, self._due_s = self._wanted, self._sought, 0.0
        deletions = (DeleteFlow(rule.cookie) for rule in gone)
        return not self._switch.apply([*deletions, *map(AddFlow, added)])
