"""A study of survival as its author wrote it, and how its file is read. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from experiments.asking import reading
from experiments.asking.grammar import Grammar
from experiments.asking.reading import CATALOGUE, Found, Source
from experiments.asking.spec import Model, Name, Seconds, Share
from experiments.policies import wrong
from topology.errors import InputError, Problem

MAX_SEEDS = 1_000_000
YEAR_S = 8766 * 3600.0
RATES = ("cuts_per_link_year", "cuts_per_1000_km_year")


class ProcessSpec(Model):
    """How fibres break and how long it takes to mend them."""

    cuts_per_link_year: float = Field(default=0.0, description="Poisson rate of each link", ge=0)
    cuts_per_1000_km_year: float = Field(default=0.0, description="the same per 1,000 km of its length, added", ge=0)
    mean_repair: Seconds = Field(description="mean of the exponential time from a cut to its mend", gt=0)
    horizon: Seconds = Field(description="how long each life is followed", gt=0, le=100 * YEAR_S)


class PromiseSpec(Model):
    """What users were promised."""

    availability: Share = Field(description="demand-weighted share of good pair-windows", gt=0, lt=1)
    window: Seconds = Field(description="over each stretch of this length", gt=0, le=10 * YEAR_S)


class SurvivalSpec(Model):
    """The whole question."""

    name: Name = Field(description="the study's name; names its folder of results")
    question: str = Field(default="", description="filled from the first comment of the file")
    topologies: tuple[str, ...] = Field(description="as `failstatic run --topology` takes them", min_length=1)
    policies: tuple[str, ...] = Field(description="designs to compare", min_length=1)
    seeds: int = Field(default=1000, description="lives per topology and policy", ge=2, le=MAX_SEEDS)
    first_seed: int = Field(default=1, description="the lives' seeds are this one and those after it", ge=0, lt=2**31)
    process: ProcessSpec = Field(description="what happens to the fibres")
    promise: PromiseSpec = Field(description="when a life counts as ended")


GRAMMAR = Grammar(SurvivalSpec, {"process": ProcessSpec, "promise": PromiseSpec})


def shipped() -> dict[str, Path]:
    """Name → file of the studies that come along."""
    return reading.shipped_in(CATALOGUE / "survival")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line may change in a study; None leaves it."""

    topologies: tuple[str, ...] | None = None
    policies: tuple[str, ...] | None = None
    seeds: int | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """Key of the spec → its value, of what was chosen."""
        return {name: value for name, value in asdict(self).items() if value is not None}


OPTIONS = {"topologies": "--topology", "policies": "--policy", "seeds": "--seeds"}


def read(name: str, choice: Choice = Choice()) -> SurvivalSpec:
    """A shipped study or a path. Raises InputError with all mistakes of the file, or of the choice, at once."""
    origin = reading.source(name, shipped(), "study")
    found = [*origin.duplicates, *GRAMMAR.mistakes(origin), *_policies(origin), *_process(origin)]
    if found:
        in_order = sorted(dict.fromkeys(found), key=lambda entry: origin.position(entry[0]))
        raise InputError(origin.problem(loc, message) for loc, message in in_order)
    if problems := list(_wrong_choices(origin, choice)):
        raise InputError(problems)
    return SurvivalSpec.model_validate({**origin.data, **choice.changes, "question": reading.question(origin.file)})


def _wrong_choices(origin: Source, choice: Choice) -> Iterator[Problem]:
    for loc, message in GRAMMAR.refused({**origin.data, **choice.changes}):
        yield Problem(OPTIONS.get(str(loc[0]), ""), message)
    for name in choice.policies or ():
        if message := wrong(name):
            yield Problem(OPTIONS["policies"], message)


def _policies(origin: Source) -> list[Found]:
    named = origin.data.get("policies") if isinstance(origin.data, dict) else None
    texts = [(i, name) for i, name in enumerate(named if isinstance(named, list) else ()) if isinstance(name, str)]
    return [(("policies", i), wrong(name)) for i, name in texts if wrong(name)]


def _process(origin: Source) -> list[Found]:
    """A process in which nothing happens."""
    given = origin.data.get("process") if isinstance(origin.data, dict) else None
    if not isinstance(given, dict) or any(given.get(name, 0) for name in RATES):
        return []
    return [(("process",), f"nothing ever breaks: give {' or '.join(RATES)}, or both")]
