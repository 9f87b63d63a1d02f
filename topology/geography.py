"""Where things are on the globe, and how long light needs between them.

Delay one way = k · d / 199 862 km/s, with d the great-circle distance and 199 862 km/s the
speed of light in fibre (c / 1.5). The path factor k says how much longer than the great circle
the way really is: 2.1 on the public Internet, 1.3 on the shortest ways through conduits of the USA (Bozkurt et al.,
"Dissecting Latency in the Internet's Fiber Infrastructure", 2018); 1.5 for a backbone is our assumption.
"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""
FIBRE_KM_PER_S = 199_862.0
BACKBONE_PATH_FACTOR = 1.5
"""k of a backbone: our assumption, between the best conduits and the public Internet."""

LatLon = tuple[float, float]
"""Degrees north, degrees east."""


def great_circle_km(a: LatLon, b: LatLon) -> float:
    """Haversine distance on the mean sphere; within 0.6 % of the ellipsoid."""
    lat_a, lon_a, lat_b, lon_b = map(radians, (*a, *b))
    h = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, h)))


def fibre_delay_ms(length_km: float) -> float:
    """One-way propagation delay along so much fibre."""
    return length_km / FIBRE_KM_PER_S * 1e3


def delay_ms(a: LatLon, b: LatLon, path_factor: float = BACKBONE_PATH_FACTOR) -> float:
    """One-way propagation delay between two places."""
    return fibre_delay_ms(path_factor * great_circle_km(a, b))
