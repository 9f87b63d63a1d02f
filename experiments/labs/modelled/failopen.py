"""``fail_mode=standalone``: a switch that has lost its brain forgets the rules and bridges until it is connected again.

As Open vSwitch does it (ofproto/fail-open.c): it takes over after three inactivity probes without a word
from the brain, at once when they have passed already as the connection ends. Addresses count as learnt:
every host speaks many times a second, and what is not learnt yet is flooded along the same tree.
"""

from __future__ import annotations

from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.rconn import Dialer
from experiments.labs.modelled.switch import ModelSwitch
from topology import flooding
from topology.model import Topology

PROBES = 3


class FailOpen:
    """Of one switch; made, it watches."""

    def __init__(self, clock: Clock, topology: Topology, switch: ModelSwitch, dialer: Dialer, probe_s: float) -> None:
        self._clock, self._switch, self._dialer, self._patience_s = clock, switch, dialer, PROBES * probe_s
        self._rules = flooding.bridging(flooding.tree_ports(topology, switch.pop))
        self._bridges = False
        self._losses = 0
        dialer.on_loss, dialer.on_greeting = self._lost, self._found

    def _lost(self) -> None:
        """A refused attempt later on is no word from the brain: what counts was heard before the loss."""
        self._losses += 1
        loss, due_s = self._losses, max(self._clock.now, self._dialer.heard_s + self._patience_s)
        self._clock.at(due_s, lambda: self._take_over(loss))

    def _take_over(self, loss: int) -> None:
        if loss == self._losses and not self._dialer.active:
            self._bridges = True
            self._switch.become(self._rules)

    def _found(self) -> None:
        if self._bridges:
            self._bridges = False
            self._switch.become(())
