"""Faults of one brain among several: roles are resolved when they strike, and only that brain is struck."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_run import ring
from modelled_run import square

from controller.standby import FOLLOWS, LEADS
from experiments.asking.prepare import Choice, prepare
from experiments.asking.targets import resolve
from experiments.faults import FAULTS
from experiments.faults.brains import LEADER_S, impossible
from experiments.labs.fake import FakeLab
from experiments.labs.leadership import Leadership
from experiments.labs.modelled.lab import ModelledLab
from experiments.policies import Policy
from topology.errors import InputError, LabError


@pytest.mark.parametrize(
    ("target", "name"),
    [("brain", "brain-1"), ("leader", "brain-1"), ("follower", "brain-2"), ("brain-3", "brain-3")],
)
@pytest.mark.parametrize("kind", ["brain.kill", "brain.hang"])
def test_one_of_three_is_struck_and_named(kind: str, target: str, name: str) -> None:
    lab = FakeLab(ring(), brains=3)
    fault = FAULTS.make(kind, target)
    fault.inject(lab)
    struck = [other for other, brain in lab.brains.items() if brain.state() != "running"]
    assert struck == [*fault.targets] == [name]


def test_who_leads_by_the_time_of_the_heal_does_not_matter() -> None:
    lab = FakeLab(ring(), brains=3)
    fault = FAULTS.make("brain.kill", "leader")
    fault.inject(lab)
    assert lab.leader() == "brain-2"
    fault.heal(lab)
    assert lab.brains["brain-1"].state() == "running"
    assert lab.calls == ["brain-1.kill", "brain-1.start"]


def test_the_site_loses_power_and_all_of_its_brains() -> None:
    lab = FakeLab(ring(), brains=2)
    fault, back = FAULTS.make("brain.poweroff", "brain"), FAULTS.make("brain.return", "brain")
    fault.inject(lab)
    assert [brain.state() for brain in lab.brains.values()] == ["gone", "gone"]
    back.prepare(lab)  # type: ignore[attr-defined]
    assert back.leaves(fault) == ()  # type: ignore[attr-defined]
    back.inject(lab)
    assert [brain.state() for brain in lab.brains.values()] == ["running", "running"]


def test_the_power_of_one_of_several_that_share_their_channels_cannot_be_taken() -> None:
    """Its machine's kernel says FIN all the same: the proof tells it."""
    lab = FakeLab(ring(), brains=2)
    fault = FAULTS.make("brain.poweroff", "brain-2")
    fault.inject(lab)
    assert not any("silence" in call for call in lab.calls)
    assert not fault.proof(lab).held


def test_a_return_of_one_brain_undoes_that_ones_faults_only() -> None:
    back = FAULTS.make("brain.return", "brain-2")
    assert back.leaves(FAULTS.make("brain.kill", "brain-2")) == ()  # type: ignore[attr-defined]
    assert back.leaves(FAULTS.make("brain.kill", "brain-1")) == ("brain-1",)  # type: ignore[attr-defined]


def test_without_a_leader_there_is_nobody_to_strike_and_nothing_to_heal() -> None:
    lab = FakeLab(ring(), brains=2)
    FAULTS.make("brain.kill", "all").inject(lab)
    fault = FAULTS.make("brain.kill", "leader")
    with pytest.raises(LabError, match="no brain is the leader now"):
        fault.inject(lab)
    assert lab.now_s() >= LEADER_S - 5.0
    fault.heal(lab)
    assert [brain.state() for brain in lab.brains.values()] == ["gone", "gone"]


def test_one_brain_plays_every_role_but_one() -> None:
    assert [impossible(target, 1, elect=True) for target in ("brain", "leader", "all")] == ["", "", ""]
    assert impossible("follower", 1, elect=True) == "has one brain, which nobody follows"
    assert (impossible("brain-1", 1, elect=True), impossible("brain-4", 3, elect=True)) == (
        "has 1 brain",
        "has 3 brains",
    )
    assert impossible("brain-3", 3, elect=True) == impossible("follower", 3, elect=True) == ""


def test_a_brain_that_a_policy_does_not_have_is_refused_before_the_run(tmp_path: Path) -> None:
    spec = tmp_path / "follower.yaml"
    spec.write_text(
        "# Who follows?\nname: follower\ntopology: edge12\npolicies: [fail-static]\nend: 10 s\n"
        "phases:\n  - {name: steady, at: 0 s}\ntimeline:\n  - {at: 5 s, fault: brain.kill, target: follower}\n"
    )
    with pytest.raises(InputError, match="'follower': the policy fail-static has one brain"):
        prepare(str(spec), Choice())
    with pytest.raises(InputError, match="'follower', 'all' or a name such as 'brain-2'"):
        resolve("brain-0", "brain", ring(), {})


def test_the_leader_is_who_said_so_last_and_still_runs() -> None:
    lab = FakeLab(ring(), brains=3)
    leadership = Leadership(lab.brains)
    assert leadership.leader() is None
    leadership.said("brain-2", LEADS)
    leadership.said("brain-3", FOLLOWS)
    assert leadership.leader() == "brain-2"
    lab.brains["brain-2"].kill()
    assert leadership.leader() is None
    leadership.said("brain-3", LEADS)
    leadership.said("brain-3", FOLLOWS)
    assert leadership.leader() is None
    assert Leadership(FakeLab(ring()).brains).leader() == "brain"


def test_every_switch_of_the_model_connects_to_every_brain(tmp_path: Path) -> None:
    lines: list[tuple[str, object]] = []
    record = lambda event, **data: lines.append((event, data.get("brain")))  # noqa: E731
    lab = ModelledLab(square(), Policy("two", "", brains=2), seed=1, record=record, folder=tmp_path)
    lab.build()
    assert [brain.connected() for brain in lab.brains.values()] == [frozenset("abcd")] * 2
    assert {brain for event, brain in lines if event == "brain"} == {"brain-1", "brain-2"}
    lab.brains["brain-1"].kill()
    lab.wait_until(lab.now_s() + 1.0)
    assert [brain.connected() for brain in lab.brains.values()] == [frozenset(), frozenset("abcd")]


@pytest.mark.parametrize("target", ["leader", "follower"])
def test_where_none_leads_there_is_no_leader_to_strike(target: str) -> None:
    assert impossible(target, 4, elect=False) == "has brains of which none leads the others"
    assert impossible("brain-4", 4, elect=False) == ""


def test_one_of_those_that_were_hung_together_returns_alone() -> None:
    lab = FakeLab(ring(), brains=3)
    FAULTS.make("brain.hang", "all").inject(lab)
    back = FAULTS.make("brain.return", "brain-2")
    back.prepare(lab)  # type: ignore[attr-defined]
    back.inject(lab)
    assert [brain.state() for brain in lab.brains.values()] == ["stopped", "running", "stopped"]


def test_all_that_were_named_return() -> None:
    lab = FakeLab(ring(), brains=3)
    FAULTS.make("brain.kill", "all").inject(lab)
    back = FAULTS.make("brain.return", "brain-1", "brain-3")
    back.prepare(lab)  # type: ignore[attr-defined]
    back.inject(lab)
    assert [brain.state() for brain in lab.brains.values()] == ["running", "gone", "running"]
