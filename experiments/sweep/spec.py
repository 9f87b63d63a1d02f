"""A sweep as its author wrote it: pydantic models of the YAML. What stands on an axis is ``values``' business."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from experiments.asking.spec import Metric, Model, Name

MAX_DRAWS = 100_000
SHOWN = ("availability_pct", "outage_max_ms", "blackhole_pair_s", "pairs_dark_max", "repair_ms", "mitigate_s")
"""What the report is about when the file does not say."""


class RandomSpec(Model):
    """Points drawn by chance, the same for every combination of the other axes."""

    n: int = Field(description="how many to draw", ge=1, le=MAX_DRAWS)
    axes: dict[str, Any] = Field(description="what is drawn, and from which distribution", min_length=1)


class SweepSpec(Model):
    """Many runs of one experiment."""

    name: Name = Field(description="the sweep's name; names its folder of results")
    question: str = Field(default="", description="filled from the first comment of the file")
    experiment: str = Field(description="what is run at every point: a shipped name or a YAML file")
    backend: Literal["modelled", "emulated"] = Field(default="modelled", description="modelled or emulated")
    seed: int = Field(default=1, description="decides what is drawn", ge=0, lt=2**31)
    axes: dict[str, Any] = Field(default_factory=dict, description="every combination of these is a point")
    random: RandomSpec | None = Field(default=None, description="points drawn by chance")
    metrics: tuple[Metric, ...] = Field(default=SHOWN, description="what the report shows", min_length=1)
    phases: tuple[str, ...] = Field(default=(), description="phases that the report shows; all when absent")
