"""Two sets of runs → a row for every number that both know, worst first, and a verdict. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from experiments.comparison.difference import Difference, difference
from experiments.comparison.sample import Key, Sample, alike
from experiments.judging.metric_names import MORE_IS_BETTER
from topology.errors import InputError

GATED = (
    "availability_pct",
    "outage_p99_ms",
    "blackhole_pair_s",
    "repair_ms",
    "stale_route_pct",
    "demand_satisfied_pct",
    "return_cost_s",
    "return_lost",
)
"""What is compared when nobody chooses: one number per question, so that chance has few tickets."""
_ORDER = ("worse", "too few runs", "better", "same")


@dataclass(frozen=True, slots=True)
class Row:
    """One number of both sets; ``word`` says what became of it."""

    key: Key
    difference: Difference
    word: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """``doubts``: runs that were left out, and why."""

    rows: tuple[Row, ...]
    doubts: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """``fail`` when anything is worse, ``unknown`` when anything had too few runs, else ``pass``."""
        words = {row.word for row in self.rows}
        return "fail" if "worse" in words else "unknown" if "too few runs" in words or not words else "pass"


def compare(before: Sequence[Sample], after: Sequence[Sample], metrics: Collection[str] = GATED) -> Comparison:
    """Raises InputError when the sets do not answer the same question, or have no policy in common."""
    alike([*before, *after])
    keys = [key for key in _keys(before) if key in set(_keys(after)) and key.metric in metrics]
    if not keys:
        raise InputError("the two sets have no policy and metric in common")
    rows = [_row(key, before, after) for key in keys]
    rows.sort(key=lambda row: _ORDER.index(row.word))
    return Comparison(tuple(rows), tuple(_doubts([*before, *after])))


def _keys(samples: Sequence[Sample]) -> list[Key]:
    return list(dict.fromkeys(key for sample in samples for key in sample.values))


def _row(key: Key, before: Sequence[Sample], after: Sequence[Sample]) -> Row:
    first, second = _trusted(key, before), _trusted(key, after)
    if not first or not second:
        nothing = Difference(tuple(v for v, _ in first), tuple(v for v, _ in second), 0.0, 0.0, 0.0, 0.0)
        return Row(key, nothing, "too few runs")
    slack = max(error for _, error in (*first, *second))
    found = difference([value for value, _ in first], [value for value, _ in second], slack)
    return Row(key, found, found.word(key.metric in MORE_IS_BETTER))


def _trusted(key: Key, samples: Sequence[Sample]) -> list[tuple[float, float]]:
    return [sample.values[key] for sample in samples if key.policy in sample.trusted and key in sample.values]


def _doubts(samples: Sequence[Sample]) -> list[str]:
    return [
        f"{sample.run}: {policy} is left out, its machine could not be believed"
        for sample in samples
        for policy in sorted({key.policy for key in sample.values} - sample.trusted)
    ]
