"""What a switch can be told, as data: rules, groups, actions. OpenFlow 1.3 in our words.

Nothing here knows Ryu or Open vSwitch; ``controller.openflow`` translates to messages,
``topology.replica.readback`` from Open vSwitch's own print-out, ``topology.switch``
executes it in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

ETH_IPV4 = 0x0800
ETH_MPLS = 0x8847
OWNER = 0xFA57
"""Upper 16 bits of the cookie of every rule that is the brain's."""
SHADOW_OWNER = 0x05BF
"""… of the rules that routing daemons keep beneath them (``controller.shadow``): no brain touches those."""
PLUMBING_OWNER = 0x9106
"""… of the rules that carry the daemons' own packets: no traffic ever meets them, so nobody reads them back."""
CONFIG_OWNER = 0xFA58
"""… of the rules that a configuration puts above the brain's (``controller.edge``)."""
OWNER_MASK = 0xFFFF << 48


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """None is a wildcard."""

    in_port: int | None = None
    eth_type: int | None = None
    ipv4_dst: str | None = None
    """A prefix such as ``10.0.3.0/24``."""
    mpls_label: int | None = None
    mpls_bos: int | None = None
    """Bottom-of-stack bit."""


@dataclass(frozen=True, slots=True)
class Push:
    """push_mpls 0x8847 and set the label. The new entry's TTL is a copy of what was on top."""

    label: int


@dataclass(frozen=True, slots=True)
class Pop:
    """pop_mpls; ``eth_type`` is what is found beneath."""

    eth_type: int


@dataclass(frozen=True, slots=True)
class Swap:
    """Rewrite the top label."""

    label: int


@dataclass(frozen=True, slots=True)
class DecTtl:
    """Decrement the top entry's TTL; a packet whose TTL is ≤ 1 is dropped."""


@dataclass(frozen=True, slots=True)
class Output:
    port: int


@dataclass(frozen=True, slots=True)
class ToGroup:
    group: int


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Look the packet up again in ``table`` (Nicira extension): after a pop, for the label beneath."""

    table: int


@dataclass(frozen=True, slots=True)
class ForgetInPort:
    """Set in_port to 0 (Nicira extension), so that the packet may leave by the port it came in on.

    A router does that, a switch does not: a repair often has to turn back.
    """


Action = Push | Pop | Swap | DecTtl | Output | ToGroup | Resubmit | ForgetInPort


@dataclass(frozen=True, slots=True)
class FlowRule:
    """One entry of a flow table. ``actions`` are applied in order, then ``goto`` is followed."""

    table: int
    priority: int
    match: Match
    actions: tuple[Action, ...] = ()
    goto: int | None = None
    hard_timeout_s: int = 0
    cookie: int = 0

    @property
    def key(self) -> tuple[int, int, Match]:
        """What OpenFlow calls the same entry: adding it again overwrites."""
        return (self.table, self.priority, self.match)

    @property
    def owner(self) -> int:
        """Whose mark its cookie carries."""
        return self.cookie >> 48

    def signed(self, owner: int = OWNER) -> FlowRule:
        """The rule with its cookie: the owner's mark and a digest of all the rest.

        So two rules are equal when their cookies are, and a table that was read back
        can be compared, and cleaned, without parsing it.
        """
        text = f"{self.table} {self.priority} {_words(self.match)} {self.goto} {self.hard_timeout_s}"
        for action in self.actions:
            text += f" {_words(action)}"
        cookie = owner << 48 | int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")
        return FlowRule(self.table, self.priority, self.match, self.actions, self.goto, self.hard_timeout_s, cookie)


@lru_cache(maxsize=1 << 14)
def _words(part: Match | Action) -> str:
    """``repr`` is most of what a rule costs, and parts repeat."""
    return repr(part)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One way out of a group; ``watch_port`` makes it count only while that port is live."""

    actions: tuple[Action, ...]
    watch_port: int | None = None


@dataclass(frozen=True, slots=True)
class GroupRule:
    """``kind`` is ``"indirect"`` (one bucket) or ``"ff"`` (fast failover: the first live bucket)."""

    id: int
    kind: str
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class SwitchState:
    """All that decides where a switch sends a packet, at one instant."""

    flows: tuple[FlowRule, ...] = ()
    groups: tuple[GroupRule, ...] = ()
    live_ports: frozenset[int] = frozenset()
    """Carrier up and, where BFD runs, BFD up."""


Snapshot = Mapping[str, SwitchState]
"""PoP name → the state of its switch."""
