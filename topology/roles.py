"""The roles that a switch gives its controllers' connections, and the fence between them. Pure bookkeeping.

OpenFlow 1.3.5, 6.3.4–6.3.6: at most one MASTER; who asks for MASTER or SLAVE shows a generation_id,
and is refused (OFPRRFC_STALE) when it is older than the newest that the switch has seen. A SLAVE's
writes are refused (OFPBRC_IS_SLAVE). Open vSwitch keeps it likewise (``ofproto/connmgr.c``).

The fence is cooperative: a connection begins as EQUAL, and EQUAL is asked for without a
generation_id and may write. Who never asks for a role, or asks for EQUAL, is not kept out.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Literal
from weakref import WeakKeyDictionary

Role = Literal["equal", "master", "slave"]
EQUAL: Role = "equal"
MASTER: Role = "master"
SLAVE: Role = "slave"
STALE, IS_SLAVE = "OFPRRFC_STALE", "OFPBRC_IS_SLAVE"
GENERATIONS = 1 << 64
"""generation_id counts modulo this."""


def is_older(generation: int, than: int) -> bool:
    """By the sign of the 64-bit difference: the numbers may wrap (OpenFlow 1.3.5, 6.3.6)."""
    return (generation - than) % GENERATIONS >= GENERATIONS // 2


class Roles:
    """Of one switch, by connection (any object that stands for one)."""

    def __init__(self) -> None:
        self.generation: int | None = None
        """The newest that a MASTER or SLAVE has shown; None before the first."""
        self._roles: MutableMapping[object, Role] = WeakKeyDictionary()

    def of(self, connection: object) -> Role:
        """EQUAL until it asks for another."""
        return self._roles.get(connection, EQUAL)

    def request(self, connection: object, role: Role, generation: int) -> str:
        """Take the request; returns OpenFlow's name for the refusal, empty when it is granted."""
        if role != EQUAL:
            if self.generation is not None and is_older(generation, self.generation):
                return STALE
            self.generation = generation
        if role == MASTER:
            for other in [other for other, held in self._roles.items() if held == MASTER]:
                self._roles[other] = SLAVE
        self._roles[connection] = role
        return ""

    def may_write(self, connection: object) -> bool:
        return self.of(connection) != SLAVE
