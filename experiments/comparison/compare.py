"""Two sets of runs → a row for every number that both know, worst first, and a verdict. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median

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
GONE = "not known any more"
_ORDER = ("worse", GONE, "too few runs", "better", "same")


@dataclass(frozen=True, slots=True)
class Row:
    """One number of both sets; ``word`` says what became of it."""

    key: Key
    difference: Difference
    word: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """``doubts``: runs that were left out, and why; ``lost``: policies that the second set does not have."""

    rows: tuple[Row, ...]
    doubts: tuple[str, ...]
    lost: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """``fail`` when anything is worse, ``unknown`` when anything had too few runs or is gone, else ``pass``."""
        words = {row.word for row in self.rows}
        return "fail" if "worse" in words else "unknown" if words & {GONE, "too few runs"} or self.lost else "pass"


def compare(before: Sequence[Sample], after: Sequence[Sample], metrics: Collection[str] = GATED) -> Comparison:
    """Raises InputError when the sets answer different questions, have no policy in common, or share a run.

    Every number that the first set knows is looked for in the second: what vanished is no success.
    """
    alike([*before, *after])
    if twice := [sample.run for sample in after if sample in before]:
        raise InputError("is in both sets, and would be compared with itself", place=twice[0])
    there = {key.policy for key in _keys(after)}
    keys = [key for key in _keys(before) if key.metric in metrics]
    lost = tuple(dict.fromkeys(key.policy for key in keys if key.policy not in there))
    rows = [_row(key, before, after) for key in keys if key.policy in there]
    if not rows:
        raise InputError("the two sets have no policy and metric in common")
    rows.sort(key=lambda row: _ORDER.index(row.word))
    return Comparison(tuple(rows), (*_doubts([*before, *after]), *map(_lost, lost)), lost)


def _lost(policy: str) -> str:
    return f"{policy} is in the first set only: whether it became worse is not known"


def _keys(samples: Sequence[Sample]) -> list[Key]:
    return list(dict.fromkeys(key for sample in samples for key in sample.values))


def _row(key: Key, before: Sequence[Sample], after: Sequence[Sample]) -> Row:
    first, second = _trusted(key, before), _trusted(key, after)
    fewer = len(first) == _believed(key, before) and len(second) < _believed(key, after)
    if not first or not second:
        nothing = Difference(tuple(v for v, _ in first), tuple(v for v, _ in second), 0.0, 0.0, 0.0, 0.0)
        return Row(key, nothing, GONE if first and fewer else "too few runs")
    slack = median(error for _, error in (*first, *second))
    found = difference([value for value, _ in first], [value for value, _ in second], slack)
    word = found.word(key.metric in MORE_IS_BETTER)
    return Row(key, found, GONE if fewer and word != "worse" else word)


def _trusted(key: Key, samples: Sequence[Sample]) -> list[tuple[float, float]]:
    return [sample.values[key] for sample in samples if key.policy in sample.trusted and key in sample.values]


def _believed(key: Key, samples: Sequence[Sample]) -> int:
    return sum(key.policy in sample.trusted for sample in samples)


def _doubts(samples: Sequence[Sample]) -> list[str]:
    return [
        f"{sample.run}: {policy} is left out: its machine could not be believed, or a fault not be shown"
        for sample in samples
        for policy in sorted({key.policy for key in sample.values} - sample.trusted)
    ]
