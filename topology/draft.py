"""A network as somebody drew it, before scale and physics; ``build`` makes the Topology.

Every way to load one (YAML, topohub, CSV, cities) ends in a Draft, so that length, delay
and rate are computed in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.geography import BACKBONE_PATH_FACTOR, fibre_delay_ms, great_circle_km
from topology.model import Link, Pair, Pop, Topology
from topology.scale import check_rate_scale


@dataclass(frozen=True, slots=True)
class Fibre:
    """A link as drawn. What is None is computed: length from coordinates, delay from length."""

    ends: Pair
    capacity_bps: float
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
            length_km = fibre.length_km
            if length_km is None:
                length_km = self.path_factor * great_circle_km(places[a], places[b])
            delay_ms = fibre_delay_ms(length_km) if fibre.delay_ms is None else fibre.delay_ms
            links.append(Link(index, a, b, fibre.capacity_bps * rate_scale, length_km, delay_ms, fibre.risk_groups))
        return Topology(self.name, self.pops, tuple(links), self.brain, rate_scale, self.source)
