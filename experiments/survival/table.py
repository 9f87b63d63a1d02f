"""Lives of many networks and designs → one row each, as figures and as words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.survival import estimate
from experiments.survival.estimate import Curve, Figure

if TYPE_CHECKING:
    import polars

HEADINGS = (
    "network",
    "design",
    "promise kept",
    "lives that keep it",
    "first blackhole",
    "after cuts, with mends",
    "headless budget",
    "mean",
    "survives 1 cut",
    "2 cuts",
)
"""Medians where nothing else is said."""
UNITS_H = {"a": 8766.0, "d": 24.0, "h": 1.0, "min": 1 / 60, "s": 1 / 3600}


@dataclass(frozen=True, slots=True)
class Line:
    """One network under one design; times in hours, the budget in cuts."""

    topology: str
    policy: str
    lives: int
    horizon_h: float
    survival: Curve
    budget: Curve
    kept_h: Figure
    """How long the promise was kept, the median life."""
    kept_share: Figure
    """Lives in which it was kept until the horizon."""
    hole_h: Figure
    """When the first pair was dark that need not have been, the median life."""
    cuts: Figure
    """Cuts until then while fibres were mended, the median life."""
    budget_cuts: Figure
    """Cuts until then when nothing is mended, the median life."""
    budget_mean: Figure
    cut_off_pairs: float
    """Pairs that the cuts of the budget had parted, the mean life: not counted against the design."""


def lines(rows: polars.DataFrame, horizon_h: float) -> list[Line]:
    """In the order of the rows."""
    return [
        _line(str(topology), str(policy), part, horizon_h)
        for (topology, policy), part in rows.group_by("topology", "policy", maintain_order=True)
    ]


def _line(topology: str, policy: str, part: polars.DataFrame, horizon_h: float) -> Line:
    given = {name: part[name].to_numpy() for name in part.columns if name not in ("topology", "policy", "commit")}
    survival = estimate.curve(given["survival_h"], given["broke"])
    budget = estimate.curve(given["budget_cuts"], given["budget_blackholed"])
    return Line(
        topology=topology,
        policy=policy,
        lives=len(part),
        horizon_h=horizon_h,
        survival=survival,
        budget=budget,
        kept_h=estimate.median(survival),
        kept_share=estimate.lasting(survival, horizon_h),
        hole_h=estimate.median(estimate.curve(given["blackhole_h"], given["blackholed"])),
        cuts=estimate.median(estimate.curve(given["cuts"], given["blackholed"])),
        budget_cuts=estimate.median(budget),
        budget_mean=estimate.mean(given["budget_cuts"]),
        cut_off_pairs=float(given["budget_cut_off_pairs"].mean()),
    )


def words(found: Sequence[Line]) -> Iterator[tuple[str, ...]]:
    """Under HEADINGS."""
    for line in found:
        endless = line.budget_cuts.value is None
        yield (
            line.topology,
            line.policy,
            span(line.kept_h, line.horizon_h),
            percent(line.kept_share),
            span(line.hole_h, line.horizon_h),
            number(line.cuts),
            "all" if endless else number(line.budget_cuts),
            "" if endless else number(line.budget_mean, digits=2),
            percent(estimate.lasting(line.budget, 0)),
            percent(estimate.lasting(line.budget, 1)),
        )


def span(hours: Figure, horizon_h: float) -> str:
    """``7.7 d (7.0–8.4)``."""
    unit, size = _unit(horizon_h if hours.value is None else hours.value)
    if hours.value is None:
        return f"> {horizon_h / size:.3g} {unit}"
    return f"{hours.value / size:.3g} {unit}{_interval(hours, lambda side: f'{side / size:.3g}')}"


def _interval(found: Figure, say: Callable[[float], str]) -> str:
    """Empty where all lives were alike."""
    if found.low == found.high == found.value:
        return ""
    low, high = ("…" if side is None else say(side) for side in (found.low, found.high))
    return f" ({low}–{high})"


def _unit(hours: float) -> tuple[str, float]:
    return next(((unit, size) for unit, size in UNITS_H.items() if hours >= size), ("s", UNITS_H["s"]))


def number(found: Figure, digits: int = 0) -> str:
    def say(value: float) -> str:
        return f"{value:.{digits}f}"

    return "…" if found.value is None else say(found.value) + _interval(found, say)


def percent(found: Figure) -> str:
    def say(value: float) -> str:
        return f"{100 * value:.3g}"

    return "–" if found.value is None else f"{say(found.value)} %{_interval(found, say)}"


def markdown(found: Sequence[Line]) -> str:
    """For a document."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *words(found)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
