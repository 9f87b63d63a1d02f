"""An experiment as its author wrote it: pydantic models of the YAML, nothing resolved yet.

What stands in one entry alone is checked here; order, names and the settings of faults, which
need the rest of the file, in ``experiments.asking.mistakes``; targets, which need the topology, in
``experiments.asking.timeline``. Times are seconds, shares 0…1. A model dumps to JSON that validates to an
equal model; the manifest keeps ``experiments.manifest.resolved`` instead, in plain numbers.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from experiments.judging.metric_names import METRICS, most
from topology.errors import unknown
from topology.units import parse_share, parse_time_s

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_END_S = 3600.0


def _metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(unknown("metric", name, METRICS))
    return name


def _named(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"'{name}' is not a name: lower-case letters, digits and single hyphens")
    return name


Seconds = Annotated[float, BeforeValidator(parse_time_s), PlainSerializer(lambda value: f"{value!r} s")]
Share = Annotated[float, BeforeValidator(parse_share), PlainSerializer(lambda value: f"{value * 100!r} %")]
Name = Annotated[str, StringConstraints(max_length=36), AfterValidator(_named)]
Metric = Annotated[str, AfterValidator(_metric)]
Bound = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Model(BaseModel):
    """Frozen; refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrafficSpec(Model):
    """What is sent. Intervals are part of the spec, not of the machine, so that runs compare."""

    probe_interval: Seconds = Field(default=0.05, description="time between two probes of a pair", ge=0.005, le=10)
    max_pairs: int = Field(default=140, description="probe at most so many ordered pairs", ge=2)
    fine_pairs: int = Field(default=2, description="pairs with fine probes, across the first link fault", ge=0, le=2)
    fine_interval: Seconds = Field(default=0.002, description="time between two fine probes", ge=0.001, le=1)
    bulk_flows: int = Field(default=12, description="largest flows of the demand matrix to send", ge=0, le=64)
    busiest_link_load: Share = Field(
        default=0.2, description="load of the whole demand on its busiest link; scales the bulk flows", gt=0, le=0.9
    )


class PhaseSpec(Model):
    """A stretch of the timeline with a name that checks refer to; it lasts until the next begins."""

    name: Name = Field(description="how checks and the report call it")
    at: Seconds = Field(description="when it begins")
    tables_every: Seconds | None = Field(
        default=None, description="read the tables back at this interval until they equal the oracle's", ge=0.25
    )


class FaultSpec(Model):
    """Something that happens at a time: ``{at: 11 s, fault: link.cut, target: busiest link}``."""

    at: Seconds = Field(description="when")
    fault: str = Field(description="which kind, such as brain.kill")
    target: str = Field(default="", description="what is struck: a name, a role, a region, …: docs/faults.md")
    settings: dict[str, Any] = Field(default_factory=dict, alias="with", description="settings of this kind")

    model_config = ConfigDict(serialize_by_alias=True)


class CheckSpec(Model):
    """What must hold: the metric, in its own unit, between ``min`` and ``max``."""

    metric: Metric = Field(description="what is compared")
    phase: str | None = Field(default=None, description="in which phase; the whole run when absent")
    policies: tuple[str, ...] | None = Field(default=None, description="for which policies; all when absent")
    min: Bound | None = Field(default=None, description="at least")
    max: Bound | None = Field(default=None, description="at most")
    name: str = Field(default="", description="how the report calls it", max_length=100)

    @model_validator(mode="after")
    def _bounds_can_be(self) -> CheckSpec:
        given = [bound for bound in (self.min, self.max) if bound is not None]
        if not given:
            raise ValueError("a check needs 'min', 'max' or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}: nothing can pass")
        limit = most(self.metric)
        if limit is not None and max(given) > limit:
            raise ValueError(f"{max(given):g} cannot be: {self.metric} is at most {limit:g}")
        return self

    def title(self) -> str:
        """The name, or the check in words."""
        limits = (("≥", self.min), ("≤", self.max))
        bounds = [f"{sign} {bound:g}" for sign, bound in limits if bound is not None]
        where = f" in {self.phase}" if self.phase else ""
        return self.name or f"{self.metric}{where} {' and '.join(bounds)}"


class Spec(Model):
    """The whole question."""

    name: Name = Field(description="the experiment's name; names its folder of results")
    question: str = Field(default="", description="filled from the first comment of the file")
    topology: str = Field(description="a shipped name, a YAML file, topohub:KEY, csv:FILE or cities:N")
    policies: tuple[str, ...] = Field(description="designs to compare", min_length=1)
    seed: int = Field(default=1, description="decides everything that chance decides", ge=0, lt=2**31)
    end: Seconds = Field(description="when the timeline ends", gt=0, le=MAX_END_S)
    traffic: TrafficSpec = Field(default=TrafficSpec(), description="what is sent")
    phases: tuple[PhaseSpec, ...] = Field(description="stretches of the timeline", min_length=1)
    timeline: tuple[FaultSpec, ...] = Field(default=(), description="what happens when")
    checks: tuple[CheckSpec, ...] = Field(default=(), description="what the design is predicted to do")
    slo: tuple[CheckSpec, ...] = Field(default=(), description="what users would want of any design")
