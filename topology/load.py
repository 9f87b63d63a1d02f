"""A reference → a Topology: a shipped name, a YAML file, or one made from public data.

    edge12                          shipped in topology/catalogue (``known()`` lists them)
    path/to/file.yaml               see ``schema``
    topohub:sndlib/nobel-eu         any network of topohub
    csv:FILE                        cities; links generated
    cities:N                        the N largest cities, spread; links generated

The readers of public data are imported only when asked for. ``dump`` and ``loads``
(``inventory``) carry a Topology to the controller.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from topology import document, schema
from topology.draft import Draft
from topology.errors import InputError, unknown
from topology.inventory import dump, loads
from topology.model import Topology
from topology.scale import DEFAULT_RATE_SCALE

__all__ = ["CATALOGUE", "dump", "known", "load", "loads"]

CATALOGUE = Path(__file__).parent / "catalogue"


def known() -> list[str]:
    """The names of the shipped topologies."""
    return sorted(path.stem for path in CATALOGUE.glob("*.yaml"))


def load(ref: str, *, rate_scale: float = DEFAULT_RATE_SCALE) -> Topology:
    """The network that ``ref`` names, its rates times ``rate_scale``; raises InputError with all mistakes."""
    return _draft(ref).build(rate_scale)


def _draft(ref: str) -> Draft:
    scheme, colon, rest = ref.partition(":")
    if colon and scheme in _SCHEMES:
        return _SCHEMES[scheme](rest)
    if ref in known():
        return _yaml(str(CATALOGUE / f"{ref}.yaml"))
    if ref.endswith((".yaml", ".yml")) or "/" in ref:
        return _yaml(ref)
    raise InputError(f"{unknown('topology', ref, known())}; or FILE.yaml, topohub:GROUP/NAME, csv:FILE, cities:N")


def _yaml(path: str) -> Draft:
    return schema.parse(document.read(Path(path)))


def _topohub(key: str) -> Draft:
    from topology import hub

    return hub.draft(key)


def _csv(path: str) -> Draft:
    from topology import table

    return table.draft(Path(path))


def _cities(count: str) -> Draft:
    from topology import generate

    return generate.largest_cities(count)


_SCHEMES: dict[str, Callable[[str], Draft]] = {"topohub": _topohub, "csv": _csv, "cities": _cities}
