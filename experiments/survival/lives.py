"""One life after the other: a seed's cuts and mends, and how long a design bears them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.survival.damage import Damaged
from experiments.survival.process import Event
from experiments.survival.promise import Promise


@dataclass(frozen=True, slots=True)
class Life:
    """Times in hours after the brain's death; where nothing ended it, the horizon stands, and the flag is False."""

    survival_h: float
    broke: bool
    """The promised availability was broken then."""
    blackhole_h: float
    blackholed: bool
    """A pair was dark then that the surviving graph would have served."""
    cuts: int
    """Cuts that were survived before it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Cuts, one after the other, nothing mended. ``cuts`` were survived; then came a blackhole, or no link was left."""

    cuts: int
    blackholed: bool
    cut_off_pairs: int
    """Pairs that these cuts had parted: not blamed on the design."""


def live(network: Damaged, events: Sequence[Event], promise: Promise, horizon_h: float) -> Life:
    """``promise.now_h`` is when the death of the brain shows in the switches."""
    damage = network.damage(frozenset())
    broke_h: float | None = None
    hole_h = promise.now_h if damage.blackhole else None
    dead: set[int] = set()
    cuts = survived = 0
    for event in events:
        broke_h = promise.spend(event.at_h, damage.dark_share) if broke_h is None else broke_h
        if broke_h is not None and (hole_h is not None or network.ideal):
            break
        (dead.add if event.cut else dead.discard)(event.link)
        damage = network.damage(frozenset(dead))
        if hole_h is None:
            survived, cuts = cuts, cuts + event.cut
            hole_h = event.at_h if damage.blackhole else None
    broke_h = promise.spend(horizon_h, damage.dark_share) if broke_h is None else broke_h
    return Life(
        horizon_h if broke_h is None else broke_h,
        broke_h is not None,
        horizon_h if hole_h is None else hole_h,
        hole_h is not None,
        cuts if hole_h is None else survived,
    )


def budget(network: Damaged, order: Sequence[int]) -> Budget:
    """How many cuts in this order are survived."""
    if network.ideal:
        return Budget(len(order), False, network.damage(frozenset(order)).cut_off_pairs)
    parted = 0
    for count in range(len(order) + 1):
        damage = network.damage(frozenset(order[:count]))
        if damage.blackhole:
            return Budget(max(0, count - 1), True, parted)
        parted = damage.cut_off_pairs
    return Budget(len(order), False, parted)
