"""Who wants to talk to whom: the gravity model of demand; pure.

    D_ij ∝ population_i · population_j / (1 + d_ij / d0)^α,   normalised to Σ D_ij = 1

with d_ij the great-circle distance. Deterrence by distance is a modelling choice, not a measurement:
d0 = 5,000 km and α = 1 halve demand at 5,000 km and say so in the report; α = 0 is pure gravity.
"""

from __future__ import annotations

from collections.abc import Mapping

from topology.geography import great_circle_km
from topology.model import Pair, Topology
from traffic.bulk import BulkFlow

DISTANCE_KM = 5000.0
EXPONENT = 1.0


def gravity(topology: Topology, *, distance_km: float = DISTANCE_KM, exponent: float = EXPONENT) -> dict[Pair, float]:
    """Each ordered pair's share of all demand, Σ = 1. Without any population, all pairs are equal."""
    weights: dict[Pair, float] = {}
    for i, a in enumerate(topology.pops):
        for b in topology.pops[i + 1 :]:
            apart_km = great_circle_km((a.lat, a.lon), (b.lat, b.lon))
            weight = a.population * b.population / (1 + apart_km / distance_km) ** exponent
            weights[a.name, b.name] = weights[b.name, a.name] = weight
    total = sum(weights.values())
    return {pair: weights[pair] / total if total else 1 / len(weights) for pair in topology.pairs}


def largest(demand: Mapping[Pair, float], count: int) -> dict[Pair, float]:
    """The ``count`` largest shares, largest first; equal ones in the order of their names."""
    return dict(sorted(demand.items(), key=lambda item: (-item[1], item[0]))[:count])


def bulk_flows(demand: Mapping[Pair, float], count: int, total_bps: float) -> tuple[BulkFlow, ...]:
    """The ``count`` largest flows when all demand together is ``total_bps``; the rest is stated, not sent."""
    return tuple(BulkFlow(src, dst, share * total_bps) for (src, dst), share in largest(demand, count).items())
