"""The numbers of a sweep as tables: what each design came to, level by level, and what the axes do to it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.report.words import MISSING, amount, number
from experiments.survival.estimate import Figure, curve, mean, median
from experiments.sweep.sensitivity import Effect, effect
from experiments.sweep.topics import Topic

if TYPE_CHECKING:
    import polars

MOST_LEVELS = 60
"""An axis with more is not gone through level by level."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One policy's row of a topic, as words."""

    policy: str
    points: str
    median: str
    middle: str
    """What nine of ten points are between."""
    mean: str
    worst: str
    at: str
    """Where the worst is."""


def summaries(topic: Topic, axes: Sequence[str]) -> Iterator[Summary]:
    for policy in topic.policies:
        mine = topic.of(policy)
        worst = mine.worst()
        low, high = (said(topic, float(np.quantile(mine.values, q))) for q in (0.05, 0.95))
        yield Summary(
            policy,
            number(len(mine.values)),
            _median(mine),
            MISSING if mine.censored else low if low == high else f"{low} – {high}",
            _with_interval(topic, mean(mine.values)) if not mine.censored else MISSING,
            said(topic, float(worst[topic.metric])) + ("" if _is_over(mine, worst) else " or more"),
            place(worst, [axis for axis in axes if axis != "policy"]),
        )


def levels(topic: Topic, axis: str) -> list[tuple[str, list[str]]]:
    """(level, mean of each policy), of an axis that is gone through; empty for others."""
    known = topic.frame[axis].unique(maintain_order=True).to_list()
    if not 2 <= len(known) <= MOST_LEVELS:
        return []
    means = {policy: _means(topic.of(policy), axis) for policy in topic.policies}
    return [
        (level_words(level), [said(topic, means[policy].get(level)) for policy in topic.policies]) for level in known
    ]


def effects(topic: Topic, axes: Sequence[str]) -> list[Effect]:
    """Of each axis by itself. One that lies within another (a fibre within its topology) counts what it adds."""
    frame, values = topic.frame, topic.values
    found = [effect(axis, frame[axis].to_list(), values) for axis in axes if frame[axis].n_unique() > 1]
    return [_beyond(each, [other for other in found if _within(frame, each.axis, other.axis)]) for each in found]


def ranks(topic: Topic, axis: str) -> list[str]:
    """Spearman's correlation under each policy; empty for an axis of names, or of two values."""
    if not topic.frame[axis].dtype.is_numeric() or topic.frame[axis].n_unique() < 3:
        return []
    found = [effect(axis, mine.frame[axis].to_list(), mine.values).rank for mine in map(topic.of, topic.policies)]
    return [MISSING if rank is None else f"{rank:+.2f}" for rank in found]


def verdicts(rows: polars.DataFrame) -> dict[str, dict[str, int]]:
    """Policy → verdict → points."""
    import polars as pl

    counted = rows.group_by("policy", "verdict").agg(pl.col("point").n_unique()).sort("policy", "verdict")
    found: dict[str, dict[str, int]] = {}
    for policy, verdict, points in counted.rows():
        found.setdefault(str(policy), {})[str(verdict)] = int(points)
    return found


def place(row: Mapping[str, Any], axes: Sequence[str]) -> str:
    """The point of a row in words."""
    return ", ".join(f"{axis} {level_words(row[axis])}" for axis in axes)


def level_words(level: Any) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)


def said(topic: Topic, value: float | None) -> str:
    return amount(topic.metric, value)


def _median(mine: Topic) -> str:
    if not mine.censored:
        return said(mine, float(np.median(mine.values)))
    found = median(curve(mine.values, mine.over))
    longest = said(mine, float(mine.values.max()))
    return f"beyond {longest}" if found.value is None else _with_interval(mine, found)


def _with_interval(topic: Topic, found: Figure) -> str:
    value = said(topic, found.value)
    if found.low is None or found.low == found.high:
        return value
    high = "?" if found.high is None else said(topic, found.high)
    return f"{value} ({said(topic, found.low)} – {high})"


def _is_over(mine: Topic, row: Mapping[str, Any]) -> bool:
    return not row.get(f"{mine.metric}.censored")


def _means(mine: Topic, axis: str) -> dict[Any, float]:
    found: dict[Any, list[float]] = {}
    for level, value in zip(mine.frame[axis].to_list(), mine.values, strict=True):
        found.setdefault(level, []).append(float(value))
    return {level: float(np.mean(values)) for level, values in found.items()}


def _within(frame: polars.DataFrame, inner: str, outer: str) -> bool:
    """Every level of one goes with one level of the other, and not the other way round."""
    if inner == outer:
        return False
    together = frame.select(inner, outer).n_unique()
    return together == frame[inner].n_unique() > frame[outer].n_unique()


def _beyond(each: Effect, outer: Sequence[Effect]) -> Effect:
    if each.share is None:
        return each
    return Effect(each.axis, max(0.0, each.share - sum(other.share or 0.0 for other in outer)), each.rank)
