"""The label plan (20 bits, RFC 3032) and how a path becomes a stack of at most three.

    16000 + index          node SID: the shortest way to that PoP       (RFC 8402)
    24000 + port           adjacency SID: pop, leave by that port; local, immutable
    32000 + key            binding SID: pop, push the segments it stands for
    40000 + key            bypass: round one direction of a link
    48000 + key            second bypass: the same, where the first is cut as well
    56000 + key            node bypass: round the PoP at one end of a link, to the other
    64000 + index          prefix SID of the routing daemons (shadow): their own way to that PoP
    + 0x80000              version bit of node SIDs: new state is programmed under the
                           other version, then the ingress flips (make before break,
                           as in EBB, SIGCOMM'23)

Open vSwitch can push on at most two labels (a push onto three is dropped silently), so an
ingress pushes at most two, and a repair one more.
"""

from __future__ import annotations

from topology.errors import InputError

MAX_STACK = 3
MAX_INGRESS = 2
NODE, ADJACENCY, BINDING, BYPASS, SECOND_BYPASS, NODE_BYPASS = 16000, 24000, 32000, 40000, 48000, 56000
PREFIX = 64000
VERSION_BIT = 0x80000
BLOCK = 8000

Stack = tuple[int, ...]
"""Labels, top first."""


def node(index: int, version: int = 0) -> int:
    """Node SID of the PoP with this index."""
    return NODE + _within_block(index) + (VERSION_BIT if version else 0)


def node_index(label: int | None) -> int | None:
    """The PoP whose node SID, of either version, this is; None for any other label."""
    number = -1 if label is None else (label & ~VERSION_BIT) - NODE
    return number if 0 <= number < BLOCK else None


def adjacency(port: int) -> int:
    """Adjacency SID of a local port."""
    return ADJACENCY + _within_block(port)


def binding(key: int) -> int:
    """Binding SID number ``key``."""
    return BINDING + _within_block(key)


def bypass(key: int) -> int:
    """Bypass label of the direction of a link that ``key`` numbers."""
    return BYPASS + _within_block(key)


def second_bypass(key: int) -> int:
    """Second bypass label of the same."""
    return SECOND_BYPASS + _within_block(key)


def node_bypass(key: int) -> int:
    """Label round the PoP where this direction of a link begins, to the PoP where it ends."""
    return NODE_BYPASS + _within_block(key)


def prefix(index: int) -> int:
    """Prefix SID of the PoP with this index, as OSPF would allot it: base + index (RFC 8665)."""
    return PREFIX + _within_block(index)


_NAMES = (
    (PREFIX, "shadow"),
    (NODE_BYPASS, "node bypass"),
    (SECOND_BYPASS, "second bypass"),
    (BYPASS, "bypass"),
    (BINDING, "binding"),
    (ADJACENCY, "adjacency"),
    (NODE, "node"),
)


def describe(label: int) -> str:
    """``16003`` → ``"node 3"``; what a path trace prints."""
    version = "′" if label & VERSION_BIT else ""
    number = label & ~VERSION_BIT
    for base, name in _NAMES:
        if base <= number < base + BLOCK:
            return f"{name}{version} {number - base}"
    return f"label {label}"


def _within_block(number: int) -> int:
    if not 0 <= number < BLOCK:
        raise InputError(f"the label plan has room for {BLOCK} of a kind; number {number} does not fit")
    return number
