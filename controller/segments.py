"""An explicit path as segments: which labels pin it (RFC 8402), within the two that an ingress may push.

The farthest node SID whose shortest path stays on the wanted one, else an adjacency SID; and so on.
What does not fit into two labels waits at a PoP on the way, behind a binding SID that stands for
the rest of the path (as in EBB, SIGCOMM'23).
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.paths import Hops, Paths
from topology import labels
from topology.labels import MAX_INGRESS, Stack

SEGMENTS_PER_PATH = 64
"""Binding SIDs reserved per path, so that the keys of one do not depend on the others."""


@dataclass(frozen=True, slots=True)
class Binding:
    """At ``pop``, ``label`` (alone on the stack) stands for ``stack``, top first."""

    pop: str
    label: int
    stack: Stack


@dataclass(frozen=True, slots=True)
class Steered:
    """What an explicit path becomes: the ingress's labels, and the binding SIDs on its way."""

    stack: Stack
    bindings: tuple[Binding, ...]


def compiled(paths: Paths, version: int, hops: Hops, number: int) -> Steered:
    """``hops`` from ingress to egress; ``number`` is the path's own among all explicit ones."""
    pinned = _pinned(paths, version, hops)
    heads = [pinned[at : at + MAX_INGRESS] for at in range(max(1, len(pinned) - 1))]
    stacks = [
        tuple(label for label, _ in head)
        if at + MAX_INGRESS >= len(pinned)
        else (head[0][0], labels.binding(number * SEGMENTS_PER_PATH + at + 1))
        for at, head in enumerate(heads)
    ]
    bindings = tuple(
        Binding(pinned[at - 1][1], labels.binding(number * SEGMENTS_PER_PATH + at), stacks[at])
        for at in range(1, len(stacks))
    )
    return Steered(stacks[0], bindings)


def _pinned(paths: Paths, version: int, hops: Hops) -> list[tuple[int, str]]:
    """(label, the PoP where it has done its work), in order; the last is the egress's node SID."""

    def node(pop: str) -> tuple[int, str]:
        return labels.node(paths.topology.pop(pop).index, version), pop

    pinned: list[tuple[int, str]] = []
    at, end = 0, len(hops) - 1
    while at < end:
        reach = max(
            (to for to in range(at + 1, end + 1) if paths.hops(hops[at], hops[to]) == hops[at : to + 1]), default=0
        )
        if reach:
            pinned.append(node(hops[reach]))
        else:
            reach = at + 1
            link = paths.topology.link(f"{hops[at]}-{hops[reach]}")
            pinned.append((labels.adjacency(paths.topology.port(hops[at], link)), hops[reach]))
        at = reach
    return pinned if pinned[-1] == node(hops[-1]) else [*pinned, node(hops[-1])]
