"""What crosses the border between the pure brain and the OpenFlow shim: events in, commands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controller.orders import Order
from topology.forwarding import FlowRule, GroupRule

# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class SwitchUp:
    """A switch connected and was read back: which of our rules, groups and live ports it has."""

    pop: str
    cookies: frozenset[int]
    """Cookies of the flows that carry our mark, over all tables."""
    groups: tuple[GroupRule, ...]
    ports: Mapping[int, bool]
    """Port number → live (carrier, and BFD where it runs)."""
    without_carrier: frozenset[int] = frozenset()
    """Ports that have no carrier: definite, where "not live" may merely be BFD that is not up yet."""


@dataclass(frozen=True, slots=True)
class SwitchDown:
    pop: str


@dataclass(frozen=True, slots=True)
class PortStatus:
    pop: str
    port: int
    live: bool
    carrier: bool = True
    """False when the port lost its carrier: definite, where ``live`` may merely not be up yet."""


@dataclass(frozen=True, slots=True)
class BarrierReply:
    """All mods of the ``Program`` with this token are in force at ``pop``."""

    pop: str
    token: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """An operator asked for something."""

    order: Order


Event = SwitchUp | SwitchDown | PortStatus | BarrierReply | Tick | Ordered

# ------------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True)
class AddFlow:
    """Add, or overwrite the entry with the same table, priority and match; restarts its timeout."""

    rule: FlowRule


@dataclass(frozen=True, slots=True)
class DeleteFlow:
    """Delete whatever has exactly this cookie, in all tables."""

    cookie: int


@dataclass(frozen=True, slots=True)
class DeleteOwned:
    """Delete all flows whose cookie carries this owner's mark, in all tables."""

    owner: int


@dataclass(frozen=True, slots=True)
class AddGroup:
    group: GroupRule


@dataclass(frozen=True, slots=True)
class ModifyGroup:
    group: GroupRule


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    """Only once no flow points to it: deleting a group deletes its flows (OpenFlow 1.3, 6.5)."""

    id: int


Mod = AddFlow | DeleteFlow | DeleteOwned | AddGroup | ModifyGroup | DeleteGroup


@dataclass(frozen=True, slots=True)
class Program:
    """Send ``mods`` in order, then one barrier; its reply is ``BarrierReply(pop, token)``."""

    pop: str
    mods: tuple[Mod, ...]
    token: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a line in the brain's log."""

    what: str
    data: Mapping[str, Any] = field(default_factory=dict)


Command = Program | Note
