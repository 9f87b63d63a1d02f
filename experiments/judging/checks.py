"""Numbers against predictions: pass, fail, or unknown with the reason. Pure.

A check is *unknown* when its number is not known, when its bound lies within the number's own
error, when a fault before it was not proven to have happened, or when the machine could not
be believed (``fidelity``). The SLO column grades the design by the same comparison; it never
touches the verdict, so that a green tick is not read as "this design is good".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import Any

from experiments.judging.metrics import Measured
from experiments.judging.responses import Measure
from experiments.judging.story import Event, Story
from experiments.policies import includes

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"
_WORST_FIRST = (FAIL, UNKNOWN, PASS)


@dataclass(frozen=True, slots=True)
class Check:
    """A bound on one metric. ``phase`` is empty for the whole run."""

    name: str
    metric: str
    phase: str
    min: float | None
    max: float | None
    why: str = ""

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Check:
        """From a resolved spec; ``equals`` is both bounds at once."""
        low, high = (item.get(name, item.get("equals")) for name in ("min", "max"))
        low, high = (item.get("equals") if bound is None else bound for bound in (low, high))
        metric, phase = str(item["metric"]), str(item.get("phase") or "")
        check = cls("", metric, phase, low, high, str(item.get("why") or ""))
        name = str(item.get("name") or "") or f"{metric}{' in ' + phase if phase else ''} {check.bound}"
        return cls(name, metric, phase, low, high, check.why)

    @property
    def bound(self) -> str:
        """In words: ``≤ 10``."""
        if self.min is not None and self.min == self.max:
            return f"= {self.min:g}"
        given = (("≥", self.min), ("≤", self.max))
        return " and ".join(f"{sign} {bound:g}" for sign, bound in given if bound is not None)


@dataclass(frozen=True, slots=True)
class Result:
    """A check's verdict; ``measured`` is what the numbers alone would say."""

    check: Check
    verdict: str
    measure: Measure
    why: str
    measured: str


def compare(measure: Measure, low: float | None, high: float | None) -> str:
    """Pass when all of value ± error lies within the bounds, fail when none does, else unknown.

    What was not over when it was measured is anything from its value on.
    """
    if measure.value is None:
        return UNKNOWN
    least, most = measure.value - measure.error, inf if measure.at_least else measure.value + measure.error
    if (low is not None and most < low) or (high is not None and least > high):
        return FAIL
    if (low is None or least >= low) and (high is None or most <= high):
        return PASS
    return UNKNOWN


def verdict(verdicts: Sequence[str]) -> str:
    """The worst: fail > unknown > pass. Nothing asked is nothing failed."""
    return next((one for one in _WORST_FIRST if one in verdicts), PASS)


def for_policy(items: Sequence[Mapping[str, Any]], policy: str) -> list[Check]:
    """Those entries of a spec's ``checks`` or ``slo`` that are about this policy."""
    named = (item.get("policies") for item in items)
    return [
        Check.read(item)
        for item, names in zip(items, named, strict=True)
        if names is None or any(includes(name, policy) for name in names)
    ]


def run(check: Check, measured: Measured, story: Story, distrust: Sequence[str]) -> Result:
    """``distrust``: the fidelity reasons; with any of them nothing passes and nothing fails."""
    measure = find(check, measured)
    plain = compare(measure, check.min, check.max)
    ends_s = {phase.name: phase.end_s for phase in story.phases}
    doubt = next(chain(distrust, unproven(story, ends_s.get(check.phase, inf))), "")
    if doubt:
        return Result(check, UNKNOWN, measure, doubt, plain)
    return Result(check, plain, measure, _explain(check, measure, plain), plain)


def find(check: Check, measured: Measured) -> Measure:
    """The number that the check is about."""
    if not check.phase:
        return measured.overall.get(check.metric, Measure(None, 0.0, "not measured in this run"))
    if check.phase not in measured.phases:
        return Measure(None, 0.0, f"there is no phase '{check.phase}'")
    return measured.phases[check.phase].get(check.metric, Measure(None, 0.0, "not measured in this phase"))


def unproven(story: Story, until_s: float = inf) -> Iterator[str]:
    """Why the faults before that time cannot be relied on, one sentence each: no number rests on those."""
    for event in story.events:
        if event.asked and event.began_s < until_s and not event.held:
            yield _doubt(event)


def _doubt(event: Event) -> str:
    if event.held is None:
        return f"there is no proof that {event.name} happened"
    return f"it could not be shown that {event.name} happened ({event.evidence or 'no evidence'})"


def _explain(check: Check, measure: Measure, plain: str) -> str:
    if plain == UNKNOWN and measure.value is not None:
        if measure.at_least:
            return f"it was not over yet: at least {measure.value:g}"
        return f"the bound {check.bound} lies within the error of {measure.value:g} ± {measure.error:g}"
    return " · ".join(filter(None, (check.why, measure.note)))


def grade(results: Sequence[Result]) -> str:
    """``met``, ``missed`` or ``unknown`` over all SLO entries; ``none`` without any."""
    words = {PASS: "met", FAIL: "missed", UNKNOWN: "unknown"}
    return words[verdict([result.verdict for result in results])] if results else "none"
