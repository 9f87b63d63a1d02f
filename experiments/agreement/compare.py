"""Two runs of one experiment, one of each backend → what agrees, what does not, what could not be compared. Pure.

A policy whose emulated run cannot be believed (``fidelity``) is *unknown*: its differences are told and prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from experiments.agreement import dark, hit, losses, signals, state, ways
from experiments.agreement.bounds import Design
from experiments.agreement.finding import DISAGREE, LEFT_OUT, Aspect, Finding
from experiments.agreement.twins import Twins
from experiments.judging import fidelity
from experiments.judging.checks import FAIL, PASS, UNKNOWN, verdict
from experiments.judging.folder import Run
from experiments.judging.story import Story
from topology.errors import InputError, Problem

EMULATED, MODELLED = "emulated", "modelled"
MEANING = {PASS: "agree", FAIL: "disagree", UNKNOWN: "unknown"}
"""A verdict of the house, in the words of this question."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one policy. ``reasons``: why its comparison proves nothing."""

    policy: str
    aspects: tuple[Aspect, ...]
    reasons: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        if self.reasons:
            return UNKNOWN
        return FAIL if self.disagreements else PASS

    @property
    def disagreements(self) -> tuple[tuple[str, Finding], ...]:
        """(aspect, finding)."""
        return tuple((aspect.name, found) for aspect in self.aspects for found in aspect.of(DISAGREE))


@dataclass(frozen=True, slots=True)
class Whole:
    """All policies of an experiment."""

    experiment: str
    seed: int
    topology: str
    policies: tuple[Agreement, ...]

    @property
    def verdict(self) -> str:
        """A disagreement that can be trusted outweighs what is unknown."""
        return verdict([one.verdict for one in self.policies] or [UNKNOWN])


def compare(emulated: Run, modelled: Run) -> Whole:
    """Raises InputError when the two runs do not answer one question."""
    alike(emulated, modelled)
    pairs = list(twins_of(emulated, modelled))
    known = {twins.policy for twins in pairs}
    told = [Agreement(twins.policy, aspects(twins), tuple(_doubts(twins))) for twins in pairs]
    asked = dict.fromkeys([*emulated.spec.get("policies", ()), *modelled.spec.get("policies", ())])
    told += [Agreement(name, (), (_absent(emulated, name),)) for name in asked if name not in known]
    spec = emulated.spec
    return Whole(str(spec.get("name")), int(emulated.manifest.get("seed") or 0), emulated.topology.name, tuple(told))


def aspects(twins: Twins) -> tuple[Aspect, ...]:
    """Everything that is compared of one policy."""
    by_chance = losses.lossy(twins)
    found = dark.matches(twins, by_chance)
    return (
        dark.compare(found, twins),
        hit.compare(twins, found, by_chance),
        losses.compare(twins, by_chance),
        ways.traces(twins),
        ways.delays(twins),
        state.tables(twins),
        state.proofs(twins),
        signals.compare(twins),
    )


def twins_of(emulated: Run, modelled: Run) -> Iterator[Twins]:
    """The policies that both have run."""
    there = {story.policy: story for story in modelled.stories}
    for story in emulated.stories:
        if story.policy in there:
            policies: Mapping[str, Any] = emulated.manifest.get("policies") or {}
            yield Twins(story, there[story.policy], Design.of(policies.get(story.policy) or {}))


def _doubts(twins: Twins) -> Iterator[str]:
    """Why nothing that was compared proves anything."""
    yield from fidelity.judge(twins.emulated).reasons
    yield from (f"{MODELLED}: {reason}" for reason in _unfinished(twins.modelled))
    asked = [sum(event.asked for event in story.events) for story in twins.stories]
    if asked[0] != asked[1]:
        yield f"{asked[0]} events happened in one run, {asked[1]} in the other"


def _absent(emulated: Run, policy: str) -> str:
    """Why there is nothing to compare."""
    skipped: Mapping[str, str] = emulated.manifest.get("skipped") or {}
    return skipped.get(policy) or "only one of the runs has it"


def _unfinished(story: Story) -> Iterator[str]:
    outcome, error = story.outcome
    if outcome != "complete":
        yield f"the run did not complete ({outcome}{': ' + error if error else ''})"


def alike(emulated: Run, modelled: Run) -> None:
    """Raises InputError with everything that makes them answers to different questions."""
    problems = []
    for run, backend in ((emulated, EMULATED), (modelled, MODELLED)):
        if (found := str(run.manifest.get("backend") or EMULATED)) != backend:
            problems.append(Problem(str(run.path), f"this run is {found}; one of each backend is needed"))
    ours, theirs = emulated.spec, modelled.spec
    keys = [key for key in dict.fromkeys([*ours, *theirs]) if key not in ("question", "policies")]
    different = [key for key in keys if ours.get(key) != theirs.get(key)]
    if emulated.manifest.get("topology") != modelled.manifest.get("topology"):
        different.append("topology")
    if different:
        names = ", ".join(dict.fromkeys(different))
        problems.append(Problem(str(modelled.path), f"does not ask what {emulated.path} asks: {names} differ"))
    if not set(ours.get("policies", ())) & set(theirs.get("policies", ())):
        problems.append(Problem(str(modelled.path), f"has no policy in common with {emulated.path}"))
    if problems:
        raise InputError(problems)


def plain(whole: Whole) -> dict[str, Any]:
    """What ``agreement.json`` holds."""
    return {
        "experiment": whole.experiment,
        "seed": whole.seed,
        "topology": whole.topology,
        "verdict": MEANING[whole.verdict],
        "policies": {one.policy: _policy(one) for one in whole.policies},
    }


def _policy(one: Agreement) -> dict[str, Any]:
    return {
        "verdict": MEANING[one.verdict],
        "reasons": list(one.reasons),
        "aspects": {
            aspect.name: {
                "unit": aspect.unit,
                "compared": aspect.compared,
                "disagree": len(aspect.of(DISAGREE)),
                "left_out": len(aspect.of(LEFT_OUT)),
                "worst": _finding(aspect.worst) if aspect.worst else None,
                "findings": [_finding(found) for found in aspect.findings],
            }
            for aspect in one.aspects
        },
    }


def _finding(found: Finding) -> dict[str, Any]:
    said = dict(zip((EMULATED, MODELLED), found.said, strict=True))
    return said | {name: value for name, value in asdict(found).items() if name != "said"}
