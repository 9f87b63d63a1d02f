"""topohub's networks (MIT: Topology Zoo, SNDlib, CAIDA, sea-cable backbones) as Drafts.

Read from the installed package at run time, never copied. What topohub does not know is
assumed, and said in ``source``: capacities, the brain's place, populations (GeoNames).
"""

from __future__ import annotations

import difflib
import warnings
from collections import Counter
from dataclasses import dataclass
from math import radians
from pathlib import Path
from typing import Any

from topology import cities
from topology.connectivity import pieces
from topology.draft import ASSUMED_CAPACITY_BPS, Draft, Fibre, central, complete, describe_pieces
from topology.errors import InputError
from topology.fields import slug
from topology.geography import EARTH_RADIUS_KM, LatLon
from topology.model import Pair, Pop
from topology.units import format_rate

KM_PER_DEGREE = radians(1) * EARTH_RADIUS_KM
PLANE_POPULATION = 1e6
"""Of every PoP of a network without geography: they weigh the same."""


@dataclass(frozen=True, slots=True)
class _Node:
    id: Any
    label: str
    where: LatLon
    on_earth: bool


def draft(key: str) -> Draft:
    """The network ``GROUP/NAME``; raises InputError for an unknown key and for one in pieces."""
    data = _get(key)
    nodes = _nodes(data)
    pops = {node.id: pop for node, pop in zip(nodes, _pops(nodes), strict=True)}
    ends, dropped = _ends(data, pops)
    split = pieces([pop.name for pop in pops.values()], ends)
    if len(split) > 1:
        raise InputError(f"{describe_pieces(split)}. Only a connected network can be run", place=f"topohub:{key}")
    everyone = tuple(pops.values())
    source = "; ".join([*_said(key, nodes), *dropped])
    return Draft(f"topohub:{key}", everyone, tuple(map(Fibre, ends)), central(everyone), source=source)


def keys() -> list[str]:
    """All networks of the installed topohub."""
    root = _root()
    return sorted(str(path.relative_to(root).with_suffix("").as_posix()) for path in root.rglob("*.json"))


def _root() -> Path:
    import topohub

    return Path(str(topohub.__file__)).parent / "data"


def _get(key: str) -> dict[str, Any]:
    import topohub

    names = keys()
    if key not in names:  # asked first: topohub.get would follow "../"
        raise InputError(_unknown(key, names))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # topohub 1.5 leaves its file to the collector
        found: dict[str, Any] = topohub.get(key)
    return found


def _unknown(key: str, names: list[str]) -> str:
    by_lower = {name.lower(): name for name in names}
    near = [by_lower[name] for name in difflib.get_close_matches(key.lower(), by_lower, n=5, cutoff=0.6)]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    groups = Counter(name.split("/")[0] for name in names)
    held = ", ".join(f"{group}/… ({count})" for group, count in sorted(groups.items()))
    return f"unknown topohub network '{key}'{hint} topohub has {held}"


def _nodes(data: dict[str, Any]) -> list[_Node]:
    """Places as degrees. Some networks are drawn on a plane: their units are taken as kilometres."""
    at = [(float(node["pos"][1]), float(node["pos"][0])) for node in data["nodes"]]
    on_earth = all(-90 <= y <= 90 and -180 <= x <= 180 for y, x in at)
    degrees = 1.0 if on_earth else 1 / KM_PER_DEGREE
    return [
        _Node(node["id"], str(node.get("name") or node["id"]), (y * degrees, x * degrees), on_earth)
        for node, (y, x) in zip(data["nodes"], at, strict=True)
    ]


def _pops(nodes: list[_Node]) -> list[Pop]:
    found: dict[str, Pop] = {}
    for node in nodes:
        name = slug(node.label, found)
        region, population = (None, None) if node.on_earth else ("unknown", PLANE_POPULATION)
        found[name] = complete(len(found), name, node.label, where=node.where, region=region, population=population)
    return list(found.values())


def _ends(data: dict[str, Any], pops: dict[Any, Pop]) -> tuple[list[Pair], list[str]]:
    """Links without self loops and parallels, and a word on those that were dropped."""
    ends: dict[frozenset[str], Pair] = {}
    loops = parallels = 0
    for edge in data["edges"]:
        pair = (pops[edge["source"]].name, pops[edge["target"]].name)
        loops += pair[0] == pair[1]
        parallels += frozenset(pair) in ends
        if pair[0] != pair[1]:
            ends.setdefault(frozenset(pair), pair)
    counts = ((loops, "self loop"), (parallels, "parallel link"))
    return list(ends.values()), [f"{count} {what}{'s' * (count > 1)} dropped" for count, what in counts if count]


def _said(key: str, nodes: list[_Node]) -> list[str]:
    """The parts of ``source``: origin, then each assumption."""
    capacity = format_rate(ASSUMED_CAPACITY_BPS)
    origin = f"topohub (MIT) {key}; capacities assumed {capacity}, brain at the most central PoP"
    if nodes[0].on_earth:
        return [origin, f"populations within {cities.CATCHMENT_KM:g} km, {cities.ATTRIBUTION}"]
    return [origin, "drawn on a plane: its units taken as kilometres near 0° N 0° E, PoPs of equal weight"]
