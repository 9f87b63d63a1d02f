"""One state of a switch, and what it does with packets: ``topology.switch`` executes the rules, we remember.

A packet's fate in a switch hangs on its labels, its type, its destination and, unless the rules
forget it, its port; not on its time to live, as long as that lasts. Of the ports it hangs on those
alone that a group asked about on the way, and of the labels on the top one alone unless that is
taken off. So a hop is looked up once, remembered with what it hung on, and holds in every state with
the same tables in which those ports fare alike. Nobody else in this package asks a rule for anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import replace

from topology.errors import LabError
from topology.forwarding import ETH_IPV4, ETH_MPLS, ForgetInPort, SwitchState
from topology.labels import Stack
from topology.switch import Packet, Switch

Hop = tuple[int, Stack, int]
"""Where a packet leaves: port, labels, type."""
ANY_PORT = 0
MOST_ANSWERS = 4096
"""Kept in mind per switch: a few for each destination of the largest network."""
_Key = tuple[int, Stack, int, str]
"""(port, labels, type, address); where only the top label decided: (port, it alone, minus the stack's depth, "")."""


_Answer = tuple[int, int, Hop | None]
"""(ports that were asked about, those of them that lived, the hop)."""


def _onto(hop: Hop | None, beneath: Stack) -> Hop | None:
    """The hop of a packet with these labels beneath those that it gets."""
    return hop and (hop[0], hop[1] + beneath, hop[2])


def bits(ports: Iterable[int]) -> int:
    """A set of ports as the bits of a number: a fifth of the memory."""
    return sum({1 << port for port in ports})


class _Asked(frozenset[int]):
    """Live ports that keep in mind which ports somebody asked about."""

    asked: set[int]

    @classmethod
    def of(cls, ports: Iterable[int]) -> _Asked:
        made = cls(ports)
        made.asked = set()
        return made

    def __contains__(self, port: object) -> bool:
        self.asked.add(port)  # type: ignore[arg-type]
        return super().__contains__(port)


class State:
    """``state`` with its index for look-up, built when first asked."""

    __slots__ = ("_answers", "_before", "_forgets", "_live", "_switch", "live", "state")

    def __init__(self, state: SwitchState, before: State | None = None) -> None:
        """``before``: a state with the same tables, whose index and answers are then used again."""
        self.state, self._before = state, before
        self._switch: Switch | None = None
        self._forgets: bool | None = None
        self._live = _Asked.of(state.live_ports)
        self.live = bits(state.live_ports)
        self._answers: dict[_Key, tuple[_Answer, ...]] = {} if before is None else before._answers

    @property
    def switch(self) -> Switch:
        if self._switch is None:
            self._switch = self._built()
            self._before = None
        return self._switch

    def _built(self) -> Switch:
        watched = replace(self.state, live_ports=self._live)
        if self._before is None:
            return Switch(watched)
        # only the live ports differ: Switch keeps them in its state alone
        shared = copy(self._before.switch)
        shared.state = watched
        return shared

    def forget(self) -> None:
        """What was looked up, in all states with these tables; it can be looked up again."""
        self._answers.clear()

    def same_tables(self, other: State) -> bool:
        """Known without looking: one was made from the other when a port changed."""
        return self._answers is other._answers

    def hop(self, in_port: int, labels: Stack, eth_type: int, address: str) -> Hop | None:
        """Where a packet leaves that comes in by ``in_port``; None when it is dropped. Its time to live is enough."""
        if eth_type == ETH_MPLS and self.forgets:
            in_port = ANY_PORT
        return self.look_up(in_port, labels, eth_type, address)[0]

    def look_up(self, in_port: int, labels: Stack, eth_type: int, address: str) -> tuple[Hop | None, int]:
        """The same for a port that is forgotten already, and on whose life it hangs (ports, as ``bits``)."""
        whole, top = (in_port, labels, eth_type, address), (in_port, labels[:1], -len(labels), "")
        if labels and (known := self._recall(top)):
            return _onto(known[2], labels[1:]), known[0]
        if known := self._recall(whole):
            return known[2], known[0]
        packet = Packet.labelled(address, labels) if labels else Packet(address, eth_type=eth_type)
        self._live.asked.clear()
        sent, deep = self._sent(packet, in_port)
        hop = None if sent is None else (sent[0], sent[1].labels, sent[1].eth_type)
        asked = bits(self._live.asked)
        if deep or not labels:
            self._keep(whole, asked, hop)
        else:
            self._keep(top, asked, hop and (hop[0], hop[1][: len(hop[1]) - len(labels) + 1], hop[2]))
        return hop, asked

    def _recall(self, key: _Key) -> _Answer | None:
        return next((known for known in self._answers.get(key, ()) if self.live & known[0] == known[1]), None)

    def _keep(self, key: _Key, asked: int, hop: Hop | None) -> None:
        if len(self._answers) > MOST_ANSWERS:
            self.forget()
        self._answers[key] = (*self._answers.get(key, ()), (asked, self.live & asked, hop))

    def exact(self, packet: Packet, in_port: int) -> tuple[int, Packet] | None:
        """The same with the time to live counted, and nothing remembered."""
        return self._sent(packet, in_port)[0]

    def _sent(self, packet: Packet, in_port: int) -> tuple[tuple[int, Packet] | None, bool]:
        """What leaves, and whether more than the top label decided."""
        sent, deep = self.switch.look(packet, in_port)
        if len(sent) > 1:
            raise LabError("a rule sends the same packet out twice: the model cannot follow both")
        return ((sent[0].port, sent[0].packet) if sent else None), deep

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
