"""What a topology file says: the keys, their units and bounds, and the checks across them.

    name, source           optional text
    path factor            optional k of links without a length; 1.5 unless given
    brain                  the PoP where the controller lives
    pops                   list of {name, city, region, lat, lon, population}
    links                  list of {ends: [a, b], capacity, length, delay, risk groups}

``parse`` tells every mistake of a file at once, each with line, column and key path.
Of a PoP, ``lat`` and ``lon`` (together), ``region`` and ``population`` may be left out where
the city is known to GeoNames.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from pathlib import Path

from topology.connectivity import pieces
from topology.document import Mistakes, Record, Value
from topology.draft import Draft, Fibre
from topology.errors import unknown
from topology.geography import BACKBONE_PATH_FACTOR, LatLon
from topology.model import Pair, Pop
from topology.units import parse_rate_bps, parse_time_s

NAME = re.compile(r"[a-z][a-z0-9]{0,8}")
"""A PoP's name is a Mininet node, a bridge and part of interface names of ≤ 15 characters."""
RESERVED_NAMES = frozenset({"brain"})
"""Mininet nodes of the replica's own."""

_TOPOLOGY = {
    "name": "what to call the topology", "source": "where the data comes from",
    "path factor": "fibre length / great-circle distance, such as 1.5",
    "brain": "the PoP where the controller lives", "pops": "the list of PoPs", "links": "the list of links",
}  # fmt: skip
_POP = {
    "name": "1–9 characters a-z, 0-9", "city": "the city's name", "region": "such as 'Europe'",
    "lat": "degrees north, -90 to 90", "lon": "degrees east, -180 to 180", "population": "people served, such as '12 M'",
}  # fmt: skip
_LINK = {
    "ends": "the two PoPs, [a, b]", "capacity": "the rate each way, such as '40 Gbit/s'",
    "length": "of the fibre, such as '6500 km'", "delay": "one way, such as '30 ms'",
    "risk groups": "names of what its fibres share with others",
}  # fmt: skip
_COUNTS = {"": 1.0, "k": 1e3, "M": 1e6}
_LENGTHS_KM = {"km": 1.0, "m": 1e-3}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(\S*)\s*")


def parse(root: Value) -> Draft:
    """The network that a document describes; raises InputError with all its mistakes."""
    mistakes = Mistakes()
    record = Record(root, _TOPOLOGY, mistakes)
    pops = _pops(record, mistakes)
    fibres = _fibres(record, pops, mistakes)
    brain = record.required("brain", _member(pops))
    path_factor = record.optional("path factor", number(1.0, 10.0))
    name = record.optional("name", Value.text) or Path(root.file).stem
    source = record.optional("source", Value.text) or ""
    mistakes.raise_if_any()
    placed = tuple(pop for pop in pops.values() if pop is not None)
    return Draft(name, placed, tuple(fibres), brain or "", path_factor or BACKBONE_PATH_FACTOR, source)


def _pops(record: Record, mistakes: Mistakes) -> dict[str, Pop | None]:
    """Name → PoP, None for one with mistakes: its name still counts as known."""
    found: dict[str, Pop | None] = {}
    for value in record.required("pops", _at_least(2)) or []:
        fields = Record(value, _POP, mistakes)
        name = fields.required("name", pop_name)
        if name in found:
            mistakes.add(fields.fields["name"], f"PoP '{name}' stands here twice")
            name = None
        pop = _pop(fields, len(found), name or "?", mistakes)
        if name is not None:
            found[name] = pop
    return found


def _pop(fields: Record, index: int, name: str, mistakes: Mistakes) -> Pop | None:
    before = len(mistakes)
    city = fields.required("city", Value.text)
    lat, lon = fields.optional("lat", number(-90, 90)), fields.optional("lon", number(-180, 180))
    region = fields.optional("region", Value.text)
    population = fields.optional("population", quantity(_COUNTS, "number of people", "12 M"))
    if len(mistakes) > before or city is None:
        return None
    if (lat is None) != (lon is None):
        mistakes.add(fields.value, "'lat' and 'lon' go together: give both, or none to look the city up")
        return None
    where: LatLon | None = (lat, lon) if lat is not None and lon is not None else None
    try:
        return complete(index, name, city, where=where, region=region, population=population)
    except ValueError as error:
        mistakes.add(fields.fields["city"], str(error))
        return None


def complete(
    index: int, name: str, city: str, *, where: LatLon | None, region: str | None, population: float | None
) -> Pop:
    """A PoP whose gaps are filled from GeoNames; raises ValueError for an unknown city."""
    if where is None or region is None or population is None:
        from topology import cities  # loads 34,000 cities: only when something is missing

        where = where or cities.find(city).where
        region = region or cities.nearest(where).continent
        population = cities.catchment(where) if population is None else population
    return Pop(index, name, city, region, where[0], where[1], population)


