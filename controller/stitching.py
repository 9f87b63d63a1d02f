"""How slices are stitched together: what the brain of one puts into its PoPs for the PoPs of the others. Pure.

    ingress, to d of another slice   push [node SID of the best border, binding SID of d]
    border, binding SID of d         leave by its own link towards d's slice; without one, on to a border that has
    first PoP inside d's slice       binding SID of d becomes node SID of d

A binding SID (RFC 8402, 5) hides what is behind the border: the other slice's paths and its version bit.
Packets only cross into slices that are fewer borders away from d's, so brains that know different things
cannot send them round in a circle. Of the others a brain knows the inventory: which links lead there, and
how far it is with all links up. Repairs are by the labels of ``controller.repairs`` over the whole network,
which all brains derive from the same inventory: a PoP goes round a cut through any slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from controller.paths import Paths, shortest
from controller.slices import Slices
from topology import labels
from topology.labels import Stack
from topology.model import Link


class Exit(NamedTuple):
    """A link out of the slice: from ``border`` to ``beyond``."""

    link: Link
    border: str
    beyond: str


@dataclass(frozen=True, slots=True)
class Relay:
    """What a border does with a binding SID: leave by the group of ``port``; 0: push ``label`` and look again."""

    index: int
    port: int
    label: int = 0


@dataclass(frozen=True, slots=True)
class Stitch:
    """What one PoP holds for other slices."""

    ingress: Mapping[int, Stack]
    """Index of the destination → labels, top first."""
    relays: tuple[Relay, ...] = ()
    arrivals: tuple[int, ...] = ()
    """Indices whose binding SID becomes the node SID here."""


Stitching = Mapping[str, Stitch]
"""By PoP."""


def within(slices: Slices, number: int, paths: Paths) -> Paths:
    """``paths`` as a slice uses them: by its own links. Where these are not enough, those that are lost stay in
    use, and the repair round them, which may lead through other slices."""
    outside = slices.outside(number)
    own = shortest(slices.topology, paths.dead | outside, paths.costs)
    whole = shortest(slices.topology, outside, paths.costs)
    next_hop = np.where(own.next_hop >= 0, own.next_hop, whole.next_hop)
    distance = np.where(np.isfinite(own.distance_ms), own.distance_ms, whole.distance_ms)
    return Paths(slices.topology, paths.dead, next_hop, distance, paths.costs)


def stitching(slices: Slices, number: int, own: Paths, dead: frozenset[str], version: int) -> Stitching:
    """``own``: from ``within``; ``dead``: links that this slice's switches say are down."""
    summary = shortest(slices.topology)
    goals = set(slices.of) - {number}
    exits = {goal: _towards(slices, number, goal, dead) for goal in goals}
    return {pop: _stitch(slices, own, summary, exits, pop, version) for pop in slices.members(number)}


def _towards(slices: Slices, number: int, goal: int, dead: frozenset[str]) -> list[Exit]:
    """Exits that lead nearer to a slice. Where all of them are lost they stay in use, and the repairs round them."""
    beyond = slices.distance[:, goal]
    nearer = [each for each in _exits(slices, number) if beyond[slices.slice_of(each.beyond)] < beyond[number]]
    return [each for each in nearer if each.link.name not in dead] or nearer


def _exits(slices: Slices, number: int) -> Iterator[Exit]:
    for link in slices.between:
        for border, beyond in (link.ends, link.ends[::-1]):
            if slices.slice_of(border) == number:
                yield Exit(link, border, beyond)


def _stitch(
    slices: Slices, own: Paths, summary: Paths, exits: Mapping[int, Sequence[Exit]], pop: str, version: int
) -> Stitch:
    topology, number = slices.topology, slices.slice_of(pop)
    ingress: dict[int, Stack] = {}
    relays: list[Relay] = []
    for other in topology.pops:
        if slices.of[other.index] == number:
            continue
        there = exits[slices.of[other.index]]
        best = _best(own, summary, there, pop, other.name)
        if best is None:
            continue
        label = labels.node(topology.pop(best.border).index, version)
        ingress[other.index] = (
            (labels.binding(other.index),) if best.border == pop else (label, labels.binding(other.index))
        )
        direct = _best(own, summary, [each for each in there if each.border == pop], pop, other.name)
        relays.append(Relay(other.index, topology.port(pop, direct.link)) if direct else Relay(other.index, 0, label))
    border = any(pop in link.ends for link in slices.between)
    arrivals = tuple(other.index for other in topology.pops if slices.of[other.index] == number)
    return Stitch(ingress, tuple(relays), arrivals) if border else Stitch(ingress)


def _best(own: Paths, summary: Paths, exits: Sequence[Exit], pop: str, dst: str) -> Exit | None:
    """The exit over which it is shortest."""
    index = own.topology.pop

    def cost_ms(each: Exit) -> tuple[float, int]:
        before = own.distance_ms[index(pop).index, index(each.border).index]
        after = summary.distance_ms[index(each.beyond).index, index(dst).index]
        return float(before + each.link.delay_ms + after), each.link.index

    return min(exits, key=cost_ms, default=None)
