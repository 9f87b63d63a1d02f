"""Max-min fair shares: nobody can get more without taking from somebody who has less (Bertsekas & Gallager, 6.5.2)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Place = TypeVar("Place", bound=Hashable)
_CLOSE = 1e-9


def shares(wanted: Sequence[float], ways: Sequence[Sequence[Place]], capacity: Mapping[Place, float]) -> list[float]:
    """What each flow gets, at most what it wants; ``ways`` are the places that it crosses."""
    given = [0.0] * len(wanted)
    growing = {flow for flow, rate in enumerate(wanted) if rate > 0}
    room = dict(capacity)
    while growing:
        users: dict[Place, int] = {}
        for flow in sorted(growing):
            for place in ways[flow]:
                users[place] = users.get(place, 0) + 1
        step = min(wanted[flow] - given[flow] for flow in growing)
        step = min([step, *(room[place] / count for place, count in users.items())])
        for flow in growing:
            given[flow] += step
        for place, count in users.items():
            room[place] -= step * count
        full = {place for place in users if room[place] <= _CLOSE * capacity[place]}
        growing = {
            flow
            for flow in growing
            if wanted[flow] - given[flow] > _CLOSE * wanted[flow] and full.isdisjoint(ways[flow])
        }
    return given