def _fibres(record: Record, pops: dict[str, Pop | None], mistakes: Mistakes) -> list[Fibre]:
    found: dict[frozenset[str], Fibre] = {}
    flawed = False
    for value in record.required("links", _at_least(1)) or []:
        before = len(mistakes)
        fields = Record(value, _LINK, mistakes)
        ends = fields.required("ends", _ends(pops))
        if ends is not None and frozenset(ends) in found:
            mistakes.add(fields.fields["ends"], f"link {'-'.join(ends)} stands here twice")
        fibre = _fibre(fields, ends or ("?", "?"))
        if ends is not None:
            found.setdefault(frozenset(ends), fibre)
        flawed = flawed or (len(mistakes) > before and ends is None)
    if found and not flawed:
        _refuse_pieces(record.fields["links"], list(pops), [fibre.ends for fibre in found.values()], mistakes)
    return list(found.values())


def _fibre(fields: Record, ends: Pair) -> Fibre:
    return Fibre(
        ends,
        fields.required("capacity", _positive(parse_rate_bps)) or 0.0,
        fields.optional("length", quantity(_LENGTHS_KM, "length", "6500 km")),
        fields.optional("delay", _delay_ms),
        tuple(fields.optional("risk groups", _texts) or ()),
    )


def _refuse_pieces(value: Value, names: list[str], ends: list[Pair], mistakes: Mistakes) -> None:
    found = pieces(names, ends)
    if len(found) > 1:
        mistakes.add(value, describe_pieces(found))


def describe_pieces(found: tuple[tuple[str, ...], ...]) -> str:
    """``"the network is in 2 pieces: lhr fra | syd"``."""
    shown = " | ".join(" ".join(piece[:12]) + (" …" if len(piece) > 12 else "") for piece in found[:6])
    return f"the network is in {len(found)} pieces: {shown}" + (" | …" if len(found) > 6 else "")


def pop_name(value: Value) -> str:
    """A name that fits bridges and interfaces; raises ValueError."""
    name = value.text()
    if not NAME.fullmatch(name):
        raise ValueError(f"'{name}' is not a PoP name: 1–9 characters a-z, 0-9, a letter first")
    if name in RESERVED_NAMES:
        raise ValueError(f"'{name}' is the replica's own name; call the PoP something else")
    return name


def number(low: float, high: float) -> Callable[[Value], float]:
    """A converter for plain numbers within bounds."""

    def convert(value: Value) -> float:
        found = _float(value.text())
        if not low <= found <= high:
            raise ValueError(f"{found:g} is out of range: {low:g} to {high:g}")
        return found

    return convert


def quantity(units: dict[str, float], what: str, example: str) -> Callable[[Value], float]:
    """A converter for a number with one of these units, above 0."""

    def convert(value: Value) -> float:
        match = _QUANTITY.fullmatch(value.text())
        if match is None or match[2] not in units or not float(match[1]) > 0:
            known = ", ".join(unit or "none" for unit in units)
            raise ValueError(f"'{value.text()}' is not a {what}; write it like '{example}' (units: {known})")
        return float(match[1]) * units[match[2]]

    return convert


def _float(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not isfinite(found):
        raise ValueError(f"'{text}' is not a number")
    return found


def _positive(convert: Callable[[object], float]) -> Callable[[Value], float]:
    def checked(value: Value) -> float:
        found = convert(value.text())
        if not found > 0:
            raise ValueError(f"'{value.text()}' must be above 0")
        return found

    return checked


def _delay_ms(value: Value) -> float:
    return _positive(parse_time_s)(value) * 1e3


def _texts(value: Value) -> list[str]:
    return [item.text() for item in value.items()]


def _at_least(least: int) -> Callable[[Value], list[Value]]:
    def convert(value: Value) -> list[Value]:
        items = value.items()
        if len(items) < least:
            raise ValueError(f"expected at least {least}, found {len(items)}")
        return items

    return convert


def _member(pops: dict[str, Pop | None]) -> Callable[[Value], str]:
    def convert(value: Value) -> str:
        if value.text() not in pops:
            raise ValueError(unknown("PoP", value.text(), pops))
        return value.text()

    return convert


def _ends(pops: dict[str, Pop | None]) -> Callable[[Value], Pair]:
    def convert(value: Value) -> Pair:
        names = _texts(value)
        if len(names) != 2:
            raise ValueError(f"a link has two ends, [a, b]; found {len(names)}")
        strangers = [unknown("PoP", name, pops) for name in names if name not in pops]
        if strangers:
            raise ValueError("; ".join(strangers))
        if names[0] == names[1]:
            raise ValueError(f"a link from {names[0]} to itself")
        return (names[0], names[1])

    return convert
