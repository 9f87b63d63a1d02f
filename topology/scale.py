"""Real rates → replica rates. Delays stay 1:1: time is what the testbed measures.

By default 1 Gbit/s becomes 1 Mbit/s, so that one machine can carry a continent.
"""

from __future__ import annotations

from topology.errors import InputError
from topology.units import format_rate

DEFAULT_RATE_SCALE = 1e-3


def check_rate_scale(rate_scale: float) -> float:
    """The scale itself; raises InputError unless 0 < scale ≤ 1."""
    if not 0 < rate_scale <= 1:
        raise InputError(f"the rate scale is {rate_scale:g}; it must be above 0 and at most 1")
    return rate_scale


def describe(rate_scale: float) -> str:
    """One line for the report: ``"rates 1 : 1000 (1 Gbit/s runs at 1 Mbit/s), delays 1 : 1"``."""
    return f"rates 1 : {1 / rate_scale:.6g} (1 Gbit/s runs at {format_rate(1e9 * rate_scale)}), delays 1 : 1"
