"""What a topology file says: its keys, and the checks across them.

    name, source           optional text
    path factor            optional k of links without a length; 1.5 unless given
    brain                  the PoP where the controller lives
    pops                   list of {name, city, region, lat, lon, population}
    links                  list of {ends: [a, b], capacity, length, delay, risk groups}

``parse`` tells every mistake of a file at once, each with line, column and key path.
Of a PoP, ``lat`` and ``lon`` (together), ``region`` and ``population`` may be left out:
they then come from GeoNames, by the city's name (``"London, CA"`` for the one in Canada).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from topology import fields
from topology.connectivity import pieces
from topology.document import Mistakes, Record, Value
from topology.draft import Draft, Fibre, complete, describe_pieces
from topology.errors import unknown
from topology.geography import BACKBONE_PATH_FACTOR, LatLon
from topology.model import Pair, Pop

T = TypeVar("T")
_TOPOLOGY = {
    "name": "what to call the topology",
    "source": "where the data comes from",
    "path factor": "fibre length / great-circle distance, such as 1.5",
    "brain": "the PoP where the controller lives",
    "pops": "the list of PoPs",
    "links": "the list of links",
}
_POP = {
    "name": "1–9 characters a-z, 0-9",
    "city": "the city's name",
    "region": "such as 'Europe'",
    "lat": "degrees north, -90 to 90",
    "lon": "degrees east, -180 to 180",
    "population": "people served, such as '12 M'",
}
_LINK = {
    "ends": "the two PoPs, [a, b]",
    "capacity": "the rate each way, such as '40 Gbit/s'",
    "length": "of the fibre, such as '6500 km'",
    "delay": "one way, such as '30 ms'",
    "risk groups": "names of what its fibres share with others",
}
_Pops = dict[str, "Pop | None"]
"""Name → PoP, None for one with mistakes: its name still counts as known."""


def parse(root: Value) -> Draft:
    """The network that a document describes; raises InputError with all its mistakes."""
    mistakes = Mistakes()
    record = Record(root, _TOPOLOGY, mistakes)
    pops = _pops(record, mistakes)
    fibres = _fibres(record, pops, mistakes)
    brain = record.required("brain", lambda value: _known_pop(value, pops))
    path_factor = record.optional("path factor", _scalar(fields.path_factor))
    name = record.optional("name", Value.text)
    source = record.optional("source", Value.text)
    mistakes.raise_if_any()
    return Draft(
        name or Path(root.file).stem,
        tuple(pop for pop in pops.values() if pop is not None),
        tuple(fibres),
        brain or "",
        path_factor or BACKBONE_PATH_FACTOR,
        source or "",
    )


def _pops(record: Record, mistakes: Mistakes) -> _Pops:
    found: _Pops = {}
    for value in record.required("pops", _at_least(2)) or []:
        entry = Record(value, _POP, mistakes)
        name = entry.required("name", _scalar(fields.pop_name))
        pop = _pop(entry, len(found), name or "?", mistakes)
        if name in found:
            mistakes.add(entry.fields["name"], f"PoP '{name}' stands here twice")
        elif name is not None:
            found[name] = pop
    return found


def _pop(entry: Record, index: int, name: str, mistakes: Mistakes) -> Pop | None:
    before = len(mistakes)
    city = entry.required("city", Value.text)
    lat = entry.optional("lat", _scalar(fields.latitude))
    lon = entry.optional("lon", _scalar(fields.longitude))
    region = entry.optional("region", Value.text)
    population = entry.optional("population", _scalar(fields.population))
    if ("lat" in entry.fields) != ("lon" in entry.fields):
        mistakes.add(entry.value, "'lat' and 'lon' go together: give both, or none to look the city up")
    if len(mistakes) > before or city is None:
        return None
    where: LatLon | None = (lat, lon) if lat is not None and lon is not None else None
    try:
        return complete(index, name, city, where=where, region=region, population=population)
    except ValueError as error:
        mistakes.add(entry.fields["city"], str(error))
        return None


def _fibres(record: Record, pops: _Pops, mistakes: Mistakes) -> list[Fibre]:
    found: dict[frozenset[str], Fibre] = {}
    flawed = False
    for value in record.required("links", _at_least(1)) or []:
        entry = Record(value, _LINK, mistakes)
        ends = entry.required("ends", lambda value: _ends(value, pops))
        fibre = _fibre(entry, ends or ("?", "?"))
        flawed = flawed or ends is None
        if ends is not None and frozenset(ends) in found:
            mistakes.add(entry.fields["ends"], f"link {'-'.join(ends)} stands here twice")
        elif ends is not None:
            found[frozenset(ends)] = fibre
    split = pieces(pops, (fibre.ends for fibre in found.values()))
    if found and not flawed and len(split) > 1:
        mistakes.add(record.fields["links"], describe_pieces(split))
    return list(found.values())


def _fibre(entry: Record, ends: Pair) -> Fibre:
    return Fibre(
        ends,
        entry.required("capacity", _scalar(fields.rate_bps)) or 0.0,
        entry.optional("length", _scalar(fields.length_km)),
        entry.optional("delay", _scalar(fields.delay_ms)),
        tuple(entry.optional("risk groups", _texts) or ()),
    )


def _scalar(convert: Callable[[str], T]) -> Callable[[Value], T]:
    return lambda value: convert(value.text())


def _texts(value: Value) -> list[str]:
    return [item.text() for item in value.items()]


def _at_least(least: int) -> Callable[[Value], list[Value]]:
    def convert(value: Value) -> list[Value]:
        items = value.items()
        if len(items) < least:
            raise ValueError(f"expected at least {least}, found {len(items)}")
        return items

    return convert


def _known_pop(value: Value, pops: _Pops) -> str:
    name = value.text()
    if name not in pops:
        raise ValueError(unknown("PoP", name, pops))
    return name


def _ends(value: Value, pops: _Pops) -> Pair:
    names = _texts(value)
    if len(names) != 2:
        raise ValueError(f"a link has two ends, [a, b]; found {len(names)}")
    strangers = [unknown("PoP", name, pops) for name in dict.fromkeys(names) if name not in pops]
    if strangers:
        raise ValueError("; ".join(strangers))
    if names[0] == names[1]:
        raise ValueError(f"a link from {names[0]} to itself")
    return (names[0], names[1])
