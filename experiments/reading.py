"""A spec file → ``Spec``, or every mistake in it at once, each with file, line, column and key path.

``Source`` is the file as plain data that knows its places (YAML is read by
``topology.document``, which refuses bombs); ``mistakes`` collects what pydantic finds and what
only the whole file can tell; ``experiments.targets`` adds what needs the topology.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from experiments.faults import FAULTS
from experiments.spec import CheckSpec, FaultSpec, PhaseSpec, Spec, TrafficSpec
from topology import document
from topology.errors import InputError, Problem, unknown
from topology.units import parse_time_s

CATALOGUE = Path(__file__).parent / "catalogue"
Loc = tuple[str | int, ...]
Found = tuple[Loc, str]
_MODELS: dict[str, type[BaseModel]] = {
    "": Spec,
    "traffic": TrafficSpec,
    "phases": PhaseSpec,
    "timeline": FaultSpec,
    "checks": CheckSpec,
    "slo": CheckSpec,
}


def shipped() -> dict[str, Path]:
    """Name → file of the experiments that come along."""
    return {path.stem: path for path in sorted(CATALOGUE.glob("*.yaml"))}


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
        at = next(loc[:size] for size in range(len(loc), -1, -1) if loc[:size] in self.places)
        return replace(self.places[at], key=_spell(loc)).problem(message)

    def entries(self, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The entries of a list of the file, as far as they are mappings."""
        found = self.data.get(key) if isinstance(self.data, dict) else None
        return ((i, item) for i, item in enumerate(found if isinstance(found, list) else ()) if isinstance(item, dict))


def source(name: str) -> Source:
    """A shipped experiment or a path; raises InputError, naming the shipped ones."""
    path = shipped().get(name)
    if path is None:
        if not (name.endswith((".yaml", ".yml")) or "/" in name):
            raise InputError(unknown("experiment", name, shipped()) + "; or give the path of a YAML file")
        path = Path(name)
    root = document.read(path)
    places: dict[Loc, document.Value] = {}
    duplicates: list[Found] = []
    data = _plain(root, (), places, duplicates)
    return Source(root, data, places, tuple(duplicates))


def spec(origin: Source) -> Spec:
    """The believed spec; call ``mistakes`` first. Raises InputError."""
    try:
        return Spec.model_validate({**origin.data, "question": question(origin.file)})
    except (ValidationError, TypeError) as error:
        raise InputError(str(error), place=str(origin.file)) from error


def mistakes(origin: Source, policies: Collection[str]) -> list[Problem]:
    """All that can be told without the topology, in the order of the file."""
    found = [*origin.duplicates, *_by_pydantic(origin), *_order(origin), *_names(origin, policies), *_faults(origin)]
    problems = [(origin.problem(loc, message), loc) for loc, message in dict.fromkeys(found)]
    return [problem for problem, loc in sorted(problems, key=lambda entry: _position(origin, entry[1]))]


def _position(origin: Source, loc: Loc) -> tuple[int, int]:
    at = next(loc[:size] for size in range(len(loc), -1, -1) if loc[:size] in origin.places)
    return origin.places[at].position


# ------------------------------------------------------------------ the file as plain data


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


def _spell(loc: Loc) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


# ------------------------------------------------------------------ what can be wrong


def _by_pydantic(origin: Source) -> Iterator[Found]:
    if not isinstance(origin.data, dict):
        yield (), f"expected a mapping with the keys {', '.join(Spec.model_fields)}"
        return
    if "question" in origin.data:
        yield ("question",), "the question is the first comment line of the file, not a key"
    try:
        Spec.model_validate({**origin.data, "question": ""})
    except ValidationError as error:
        for item in error.errors(include_url=False):
            yield item["loc"], _say(item["type"], item["loc"], item["msg"], item.get("input"))


def _say(kind: str, loc: Loc, message: str, given: object) -> str:
    fields = _keys(loc[:-1])
    if kind == "extra_forbidden":
        return unknown("key", str(loc[-1]), fields)
    if kind == "missing":
        return f"'{loc[-1]}' is missing: {fields.get(str(loc[-1]), '')}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    shown = "" if isinstance(given, (dict, list, tuple)) else f"; found '{str(given)[:40]}'"
    return message.replace("Input should", "should").replace("Tuple should", "should") + shown


def _keys(loc: Loc) -> dict[str, str]:
    """Key → description, of the mapping at ``loc``."""
    model = _MODELS.get(str(loc[0]) if loc else "")
    fields = model.model_fields if model else {}
    return {field.alias or name: field.description or "" for name, field in fields.items() if name != "question"}


def _order(origin: Source) -> Iterator[Found]:
    end = _time(origin.data.get("end")) if isinstance(origin.data, dict) else None
    for key, strict in (("phases", True), ("timeline", False)):
        before = None
        for i, item in origin.entries(key):
            at = _time(item.get("at"))
            if at is None:
                continue
            if before is not None and (at < before or (strict and at == before)):
                yield (key, i, "at"), f"{at:g} s comes after {before:g} s: {key} must stand in order of time"
            if key == "phases" and i == 0 and at != 0:
                yield (key, i, "at"), "the first phase begins at 0 s"
            if end is not None and at >= end:
                yield (key, i, "at"), f"{at:g} s is not before the end ({end:g} s)"
            before = at


def _time(text: object) -> float | None:
    try:
        return parse_time_s(text)
    except ValueError:
        return None


def _names(origin: Source, policies: Collection[str]) -> Iterator[Found]:
    phases = [str(item.get("name")) for _, item in origin.entries("phases")]
    for i, name in enumerate(phases):
        if name in phases[:i]:
            yield ("phases", i, "name"), f"the phase '{name}' stands here twice"
    lists: list[tuple[Loc, object]] = [(("policies",), (origin.data or {}).get("policies"))] if origin.data else []
    for key in ("checks", "slo"):
        for i, item in origin.entries(key):
            lists.append(((key, i, "policies"), item.get("policies")))
            if isinstance(item.get("phase"), str) and item["phase"] not in phases:
                yield (key, i, "phase"), unknown("phase", item["phase"], phases)
    for loc, names in lists:
        for i, name in enumerate(names if isinstance(names, list) else ()):
            if name not in policies:
                yield (*loc, i), unknown("policy", str(name), policies)
            elif name in names[:i]:  # type: ignore[index]
                yield (*loc, i), f"the policy '{name}' stands here twice"


def _faults(origin: Source) -> Iterator[Found]:
    for i, item in origin.entries("timeline"):
        kind, settings = item.get("fault"), item.get("with")
        if not isinstance(kind, str):
            continue
        if kind not in FAULTS.names():
            yield ("timeline", i, "fault"), unknown("fault", kind, FAULTS.names())
            continue
        known = FAULTS[kind].settings
        for name, text in (settings if isinstance(settings, dict) else {}).items():
            if name not in known:
                yield ("timeline", i, "with", name), unknown(f"setting of {kind}", name, known)
                continue
            try:
                known[name](text)
            except ValueError as error:
                yield ("timeline", i, "with", name), str(error)
