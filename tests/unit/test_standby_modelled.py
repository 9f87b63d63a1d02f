"""The policies ``standby`` in virtual time: take-overs, the fence, and a store that loses members."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_run import ring
from modelled_run import Played, play, square

from experiments.asking.prepare import Choice, prepare
from experiments.asking.spec import Spec
from experiments.asking.targets import resolve
from experiments.faults import FAULTS, members
from experiments.labs.fake import FakeLab
from experiments.policies import POLICIES
from topology.channels import control_delays_ms
from topology.errors import InputError, LabError

BOUND_S = 2.0


def spec(end: str, *timeline: tuple[int, str, str]) -> Spec:
    data = {
        "name": "standby",
        "topology": "square",
        "policies": ["standby"],
        "end": end,
        "traffic": {"bulk_flows": 0},
        "phases": [{"name": "steady", "at": 0}],
        "timeline": [{"at": f"{at} s", "fault": fault, "target": target} for at, fault, target in timeline],
    }
    return Spec.model_validate(data)


def over(played: Played, since_s: float) -> float:
    """When another brain had gone through every PoP, after ``since_s``."""
    leads = [line for line in played.of("brain", what="leads") if line["t"] > since_s]
    lines = played.of("brain", what="reconciling", brain=leads[0]["brain"])
    first = {line["pop"]: line["t"] for line in reversed(lines) if line["t"] >= leads[0]["t"]}
    assert set(first) == set("abcd")
    return float(max(first.values())) - since_s


def proofs(played: Played) -> list[bool]:
    return [line["held"] for line in played.of("proof")]


@pytest.mark.parametrize("fault", ["brain.kill", "brain.hang"])
def test_another_brain_takes_over_and_nothing_is_lost(fault: str, tmp_path: Path) -> None:
    played = play(spec("8 s", (2, fault, "leader")), square(), "standby", tmp_path)
    assert proofs(played) == [True]
    assert over(played, 2.0) < BOUND_S + 4 * max(control_delays_ms(square()).values()) / 1e3
    assert played.lost() == {}
    assert played.of("brain", what="reconciling")[-1]["mods"] == 0


def test_a_follower_is_not_missed(tmp_path: Path) -> None:
    played = play(spec("6 s", (2, "brain.kill", "follower")), square(), "standby", tmp_path)
    assert [line["brain"] for line in played.of("brain", what="leads")] == ["brain-1"]
    assert played.of("fault")[0]["target"] == "brain-2"


def test_the_new_leader_repairs_what_breaks_after_the_old_one_died(tmp_path: Path) -> None:
    """Under fail-static rules alone the pairs on the cut link would stay dark."""
    timeline = ((2, "brain.kill", "leader"), (6, "link.cut", "a-b"))
    played = play(spec("12 s", *timeline), square(), "standby", tmp_path)
    assert played.of("brain", what="programmed", reason="failure", brain="brain-3")
    assert max(max(times) for times in played.lost().values()) < 7.0


@pytest.mark.parametrize(("policy", "refused"), [("standby", set()), ("standby-heedless", {"brain-1"})])
def test_a_deposed_leader_is_fenced(policy: str, refused: set[str], tmp_path: Path) -> None:
    """Hung while a link is cut; awake, it hears of the cut before it hears that it leads no more."""
    timeline = ((2, "brain.hang", "leader"), (4, "link.cut", "a-b"), (6, "brain.return", "all"))
    played = play(spec("9 s", *timeline), square(), policy, tmp_path)
    assert {line["brain"] for line in played.of("brain", code="OFPBRC_IS_SLAVE")} == refused
    stale = [line for line in played.of("brain", code="OFPRRFC_STALE") if line["t"] > 6]
    assert {line["brain"] for line in stale} == {"brain-1"}
    assert [line["brain"] for line in played.of("brain", what="leads")] == ["brain-1", "brain-3"]
    assert played.of("tables")[-1]["right"]


def test_members_of_the_store_die_and_return(tmp_path: Path) -> None:
    timeline = (
        (2, "etcd.kill", "follower"),
        (5, "etcd.return", ""),
        (7, "etcd.kill", ""),
        (13, "etcd.return", ""),
        (16, "etcd.kill", "quorum"),
        (22, "etcd.return", ""),
    )
    played = play(spec("30 s", *timeline), square(), "standby", tmp_path)
    assert proofs(played) == [True] * 6
    assert [len(line["target"].split(",")) for line in played.of("fault", action="inject", fault="etcd.kill")] == [
        1,
        1,
        2,
    ]
    assert played.lost() == {}
    since_quorum = [line for line in played.of("brain") if line["t"] > 16 and line["what"] in ("leads", "follows")]
    assert [(line["what"], line["generation"]) for line in since_quorum] == [("follows", 2), ("leads", 2)]
    assert since_quorum[0]["t"] < 17.2
    assert since_quorum[1]["t"] > 22


def test_a_fault_of_the_store_needs_one(tmp_path: Path) -> None:
    file = tmp_path / "etcd.yaml"
    file.write_text(
        "# Who keeps the key?\nname: etcd\ntopology: edge12\npolicies: [standby, fail-static]\nend: 10 s\n"
        "phases:\n  - {name: steady, at: 0 s}\ntimeline:\n  - {at: 5 s, fault: etcd.kill, target: etcd-4}\n"
    )
    with pytest.raises(InputError) as caught:
        prepare(str(file), Choice())
    assert [problem.message for problem in caught.value.problems] == [
        "'etcd-4': the policy standby has a store of 3 members",
        "'etcd-4': the policy fail-static has no store that elects anybody",
    ]
    with pytest.raises(InputError, match="strikes the brains' store: 'leader', 'follower', 'quorum', 'all'"):
        resolve("brain-2", "etcd", ring(), {})
    with pytest.raises(LabError, match="no store"):
        FAULTS.make("etcd.kill", ("leader",)).inject(FakeLab(ring()))


def test_a_quorum_is_lost_with_the_fewest() -> None:
    assert members.impossible("etcd-3", 3) == ""
    assert resolve("", "etcd", ring(), {}) == ("leader",)
    assert resolve("", "etcd", ring(), {}, restores=True) == ("all",)
    assert POLICIES["standby"].needs == ("etcd",)


def test_a_switch_that_crashed_knows_neither_master_nor_generation(tmp_path: Path) -> None:
    played = play(spec("12 s", (2, "switch.crash", "c"), (4, "switch.return", "c")), square(), "standby", tmp_path)
    since = [line for line in played.of("brain", pop="c") if line["t"] > 4]
    assert {line["brain"] for line in since if line["what"] == "role" and line["role"] == "master"} == {"brain-1"}
    assert [line["brain"] for line in since if line["what"] == "reconciling"] == ["brain-1"]
    assert not [line for line in since if line["what"] == "error"]
