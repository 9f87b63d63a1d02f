"""What ``ovs-appctl ofproto/trace`` says about a packet, in ports and label stacks; pure.

So that the in-memory switch (``topology.switch``) can be held against the real one.
The outcome is read from the *datapath actions*, which is what the switch would really do;
the text above them is Open vSwitch's own account of how it got there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from topology.errors import LabError
from topology.forwarding import ETH_MPLS

_ETHERNET_BYTES = 14
_ACTIONS = re.compile(r"^Datapath actions: (.*)$", re.MULTILINE)
_OUTSIDE_BRACKETS = re.compile(r",(?![^()]*(?:\([^()]*\)[^()]*)*\))")
_SAYS_NOTHING = re.compile(r"drop|set\((?!mpls).*|userspace\(.*")
"""userspace: to the controller, which is what becomes of a packet whose TTL has run out."""

Entries = tuple[tuple[int, int], ...]
"""(label, TTL) of each stack entry, top first."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """A copy of the packet leaving by ``port``."""

    port: int
    entries: Entries

    @property
    def stack(self) -> tuple[int, ...]:
        return tuple(label for label, _ in self.entries)


@dataclass(frozen=True, slots=True)
class Trace:
    """``emitted`` is empty when the packet is dropped; ``text`` is Open vSwitch's whole account."""

    emitted: tuple[Emitted, ...]
    text: str


def stack_of(packet: bytes) -> Entries:
    """The label stack of an Ethernet frame (RFC 3032 §2.1); () when it carries none."""
    entries: list[tuple[int, int]] = []
    at, bottom = _ETHERNET_BYTES, int.from_bytes(packet[12:14], "big") != ETH_MPLS
    while not bottom:
        word = int.from_bytes(packet[at : at + 4], "big")
        entries.append((word >> 12, word & 0xFF))
        bottom, at = bool(word >> 8 & 1), at + 4
    return tuple(entries)


def parse_trace(text: str, packet: bytes, openflow_ports: Mapping[int, int]) -> Trace:
    """``openflow_ports``: datapath port → OpenFlow port, of ``parse_ports``. LabError where the account breaks off."""
    stack, emitted = stack_of(packet), []
    found = _ACTIONS.search(text)
    if found is None:
        raise LabError(f"ofproto/trace did not come to an end: {text.strip()}")
    for word in _OUTSIDE_BRACKETS.split(found[1]):
        if word.isdecimal():
            emitted.append(Emitted(openflow_ports[int(word)], stack))
        elif not _SAYS_NOTHING.fullmatch(word):
            stack = _rewrite(word, stack)
    return Trace(tuple(emitted), text)


def parse_ports(text: str) -> dict[int, int]:
    """``dpif/show``: datapath port → OpenFlow port."""
    return {
        int(datapath): int(openflow) for openflow, datapath in re.findall(r"^    \S+ (\d+)/(\d+):", text, re.MULTILINE)
    }


def _rewrite(word: str, stack: Entries) -> Entries:
    if word.startswith("pop_mpls("):
        return stack[1:]
    fields = re.search(r"label=(\d+)(?:/\w+)?,tc=\d+(?:/\w+)?,ttl=(\d+)", word)
    if fields and word.startswith("push_mpls("):
        return ((int(fields[1]), int(fields[2])), *stack)
    if fields and word.startswith("set(mpls("):
        return ((int(fields[1]), int(fields[2])), *stack[1:])
    # recirc: the packet is looked up anew after a pop to IP, where ofproto/trace does not follow.
    raise LabError(f"ofproto/trace cannot say what becomes of the packet after '{word}'")
