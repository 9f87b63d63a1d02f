"""Numbers as people write them: the unit from the metric's name, no more digits than the error allows."""

from __future__ import annotations

import math
import re

THIN = "\u202f"
"""Narrow no-break space: between thousands, and between a number and its unit."""
UNITS = {"_ms": "ms", "_pct": "%", "_pair_s": "pair·s", "_demand_s": "demand·s", "_per_s": "/s", "_s": "s"}
MISSING = "–"


def unit(metric: str) -> str:
    """``outage_p50_ms`` → ``ms``; empty for counts and ratios."""
    return next((word for ending, word in UNITS.items() if metric.endswith(ending)), "")


def number(value: float, error: float = 0.0, *, spare: int = 0) -> str:
    """At most three digits, and ``spare`` more than the error's first; thousands apart."""
    if value == 0 and error == 0:
        return "0"
    digits = 0 if value == int(value) else 2 - math.floor(math.log10(abs(value)))
    if error:
        digits = min(2 - math.floor(math.log10(abs(value))) if value else 3, spare - math.floor(math.log10(error)))
    return f"{value:,.{max(0, min(digits, 3))}f}".replace(",", THIN)


def amount(metric: str, value: float | None, error: float = 0.0, *, spare: int = 0) -> str:
    """``("outage_p50_ms", 8050, 50)`` → ``8.05 s``."""
    if value is None:
        return MISSING
    word = unit(metric)
    if word == "ms" and abs(value) >= 1000:
        value, error, word = value / 1000, error / 1000, "s"
    text = number(value, error, spare=spare)
    return f"{text}{THIN}{word}" if word else text


def with_error(metric: str, value: float | None, error: float = 0.0) -> str:
    """``8.05 s ± 0.05``; the error alone says how far to read the number."""
    if value is None or not error:
        return amount(metric, value)
    scale = 1000 if unit(metric) == "ms" and abs(value) >= 1000 else 1
    return f"{amount(metric, value, error)} ± {number(error / scale, error / scale)}"


def bound(metric: str, text: str) -> str:
    """``("outage_max_ms", "≥ 7500")`` → ``≥ 7.5 s``: as the author wrote it, not rounded."""
    return re.sub(r"[\d.]+(?:e[+-]?\d+)?", lambda found: _exact(metric, float(found[0])), text)


def _exact(metric: str, value: float) -> str:
    word = unit(metric)
    if word == "ms" and abs(value) >= 1000:
        value, word = value / 1000, "s"
    return f"{value:g}{THIN}{word}" if word else f"{value:g}"
