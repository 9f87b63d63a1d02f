"""A spec file as plain data that knows its places, and as a ``Spec`` once it is believed.

YAML is read by ``topology.document``, which refuses bombs; ``experiments.asking.mistakes`` finds what
is wrong with a ``Source``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from experiments.asking.spec import Spec
from topology import document
from topology.errors import InputError, Problem, unknown

CATALOGUE = Path(__file__).parents[1] / "catalogue"
INCIDENTS = CATALOGUE / "incidents"
Loc = tuple[str | int, ...]
Found = tuple[Loc, str]
"""Where in the file (keys and indices), and what is wrong there."""


def shipped() -> dict[str, Path]:
    """Name → file of the experiments that come along, the replays of incidents after the others."""
    return shipped_in(CATALOGUE) | shipped_in(INCIDENTS)


def shipped_in(folder: Path) -> dict[str, Path]:
    """Name → file of those in one folder of the catalogue."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def question(path: Path) -> str:
    """The first comment line of a spec: what it asks."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""


@dataclass(frozen=True)
class Source:
    """A spec file, read but not yet believed."""

    root: document.Value
    data: Any
    places: dict[Loc, document.Value]
    duplicates: tuple[Found, ...]

    @property
    def file(self) -> Path:
        return Path(self.root.file)

    def problem(self, loc: Loc, message: str) -> Problem:
        """At the place of ``loc``, or of the nearest thing around it that stands in the file."""
        return replace(self._nearest(loc), key=spell(loc)).problem(message)

    def position(self, loc: Loc) -> tuple[int, int]:
        """Line and column."""
        return self._nearest(loc).position

    def _nearest(self, loc: Loc) -> document.Value:
        return next(self.places[loc[:size]] for size in range(len(loc), -1, -1) if loc[:size] in self.places)

    def entries(self, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The entries of a list of the file, as far as they are mappings."""
        found = self.data.get(key) if isinstance(self.data, dict) else None
        return ((i, item) for i, item in enumerate(found if isinstance(found, list) else ()) if isinstance(item, dict))


def source(name: str, known: Mapping[str, Path] | None = None, what: str = "experiment") -> Source:
    """One of the ``known`` (else: shipped experiments) or a path; raises InputError, naming those that there are."""
    known = shipped() if known is None else known
    path = known.get(name)
    if path is None:
        if not (name.endswith((".yaml", ".yml")) or "/" in name):
            raise InputError(unknown(what, name, known) + "; or give the path of a YAML file")
        path = Path(name)
    return read(path)


def read(path: Path) -> Source:
    """A file of experiments or sweeps. Raises InputError when it cannot or must not be read."""
    root = document.read(path)
    places: dict[Loc, document.Value] = {}
    duplicates: list[Found] = []
    data = _plain(root, (), places, duplicates)
    return Source(root, data, places, tuple(duplicates))


def spec(origin: Source) -> Spec:
    """The believed spec; ``mistakes`` says more about what is wrong. Raises InputError."""
    try:
        return Spec.model_validate({**origin.data, "question": question(origin.file)})
    except (ValidationError, TypeError) as error:
        raise InputError(str(error), place=str(origin.file)) from error


def _plain(value: document.Value, loc: Loc, places: dict[Loc, document.Value], duplicates: list[Found]) -> Any:
    places[loc] = value
    node = value.node
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*loc, i), places, duplicates) for i, item in enumerate(value.items())]
    if not isinstance(node, yaml.MappingNode):
        return yaml.constructor.SafeConstructor().construct_object(node)
    data: dict[str, Any] = {}
    for key, child in node.value:
        name = str(getattr(key, "value", "?"))
        if name in data:
            duplicates.append(((*loc, name), f"key '{name}' stands here twice"))
        data[name] = _plain(document.Value(child, value.file), (*loc, name), places, duplicates)
    return data


def spell(loc: Loc) -> str:
    """``("timeline", 1, "with", "loss")`` → ``"timeline[1].with.loss"``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
