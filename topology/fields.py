"""What a single field may hold: text → value, ValueError with the way out otherwise.

Shared by the YAML schema and the CSV table, which know places but not meanings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container, Mapping
from math import isfinite

from topology.units import parse_rate_bps, parse_time_s

MAX_NAME = 9
"""``<pop>-eth123`` must fit the kernel's 15 characters for an interface."""
RESERVED_NAMES = frozenset({"brain", "lo", "all", "default"})
"""A node of the replica's own, and names that the kernel keeps from interfaces."""

Convert = Callable[[str], float]
_NAME = re.compile(rf"[a-z][a-z0-9]{{0,{MAX_NAME - 1}}}")
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(\S*)\s*")


def pop_name(text: str) -> str:
    """A name that fits Mininet nodes, bridges and interfaces."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"'{text}' is not a PoP name: 1–{MAX_NAME} characters a-z, 0-9, a letter first")
    if text in RESERVED_NAMES:
        raise ValueError(f"'{text}' is a name that the replica or the kernel keeps; call the PoP something else")
    return text


def number(low: float, high: float) -> Convert:
    """A converter for plain numbers within bounds."""

    def convert(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            raise ValueError(f"'{text}' is not a number") from None
        if not low <= found <= high:
            raise ValueError(f"{found:g} is out of range: {low:g} to {high:g}")
        return found

    return convert


def quantity(units: Mapping[str, float], what: str, example: str) -> Convert:
    """A converter for a finite number above 0 with one of these units."""

    def convert(text: str) -> float:
        match = _QUANTITY.fullmatch(text)
        if match is None or match[2] not in units:
            raise ValueError(
                f"'{text}' is not a {what}; write it like '{example}' (units: {', '.join(filter(None, units))})"
            )
        return _positive(text, float(match[1]) * units[match[2]])

    return convert


def _positive(text: str, value: float) -> float:
    if not (value > 0 and isfinite(value)):
        raise ValueError(f"'{text}' must be above 0 and finite")
    return value


latitude = number(-90, 90)
longitude = number(-180, 180)
path_factor = number(1, 10)
population = quantity({"": 1.0, "k": 1e3, "M": 1e6}, "number of people", "12 M")
length_km = quantity({"km": 1.0, "m": 1e-3}, "length", "6500 km")


def rate_bps(text: str) -> float:
    """``"40 Gbit/s"`` → 4e10."""
    return _positive(text, parse_rate_bps(text))


def delay_ms(text: str) -> float:
    """``"30 ms"`` → 30.0."""
    return _positive(text, parse_time_s(text) * 1e3)


def fold(text: str) -> str:
    """Lower case without accents: ``"São Paulo"`` → ``"sao paulo"``."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def slug(text: str, taken: Container[str]) -> str:
    """A valid PoP name made from a city's, not among ``taken``: ``"New York"`` → ``newyork``, ``newyork2``, …"""
    letters = re.sub(r"[^a-z0-9]", "", fold(text))
    base = (letters if letters[:1].isalpha() else f"p{letters}")[:MAX_NAME]
    name, count = base, 1
    while name in taken or name in RESERVED_NAMES:
        count += 1
        name = f"{base[: MAX_NAME - len(str(count))]}{count}"
    return name
