"""A Topology as JSON and back, exactly: the controller's inventory file.

Needs the standard library only, so that the controller starts fast.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from topology.errors import InputError
from topology.model import Link, Pop, Topology

FORMAT = 1


def dump(topology: Topology) -> str:
    """JSON that ``loads`` reads back to an equal Topology (floats by shortest repr: exact)."""
    return json.dumps({"format": FORMAT, **asdict(topology)}, indent=1, ensure_ascii=False) + "\n"


def loads(text: str) -> Topology:
    """Raises InputError when the text is not an inventory that ``dump`` wrote."""
    try:
        data = json.loads(text)
        if data.pop("format") != FORMAT:
            raise ValueError(f"this program reads format {FORMAT}")
        pops = tuple(Pop(**pop) for pop in data.pop("pops"))
        links = tuple(Link(**{**link, "risk_groups": tuple(link["risk_groups"])}) for link in data.pop("links"))
        return Topology(pops=pops, links=links, **data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"not a topology inventory: {error!r}") from error
