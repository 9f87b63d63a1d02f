"""One state of a switch, and what it does with packets: ``topology.switch`` executes the rules, we remember.

A packet's fate in a switch hangs on its labels, its type, its destination and, unless the rules
forget it, its port; not on its time to live, as long as that lasts. So a hop is looked up once
per state and remembered. Nobody else in this package asks a rule for anything.
"""

from __future__ import annotations

from copy import copy

from topology.errors import LabError
from topology.forwarding import ETH_IPV4, ETH_MPLS, ForgetInPort, SwitchState
from topology.labels import Stack
from topology.switch import Packet, Switch

Hop = tuple[int, Stack, int]
"""Where a packet leaves: port, labels, type."""
ANY_PORT = 0
_Key = tuple[int, Stack, int, str]


class State:
    """``state`` with its index for look-up, built when first asked."""

    __slots__ = ("_before", "_forgets", "_hops", "_switch", "state")

    def __init__(self, state: SwitchState, before: State | None = None) -> None:
        """``before``: a state with the same tables, whose index is then used again."""
        self.state, self._before = state, before
        self._switch: Switch | None = None
        self._forgets: bool | None = None
        self._hops: dict[_Key, Hop | None] = {}

    @property
    def switch(self) -> Switch:
        if self._switch is None:
            self._switch = self._built()
            self._before = None
        return self._switch

    def _built(self) -> Switch:
        if self._before is None:
            return Switch(self.state)
        # only the live ports differ: Switch keeps them in its state alone
        shared = copy(self._before.switch)
        shared.state = self.state
        return shared

    def hop(self, in_port: int, labels: Stack, eth_type: int, address: str) -> Hop | None:
        """Where a packet leaves that comes in by ``in_port``; None when it is dropped. Its time to live is enough."""
        if eth_type == ETH_MPLS and self.forgets:
            in_port = ANY_PORT
        key = (in_port, labels, eth_type, address)
        try:
            return self._hops[key]
        except KeyError:
            found = self._hops[key] = self.look_up(in_port, labels, eth_type, address)
            return found

    def look_up(self, in_port: int, labels: Stack, eth_type: int, address: str) -> Hop | None:
        """The same, not remembered."""
        packet = Packet.labelled(address, labels) if labels else Packet(address, eth_type=eth_type)
        sent = self.exact(packet, in_port)
        return None if sent is None else (sent[0], sent[1].labels, sent[1].eth_type)

    def exact(self, packet: Packet, in_port: int) -> tuple[int, Packet] | None:
        """The same with the time to live counted, and nothing remembered."""
        sent = self.switch.process(packet, in_port)
        if len(sent) > 1:
            raise LabError("a rule sends the same packet out twice: the model cannot follow both")
        return (sent[0].port, sent[0].packet) if sent else None

    @property
    def identity(self) -> object:
        """Equal for states of one switch that do the same: a cookie of ours is a digest of its rule."""
        return (frozenset(rule.cookie for rule in self.state.flows), self.state.groups, self.state.live_ports)

    @property
    def forgets(self) -> bool:
        """Whether all that table 0 does with labelled packets begins by forgetting their port."""
        if self._forgets is None:
            first = [rule for rule in self.state.flows if rule.table == 0 and rule.match.eth_type in (None, ETH_MPLS)]
            self._forgets = all(rule.match.in_port is None and rule.actions[:1] == (ForgetInPort(),) for rule in first)
        return self._forgets


UNLABELLED = ETH_IPV4
