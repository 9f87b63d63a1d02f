"""When fibres break and when they are mended: a Poisson process of cuts, exponential times of repair. Pure.

Every link is cut at the times of a Poisson process of its own rate, independent of all others and of
the network's state; a cut of a fibre that lies broken already changes nothing. It is mended an
exponential time after it was cut. The same seed gives the same cuts whatever the policy, so policies
are compared on the same misfortune.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from topology.model import Topology

HOURS_PER_YEAR = 8766.0
KM = 1000.0
CUTS, ORDER = 0, 1
"""What chance is asked for: its streams are independent."""


@dataclass(frozen=True, slots=True)
class Process:
    """Parameters of one network's misfortune."""

    cuts_per_link_year: float
    cuts_per_1000_km_year: float
    mean_repair_h: float
    horizon_h: float

    def cuts_per_h(self, topology: Topology) -> NDArray[np.float64]:
        """Rate of each link, in the order of ``Topology.links``."""
        lengths_km = np.array([link.length_km for link in topology.links])
        return (self.cuts_per_link_year + self.cuts_per_1000_km_year * lengths_km / KM) / HOURS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Event:
    """A fibre is cut, or whole again."""

    at_h: float
    link: int
    cut: bool


def events(rates: NDArray[np.float64], process: Process, seed: int) -> list[Event]:
    """All that happens until the horizon, in order of time."""
    chance = _chance(seed, CUTS)
    count = int(chance.poisson(rates.sum() * process.horizon_h))
    at_h = np.sort(chance.uniform(0.0, process.horizon_h, count)).tolist()
    links = chance.choice(len(rates), count, p=rates / rates.sum()).tolist()
    repairs_h = chance.exponential(process.mean_repair_h, count).tolist()
    whole_h = [0.0] * len(rates)
    found: list[Event] = []
    for cut_h, link, repair_h in zip(at_h, links, repairs_h, strict=True):
        if cut_h >= whole_h[link]:
            whole_h[link] = cut_h + repair_h
            found += [Event(cut_h, link, True), Event(whole_h[link], link, False)]
    return sorted((event for event in found if event.at_h < process.horizon_h), key=lambda event: event.at_h)


def order(rates: NDArray[np.float64], seed: int) -> list[int]:
    """All links in the order in which the same process would cut them if nothing were mended."""
    return [int(link) for link in np.argsort(_chance(seed, ORDER).exponential(1.0 / rates))]


def _chance(seed: int, stream: int) -> np.random.Generator:
    """The bits of PCG64 are the same everywhere and for ever."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, stream))))
