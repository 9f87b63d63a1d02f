"""Quantities as people write them: ``"10 Gbit/s"``, ``"12 ms"``, ``"1 %"``.

Inside the program a quantity is a plain float whose name carries the unit:
``_bps`` (bit/s), ``_ms``, ``_s``, ``_km``, ``_pct``.
"""

from __future__ import annotations

import re
from math import isfinite

_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\s*([^\s].*?)?\s*")
_RATES_BPS = {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9, "Tbit/s": 1e12}
_TIMES_S = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_SHARES = {"%": 0.01}


def _parse(text: object, units: dict[str, float], what: str, like: str) -> float:
    match = _NUMBER.fullmatch(str(text)) if not isinstance(text, bool) else None
    value = float(match[1]) * units.get(match[2], float("nan")) if match else float("nan")
    if not isfinite(value):
        known = f"unit{'s' if len(units) > 1 else ''}: {', '.join(units)}"
        raise ValueError(f"'{text}' is not a {what}; write it like '{like}' ({known})")
    return value


def parse_rate_bps(text: object) -> float:
    """``"10 Mbit/s"`` → 1e7. Raises ValueError for anything without a known unit."""
    return _parse(text, _RATES_BPS, "rate", "10 Mbit/s")


def parse_time_s(text: object) -> float:
    """``"12 ms"`` → 0.012; ``0`` alone needs no unit. Raises ValueError otherwise."""
    return 0.0 if text in (0, "0") and text is not False else _parse(text, _TIMES_S, "time", "20 ms")


def parse_share(text: object) -> float:
    """``"10 %"`` → 0.1. Raises ValueError without ``%`` (is 1 all or a hundredth?) and outside 0…100 %."""
    share = _parse(text, _SHARES, "share", "5 %")
    if share > 1:
        raise ValueError(f"'{text}' is more than 100 %")
    return share


def format_rate(bps: float) -> str:
    """1e7 → ``"10 Mbit/s"``."""
    for unit, factor in reversed(_RATES_BPS.items()):
        if bps >= factor:
            return f"{bps / factor:.3g} {unit}"
    return f"{bps:.3g} bit/s"


def format_time(seconds: float) -> str:
    """0.012 → ``"12 ms"``; 90 → ``"90 s"``."""
    if seconds == 0 or seconds >= 1:
        return f"{seconds:.4g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"
