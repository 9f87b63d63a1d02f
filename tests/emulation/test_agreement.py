"""Both backends held against each other with real packets: the shipped experiment, and every kind of fault.

An emulated run that cannot be believed proves nothing: its tests are skipped, each with the reason. The switch in
memory by itself is held against Open vSwitch in ``test_switch_agreement.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from agreement_runs import computed, of, without_bypass_rules, wrong
from agreement_specs import entries, policies
from agreement_specs import prepared as table

from experiments import modelled, run
from experiments.agreement.compare import EMULATED, Agreement, compare
from experiments.agreement.launch import Answer, of_experiment
from experiments.agreement.words import sentence
from experiments.asking.prepare import Choice, Prepared, prepare
from experiments.conclude import Unwatched
from experiments.inside import Means
from experiments.judging import folder
from experiments.judging.judge import judge
from topology.replica import preflight

NEEDED = [f"{lacking.name}: {lacking.detail}" for lacking in preflight.probe().missing()]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason="; ".join(NEEDED))

SHIPPED = ("soft-state", "fail-static", "fast-reroute")
Ask = Callable[[str], tuple[Answer, ...]]
"""All runs of a policy so far, the newest last."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agreement")


def asking(home: Path, prepared: Callable[[str], Prepared]) -> Ask:
    """Each policy is run on both backends when it is first asked for; judged, without pictures of the runs.

    Once more, if they do not agree or the machine was not believed: a stumble of the machine does not come twice at
    the same place, a rule that one of them lacks does.
    """
    known: dict[str, tuple[Answer, ...]] = {}

    def once(policy: str) -> Answer:
        with pytest.MonkeyPatch.context() as patch:
            for launcher in (run, modelled):
                patch.setattr(launcher, "finish", judge)
            return of_experiment(prepared(policy), Means(results=home), Unwatched())

    def ask(policy: str) -> tuple[Answer, ...]:
        if policy not in known:
            first = once(policy)
            known[policy] = (first,) if first.whole.verdict == "pass" else (first, once(policy))
        return known[policy]

    return ask


@pytest.fixture(scope="module")
def kinds(home: Path) -> Ask:
    return asking(home, lambda policy: table(policy, home))


@pytest.fixture(scope="module")
def shipped(home: Path) -> Ask:
    return asking(home, lambda policy: prepare("control-plane-loss", Choice((policy,))))


def believed(answers: tuple[Answer, ...], policy: str) -> list[Agreement]:
    """Of the runs that prove something; skips where there is none."""
    found = [of(answer.whole, policy) for answer in answers]
    if all(one.reasons for one in found):
        pytest.skip("; ".join(found[-1].reasons))
    return [one for one in found if not one.reasons]


def in_all(runs: list[Agreement], phases: tuple[str, ...] | None = None, chance: tuple[str, ...] = ()) -> list[str]:
    """What is wrong in these phases, or in all, in the run that has the least of it."""
    return min((told(one, phases, chance) for one in runs), key=len)


def told(found: Agreement, phases: tuple[str, ...] | None = None, chance: tuple[str, ...] = ()) -> list[str]:
    """The disagreements in these phases, or in all, but for aspects that are left to chance."""
    fixed = [(name, one) for name, one in found.disagreements if name not in chance]
    return [sentence(name, one) for name, one in fixed if phases is None or one.phase in phases]


@pytest.mark.parametrize("policy", SHIPPED)
def test_control_plane_loss(shipped: Ask, policy: str) -> None:
    found = believed(shipped(policy), policy)
    assert not in_all(found)
    assert {aspect.name for aspect in found[-1].aspects if aspect.compared} >= {"paths traced", "delays", "proofs"}


@pytest.mark.parametrize(
    ("policy", "name"), [(policy, one.name) for policy in policies() for one in entries() if policy in one.policies]
)
def test_every_kind_of_fault(kinds: Ask, policy: str, name: str) -> None:
    entry = next(one for one in entries() if one.name == name)
    found = believed(kinds(policy), policy)
    assert {aspect.name for aspect in found[-1].aspects}.issuperset(entry.chance)
    assert not in_all(found, entry.phases, entry.chance)
    fixed = [aspect for aspect in found[-1].aspects if aspect.name not in entry.chance]
    compared = [one for aspect in fixed for one in aspect.findings if one.phase in entry.phases]
    assert compared, "nothing was compared"


@pytest.mark.parametrize("policy", policies())
def test_before_the_first_fault(kinds: Ask, policy: str) -> None:
    assert not in_all(believed(kinds(policy), policy), ("steady",))


def test_real_packets_find_a_missing_rule_of_the_model(shipped: Ask, home: Path) -> None:
    """Were the model's brain to forget what bypass labels mean at one PoP, the run would be red."""
    answers = shipped("fast-reroute")
    believed(answers, "fast-reroute")
    answer = next(one for one in answers if not of(one.whole, "fast-reroute").reasons)
    with without_bypass_rules("nrt"):
        mutant = computed(prepare("control-plane-loss", Choice(("fast-reroute",))), home)
    whole = compare(folder.read(answer.folder / EMULATED), mutant)
    assert whole.verdict == "fail"
    assert wrong(of(whole, "fast-reroute"), "dark intervals")
    traced = {line["phase"] for line in folder.read(answer.folder / EMULATED).stories[0].of("trace")}
    if "cut-while-headless" in traced:  # a slow machine has no time for it
        assert wrong(of(whole, "fast-reroute"), "paths traced")
