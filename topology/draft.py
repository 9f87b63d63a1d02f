"""A network as somebody drew it, before scale and physics; ``build`` makes the Topology.

Every way to load one (YAML, topohub, CSV, cities) ends in a Draft, so that length, delay
and rate are computed in one place, and what is missing is filled by one rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from topology.geography import BACKBONE_PATH_FACTOR, LatLon, fibre_delay_ms, great_circle_km
from topology.model import Link, Pair, Pop, Topology
from topology.scale import check_rate_scale

MIN_LENGTH_KM = 1.0
"""Between PoPs at the same coordinates: a delay of 0 would read as "no link" in a sparse graph."""
ASSUMED_CAPACITY_BPS = 40e9
"""Of links whose capacity is not known."""


@dataclass(frozen=True, slots=True)
class Fibre:
    """A link as drawn. What is None is computed: length from coordinates, delay from length."""

    ends: Pair
    capacity_bps: float = ASSUMED_CAPACITY_BPS
    """Real rate, not scaled."""
    length_km: float | None = None
    delay_ms: float | None = None
    risk_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a Topology is made from."""

    name: str
    pops: tuple[Pop, ...]
    fibres: tuple[Fibre, ...]
    brain: str
    path_factor: float = BACKBONE_PATH_FACTOR
    """Fibre length / great-circle distance, for fibres without a length."""
    source: str = ""

    def build(self, rate_scale: float) -> Topology:
        """The Topology, its rates scaled; raises InputError for an impossible scale."""
        check_rate_scale(rate_scale)
        places = {pop.name: (pop.lat, pop.lon) for pop in self.pops}
        links = []
        for index, fibre in enumerate(self.fibres):
            a, b = fibre.ends
            length_km = fibre.length_km or max(MIN_LENGTH_KM, self.path_factor * great_circle_km(places[a], places[b]))
            delay_ms = fibre.delay_ms or fibre_delay_ms(length_km)
            links.append(Link(index, a, b, fibre.capacity_bps * rate_scale, length_km, delay_ms, fibre.risk_groups))
        return Topology(self.name, self.pops, tuple(links), self.brain, rate_scale, self.source)


def complete(
    index: int, name: str, city: str, *, where: LatLon | None, region: str | None, population: float | None
) -> Pop:
    """A PoP whose gaps are filled from GeoNames; raises ValueError for an unknown city."""
    if where is None or region is None or population is None:
        from topology import cities  # reads 34,000 cities: only when something is missing

        where = where or cities.find(city).where
        region = region or cities.nearest(where).continent
        population = population or cities.catchment(where)
    return Pop(index, name, city, region, *where, population)


def central(pops: Sequence[Pop]) -> str:
    """The PoP with the least sum of distances to all others: the brain's place when nobody chose one."""
    places = [(pop.lat, pop.lon) for pop in pops]
    return min(pops, key=lambda pop: sum(great_circle_km((pop.lat, pop.lon), place) for place in places)).name


def describe_pieces(found: tuple[tuple[str, ...], ...]) -> str:
    """``"the network is in 2 pieces: lhr fra | syd"``."""
    shown = [" ".join(piece[:12]) + (" …" if len(piece) > 12 else "") for piece in found[:6]]
    return f"the network is in {len(found)} pieces: {' | '.join(shown)}" + (" | …" if len(found) > 6 else "")
