"""What crosses the border between the pure brain and the OpenFlow shim: events in, commands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from controller.election import Answer, Call
from controller.orders import Order
from topology.forwarding import FlowRule, GroupRule
from topology.roles import Role

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

    def newer(self, port: PortStatus) -> SwitchUp:
        """The same, with what a port has told since."""
        dark = self.without_carrier - {port.port} if port.carrier else self.without_carrier | {port.port}
        return replace(self, ports={**self.ports, port.port: port.live}, without_carrier=dark)


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
class SwitchHello:
    """A switch connected; nothing has been read back yet."""

    pop: str


@dataclass(frozen=True, slots=True)
class RoleReply:
    """The switch has given this connection the role (OpenFlow 1.3.5, 7.3.9)."""

    pop: str
    role: Role
    generation: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The switch obeys a newer leader: it refused a role (OFPRRFC_STALE) or a write (OFPBRC_IS_SLAVE)."""

    pop: str
    code: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What the store said to a ``Consult``."""

    answer: Answer


Contest = SwitchHello | RoleReply | Refused | Answered
"""What only one of several brains asks to know (``controller.standby``)."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """An operator asked for something."""

    order: Order


Event = SwitchUp | SwitchDown | PortStatus | BarrierReply | Tick | Ordered | Contest

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


@dataclass(frozen=True, slots=True)
class AskRole:
    """Ask the switch for a role; its answer is a ``RoleReply`` or ``Refused``."""

    pop: str
    role: Role
    generation: int


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Read the switch's tables again; the answer is a ``SwitchUp``."""

    pop: str


@dataclass(frozen=True, slots=True)
class Consult:
    """Ask the store of the election; its answer comes as ``Answered``."""

    call: Call


Command = Program | Note | AskRole | ReadBack | Consult
