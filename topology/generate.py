"""Links for PoPs whose links nobody knows: a Gabriel graph made two-connected; all synthetic.

Two PoPs are joined when no third lies in the ball of which they are a diameter (Gabriel &
Sokal 1969): it contains the minimum spanning tree and resembles real backbones (Çetinkaya
et al. 2014). Then, as long as the loss of one PoP would split it, the shortest link that
bridges that loss is added. No chance is involved.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import sqrt

from topology import cities
from topology.connectivity import cut_names, pieces_without
from topology.draft import ASSUMED_CAPACITY_BPS, Draft, Fibre, central
from topology.errors import InputError
from topology.fields import slug
from topology.geography import LatLon, great_circle_km
from topology.model import Pair, Pop
from topology.units import format_rate

MIN_CITIES, MAX_CITIES = 3, 330
INHABITED_KM2 = 100e6
"""Land of the Earth without ice and desert, roughly: it sets how far apart cities are picked."""
SYNTHETIC = (
    "synthetic links: Gabriel graph made two-connected, "
    f"each assumed {format_rate(ASSUMED_CAPACITY_BPS)}; {cities.ATTRIBUTION}"
)


def largest_cities(count: str) -> Draft:
    """The N largest cities, no two nearer than half the mean spacing that N PoPs would have.

    So megacities that grew together (Shenzhen, Dongguan, Guangzhou) count once.
    """
    if not (count.isascii() and count.isdigit()) or not MIN_CITIES <= int(count) <= MAX_CITIES:
        raise InputError(f"cities:{count}: N must be a whole number from {MIN_CITIES} to {MAX_CITIES}")
    picked = _spread(int(count), sqrt(INHABITED_KM2 / int(count)) / 2)
    pops: dict[str, Pop] = {}
    for city in picked:
        name = slug(city.name, pops)
        pops[name] = Pop(len(pops), name, city.name, city.continent, *city.where, city.population)
    return generated(f"cities:{count}", tuple(pops.values()))


def generated(name: str, pops: tuple[Pop, ...]) -> Draft:
    """These PoPs with synthetic links, the brain at the most central."""
    fibres = tuple(Fibre(ends) for ends in two_connected_links(pops))
    return Draft(name, pops, fibres, central(pops), source=SYNTHETIC)


def two_connected_links(pops: Sequence[Pop]) -> list[Pair]:
    """The ends of the links, in a fixed order."""
    names, places = [pop.name for pop in pops], {pop.name: (pop.lat, pop.lon) for pop in pops}
    ends = [(names[i], names[j]) for i, j in gabriel([places[name] for name in names])]
    while weak := cut_names(names, ends):
        ends.append(_shortest_round(weak[0], names, ends, places))
    return ends


def gabriel(places: list[LatLon]) -> list[tuple[int, int]]:
    """Index pairs (i < j) of the Gabriel graph, by straight-line distance through the sphere."""
    import numpy as np

    at = cities.unit_vectors(places)
    products = at @ at.T
    found = []
    for i in range(len(places)):
        # c is inside the ball over i–j when the angle i-c-j is obtuse: (i - c) · (j - c) < 0
        inside = products[i][:, None] - products[i][None, :] - products + 1.0 < -1e-12
        found += [(i, int(j)) for j in np.flatnonzero(~inside.any(axis=1)) if j > i]
    return found


def _shortest_round(gone: str, names: list[str], ends: list[Pair], places: dict[str, LatLon]) -> Pair:
    """The shortest link that would hold the rest together without this PoP."""
    split = pieces_without(gone, names, ends)
    candidates = [(a, b) for one, other in combinations(split, 2) for a in one for b in other]
    return min(candidates, key=lambda pair: (great_circle_km(places[pair[0]], places[pair[1]]), pair))


def _spread(count: int, apart_km: float) -> list[cities.City]:
    picked: list[cities.City] = []
    for city in cities.largest():
        if all(great_circle_km(city.where, other.where) >= apart_km for other in picked):
            picked.append(city)
            if len(picked) == count:
                break
    return picked
