"""Every mistake of a spec file at once, each with its place: what ``grammar`` finds in single entries,
and what only the whole file can tell (order, names). ``experiments.asking.prepare`` adds what needs the
topology.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from experiments import policies
from experiments.asking.grammar import Grammar
from experiments.asking.reading import Found, Loc, Source
from experiments.asking.spec import CheckSpec, FaultSpec, PhaseSpec, Spec, TrafficSpec
from experiments.faults import FAULTS
from experiments.faults.brain_return import KILLING, BrainReturn
from experiments.faults.brains import FOLLOWER, LEADER
from experiments.faults.kind import ALL, BRAIN
from experiments.faults.members import QUORUM
from experiments.judging.metric_names import PHASE_ONLY
from topology.errors import Problem, unknown
from topology.units import parse_time_s

PASSING = (LEADER, FOLLOWER, QUORUM)
"""Roles that somebody else may play when a fault ends."""
GRAMMAR = Grammar(
    Spec,
    {"traffic": TrafficSpec, "phases": PhaseSpec, "timeline": FaultSpec, "checks": CheckSpec, "slo": CheckSpec},
)


def targets(origin: Source) -> Iterator[tuple[int, tuple[str, str]]]:
    """(index in the timeline, (kind, target)) of the entries whose kind is known."""
    for i, item in origin.entries("timeline"):
        kind, target = item.get("fault"), item.get("target", "")
        if kind in FAULTS.names() and isinstance(target, str):
            yield i, (str(kind), target)


def mistakes(origin: Source) -> list[Problem]:
    """All that can be told without the topology, in the order of the file."""
    in_order = sorted(found(origin), key=lambda entry: origin.position(entry[0]))
    return [origin.problem(loc, message) for loc, message in in_order]


def found(origin: Source) -> list[Found]:
    """The same, as what is wrong where in the data."""
    parts = (_order(origin), _names(origin), _faults(origin), _ends(origin))
    all_of_them = (origin.duplicates, GRAMMAR.mistakes(origin), *parts)
    return list(dict.fromkeys(chain.from_iterable(all_of_them)))


def wrong_choices(origin: Source, choices: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) of values that the command line puts in place of the file's."""
    data = origin.data if isinstance(origin.data, dict) else {}
    for loc, message in GRAMMAR.refused({**data, **choices}):
        if loc[0] in choices:
            yield str(loc[0]), message


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


def _names(origin: Source) -> Iterator[Found]:
    phases: list[str] = []
    for i, item in origin.entries("phases"):
        if item.get("name") in phases:
            yield ("phases", i, "name"), f"the phase '{item['name']}' stands here twice"
        elif isinstance(item.get("name"), str):
            phases.append(item["name"])
    named = origin.data.get("policies") if isinstance(origin.data, dict) else None
    lists: list[tuple[Loc, object]] = [(("policies",), named)]
    for key in ("checks", "slo"):
        for i, item in origin.entries(key):
            lists.append(((key, i, "policies"), item.get("policies")))
            if isinstance(item.get("phase"), str) and item["phase"] not in phases:
                yield (key, i, "phase"), unknown("phase", item["phase"], phases)
            if item.get("phase") is None and item.get("metric") in PHASE_ONLY:
                known = f"'phase', one of {', '.join(phases)}" if phases else "'phase'"
                yield (key, i, "metric"), f"{item['metric']} is measured per phase: the check needs {known}"
    for loc, names in lists:
        texts = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        for i, name in enumerate(texts):
            if message := policies.wrong(name):
                yield (*loc, i), message
            elif name in texts[:i]:
                yield (*loc, i), f"the policy '{name}' stands here twice"


def _faults(origin: Source) -> Iterator[Found]:
    for i, item in origin.entries("timeline"):
        kind, settings = item.get("fault"), item.get("with")
        if not isinstance(kind, str):
            continue
        if kind not in FAULTS.names():
            yield ("timeline", i, "fault"), unknown("fault", kind, FAULTS.names())
            continue
        wrong, good = _settings(kind, settings if isinstance(settings, dict) else {})
        yield from ((("timeline", i, "with", name), message) for name, message in wrong.items())
        if not wrong and (settings is None or isinstance(settings, dict)):
            try:
                FAULTS.make(kind, **good)
            except ValueError as error:
                yield ("timeline", i, "with"), str(error)


def _ends(origin: Source) -> Iterator[Found]:
    """A role passes on, so an end must name it as a fault did before; who was not killed remembers by itself."""
    struck: dict[str, list[str]] = {}
    killed = False
    for i, item in origin.entries("timeline"):
        name, target, settings = str(item.get("fault")), str(item.get("target", "")), item.get("with")
        if name not in FAULTS.names():
            continue
        kind = FAULTS[name]
        if not kind.restores:
            struck.setdefault(kind.aims_at, []).append(target)
            killed = killed or name in KILLING
            continue
        if target in PASSING and target not in (known := struck.get(kind.aims_at, [])):
            given = ", ".join(f"'{one}'" for one in dict.fromkeys(filter(None, known))) or "nobody by name"
            yield ("timeline", i, "target"), f"nobody was struck as '{target}' before this; struck was {given}"
        if name == BrainReturn.kind:
            if isinstance(settings, dict) and "state" in settings and not killed:
                yield (
                    ("timeline", i, "with", "state"),
                    f"no brain starts here: none was killed ({', '.join(KILLING)})",
                )
            killed = killed and target not in ("", BRAIN, ALL)


def _settings(kind: str, given: dict[str, object]) -> tuple[dict[str, str], dict[str, Any]]:
    """(name → what is wrong with it, name → value of the good ones)."""
    known, wrong, good = FAULTS[kind].settings, {}, {}
    for name, text in given.items():
        try:
            if name not in known:
                raise ValueError(unknown(f"{kind} setting", name, known))
            good[name] = known[name](text)
        except ValueError as error:
            wrong[name] = str(error)
    return wrong, good
