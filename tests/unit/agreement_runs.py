"""Modelled run folders for the tests of agreement: the real thing, a mutant, and one that claims to be emulated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from controller import planner
from controller.pipeline import Plan, Tables
from experiments import modelled, results
from experiments.agreement.compare import EMULATED, Agreement, Whole, compare
from experiments.agreement.finding import DISAGREE
from experiments.asking.prepare import Prepared
from experiments.conclude import Unwatched
from experiments.judging import folder
from experiments.judging.folder import Run
from topology import labels
from topology.forwarding import FlowRule


def computed(prepared: Prepared, place: Path, *, claims: str = "modelled") -> Run:
    """A run folder as the launcher makes it, but not judged: the pictures take longer than the run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modelled, "finish", lambda _: {"verdict": "pass"})
        run = modelled.execute(prepared, place, Unwatched()).run
    rewrite(run, backend=claims)
    return folder.read(run)


def rewrite(run: Path, **changes: object) -> None:
    """Of the manifest; ``seed`` in the spec too, so that another seed passes for the same question."""
    path = run / results.MANIFEST
    manifest = json.loads(path.read_text())
    manifest |= changes
    if "seed" in changes:
        manifest["spec"]["seed"] = changes["seed"]
    path.write_text(json.dumps(manifest))


def held_against(prepared: Prepared, place: Path, other: Run) -> Whole:
    """A fresh run, which claims to be emulated, against another."""
    return compare(computed(prepared, place, claims=EMULATED), other)


def of(whole: Whole, policy: str) -> Agreement:
    return next(one for one in whole.policies if one.policy == policy)


def wrong(agreement: Agreement, aspect: str) -> int:
    """How many disagreements an aspect has."""
    return sum(len(one.of(DISAGREE)) for one in agreement.aspects if one.name == aspect)


@contextmanager
def without_bypass_rules(pop: str) -> Iterator[None]:
    """The brain forgets what bypass labels mean at one PoP."""
    original = planner.tables

    def forgetful(plan: Plan, at: str) -> Tables:
        full = original(plan, at)
        return Tables({key: rule for key, rule in full.flows.items() if at != pop or not _of_bypass(rule)}, full.groups)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "tables", forgetful)
        yield


def _of_bypass(rule: FlowRule) -> bool:
    label = rule.match.mpls_label
    return label is not None and labels.BYPASS <= label < labels.BYPASS + labels.BLOCK
