"""The runner over the fake lab: order, proofs, and that every run ends healed and closed."""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations

import pytest
from fake_run import Lines, of, play, right, ring, spec

from controller.oracle import Staleness
from experiments.labs.fake import FakeLab
from topology.errors import LabError
from topology.forwarding import Snapshot
from topology.model import Topology

LATER = [{"at": "4 s", "fault": "brain.kill"}]


def _actions(lab: FakeLab) -> list[str]:
    return [call for call in lab.calls if not call.startswith(("snapshot", "trace"))]


def test_faults_come_in_order_at_their_times() -> None:
    lab = FakeLab(ring())
    outcome, lines = play(lab, spec())
    assert outcome == "complete"
    assert _actions(lab) == [
        "build",
        "start 12",
        "brain.kill",
        "a-b.cut",
        "a-b.heal",
        "a-b.heal",
        "brain.start",
        "stop",
        "close",
    ]
    began = [(line["action"], line["fault"], line["target"], line["began_s"]) for line in of(lines, "fault")]
    assert began == [
        ("inject", "brain.kill", "brain", 2.0),
        ("inject", "link.cut", "a-b", 4.0),
        ("heal", "link.cut", "a-b", 6.0),
        ("inject", "link.heal", "a-b", 6.0),
        ("heal", "brain.kill", "brain", 8.0),
        ("inject", "brain.return", "brain", 8.0),
    ]


def test_a_fault_line_says_what_the_judge_must_know_of_its_kind() -> None:
    _, lines = play(FakeLab(ring()), spec())
    told = {
        (line["action"], line["fault"]): (line["aims_at"], line["severs"], line["restores"])
        for line in of(lines, "fault")
    }
    assert told == {
        ("inject", "brain.kill"): ("brain", False, False),
        ("inject", "link.cut"): ("link", True, False),
        ("heal", "link.cut"): ("link", True, True),
        ("inject", "link.heal"): ("link", False, True),
        ("heal", "brain.kill"): ("brain", False, True),
        ("inject", "brain.return"): ("brain", False, True),
    }


def test_the_journal_tells_phases_proofs_tables_traces_and_the_end() -> None:
    lab = FakeLab(ring())
    _, lines = play(lab, spec())
    assert [(time_s, data["name"]) for time_s, event, data in lines if event == "phase"] == [
        (0.0, "steady"),
        (2.0, "dark"),
        (8.0, "back"),
    ]
    assert all(line["held"] for line in of(lines, "proof"))
    assert [line["of"] for line in of(lines, "tables")] == ["steady", "dark", "back"]
    assert {line["phase"] for line in of(lines, "trace")} == {"steady", "dark", "back"}
    assert len(of(lines, "pulse")) >= 20
    assert lines[-1][1:] == ("end", {"outcome": "complete", "error": None})


def test_a_fault_that_does_not_happen_is_recorded_as_not_held() -> None:
    lab = FakeLab(ring(), deaf=["brain.kill"])
    outcome, lines = play(lab, spec())
    held = {line["fault"]: line["held"] for line in of(lines, "proof")}
    assert outcome == "complete"
    assert held["brain.kill"] is False
    assert held["link.cut"] is True


def test_the_oracle_hears_of_dead_links_only_while_they_are_dead() -> None:
    heard: list[frozenset[str]] = []

    def oracle(topology: Topology, snapshot: Snapshot, dead: Collection[str]) -> Staleness:
        heard.append(frozenset(dead))
        return right()

    phases = [{"name": name, "at": f"{at} s"} for name, at in (("one", 0), ("cut", 4), ("three", 6))]
    play(FakeLab(ring()), spec(phases=phases), oracle)
    assert heard == [frozenset(), frozenset({"a-b"}), frozenset()]


def test_tables_are_read_until_they_are_right_and_once_more_at_the_end() -> None:
    answers = iter([5, 5, 0, 0])

    def oracle(*_: object) -> Staleness:
        return Staleness(entries=12, longer=next(answers))

    phases = [{"name": "all", "at": 0, "tables_every": "1 s"}]
    _, lines = play(FakeLab(ring()), spec(phases=phases, timeline=[]), oracle)
    assert [(line["at_s"], line["right"], line["first"]) for line in of(lines, "tables")] == [
        (1.0, False, False),
        (2.0, False, False),
        (3.0, True, True),
        (8.0, True, False),
    ]


@pytest.mark.parametrize("at_s", [0.5, 2.1, 4.1, 7.0])
def test_a_lab_that_breaks_ends_healed_and_closed(at_s: float) -> None:
    lab = FakeLab(ring(), broken_at_s=at_s)
    outcome, lines = play(lab, spec())
    assert outcome == "error"
    assert lab.calls[-2:] == ["stop", "close"]
    assert lab.brain.state() == "running"
    assert all(lab.links["a-b"].carrier())
    assert "Open vSwitch of ams died" in lines[-1][2]["error"]


def test_ctrl_c_ends_healed_and_says_so() -> None:
    lab = FakeLab(ring())

    def interrupt(now_s: float) -> None:
        if now_s >= 5:
            raise KeyboardInterrupt

    lab.on_wait = interrupt
    outcome, lines = play(lab, spec())
    assert outcome == "stopped"
    assert [(line["action"], line["fault"]) for line in of(lines, "fault")][-2:] == [
        ("heal", "link.cut"),
        ("heal", "brain.kill"),
    ]
    assert lab.calls[-2:] == ["stop", "close"]
    assert lines[-1][2]["outcome"] == "stopped"


def test_a_network_that_cannot_be_built_is_still_closed() -> None:
    lab = FakeLab(ring(), build_fails=True)
    outcome, lines = play(lab, spec())
    assert outcome == "error"
    assert lab.calls == ["build", "stop", "close"]
    assert lines[-1][2]["error"] == "the brain died at start"


def test_an_inject_that_breaks_half_way_is_healed() -> None:
    lab = FakeLab(ring())

    def refuse() -> None:
        raise LabError("the relay is gone")

    lab.links["a-b"].cut = refuse  # type: ignore[method-assign]
    outcome, _ = play(lab, spec())
    assert outcome == "error"
    assert "a-b.heal" in lab.calls


def test_what_fails_while_healing_keeps_nothing_else_from_being_healed() -> None:
    lab = FakeLab(ring(), broken_at_s=5.0)

    def refuse() -> None:
        raise LabError("it does not start again")

    lab.brain.start = refuse  # type: ignore[method-assign]
    _, lines = play(lab, spec())
    assert all(lab.links["a-b"].carrier())
    assert lab.calls[-2:] == ["stop", "close"]
    assert "it does not start again" in lines[-1][2]["error"]


def test_a_slow_observation_delays_no_fault_and_is_told() -> None:
    lab = FakeLab(ring())
    take = lab.snapshot

    def slowly(until_s: float) -> Snapshot:
        lab.wait_until(lab.now_s() + 1.75)
        return take(until_s)

    lab.snapshot = slowly  # type: ignore[assignment,method-assign]
    _, lines = play(lab, spec(phases=[{"name": "steady", "at": 0}, {"name": "dark", "at": "4 s"}], timeline=LATER))
    began = {line["fault"]: line["began_s"] for line in of(lines, "fault") if line["action"] == "inject"}
    assert began["brain.kill"] == 4.0
    assert next((line["what"], line["of"]) for line in of(lines, "skipped")) == ("trace", "steady")


def test_reading_that_takes_too_long_is_given_up_before_the_next_fault() -> None:
    lab = FakeLab(ring())
    take = lab.snapshot

    def slowly(until_s: float) -> Snapshot:
        lab.wait_until(min(lab.now_s() + 9.0, until_s))
        return take(until_s)

    lab.snapshot = slowly  # type: ignore[assignment,method-assign]
    _, lines = play(lab, spec(phases=[{"name": "steady", "at": 0}, {"name": "dark", "at": "4 s"}], timeline=LATER))
    began = {line["fault"]: line["began_s"] for line in of(lines, "fault") if line["action"] == "inject"}
    assert began["brain.kill"] == 4.0
    assert [(line["what"], line["of"]) for line in of(lines, "skipped")][:1] == [("tables", "steady")]


def test_tables_are_not_read_in_a_phase_that_a_proof_has_used_up() -> None:
    lab = FakeLab(ring(), deaf=["brain.kill"])
    phases = [{"name": "steady", "at": 0}, {"name": "dark", "at": "4 s"}, {"name": "after", "at": "6 s"}]
    _, lines = play(lab, spec(phases=phases, timeline=LATER))
    assert [(line["what"], line["of"]) for line in of(lines, "skipped")] == [("tables", "dark")]
    assert [line["of"] for line in of(lines, "tables")] == ["steady", "after"]


def at(*events: tuple[float, str, str], **settings: dict[str, object]) -> list[dict[str, object]]:
    return [
        {"at": f"{at_s} s", "fault": kind, "target": target, "with": settings.get(kind.replace(".", "_"), {})}
        for at_s, kind, target in events
    ]


def targets(lines: Lines) -> list[tuple[str, str, str]]:
    return [(line["action"], line["fault"], line["target"]) for line in of(lines, "fault")]


def test_an_end_that_names_a_role_means_whom_the_fault_struck() -> None:
    lab = FakeLab(ring(), brains=3)
    events = at((2, "brain.hang", "brain-3"), (3, "brain.kill", "leader"), (5, "brain.return", "leader"))
    outcome, lines = play(lab, spec(timeline=events))
    assert outcome == "complete"
    assert targets(lines)[2:4] == [("heal", "brain.kill", "brain-1"), ("inject", "brain.return", "brain-1")]
    assert lab.calls.index("brain-1.start") < lab.calls.index("brain-3.resume"), "the other slept on"
    assert all(line["held"] for line in of(lines, "proof"))


def test_a_restart_of_the_leader_touches_no_other_brain() -> None:
    lab = FakeLab(ring(), brains=3)
    _, lines = play(lab, spec(timeline=at((2, "brain.hang", "brain-3"), (3, "brain.restart", "brain"))))
    restores = [(line["fault"], line["target"], line["restores"]) for line in of(lines, "fault")]
    assert restores[:4] == [
        ("brain.hang", "brain-3", False),
        ("brain.kill", "brain-1", False),
        ("brain.kill", "brain-1", True),
        ("brain.return", "brain-1", True),
    ]
    assert all(line["held"] for line in of(lines, "proof"))


def test_a_state_is_remembered_by_a_brain_that_has_to_start_and_by_no_other() -> None:
    lab = FakeLab(ring(), brains=2)
    events = at(
        (2, "brain.hang", "brain-2"), (3, "brain.kill", "brain-1"), (5, "brain.return", "all"),
        brain_return={"state": "wipe"},
    )  # fmt: skip
    play(lab, spec(timeline=events))
    assert [call for call in lab.calls if "returns_as" in call] == ["brain-1.returns_as wipe"]


@pytest.mark.parametrize("names", list(permutations(["pop.return a", "pop.return b", "link.heal a-b"])))
def test_what_still_stands_on_a_wire_stands_on_after_another_s_end(names: tuple[str, ...]) -> None:
    """Whatever order the ends come in: a link has light when none holds it any more, and not before."""
    lab = FakeLab(ring())
    ends = [(5.0 + 2 * place, *name.split()) for place, name in enumerate(names)]
    events = at((2, "link.cut", "a-b"), (3, "pop.down", "a"), (4, "pop.down", "b"), *ends)
    lit: dict[float, bool] = {}
    lab.on_wait = lambda now_s: lit.update({now_s: all(lab.links["a-b"].carrier())})
    _, lines = play(lab, spec(timeline=events, end="14 s"))
    assert {now_s for now_s, on in lit.items() if on and 2 < now_s < 9} == set()
    assert lit[max(lit)]
    assert all(line["held"] for line in of(lines, "proof"))


def test_a_link_between_a_crashed_switch_and_a_pop_that_was_dark_has_light_again() -> None:
    lab = FakeLab(ring())
    events = at((2, "switch.crash", "a"), (3, "pop.down", "b"), (5, "pop.return", "b"), (7, "switch.return", "a"))
    _, lines = play(lab, spec(timeline=events))
    assert all(all(link.carrier()) for link in lab.links.values())
    assert all(line["held"] for line in of(lines, "proof"))


def test_power_that_returns_mends_no_channel_that_is_cut() -> None:
    lab = FakeLab(ring())
    events = at((2, "control.cut", "control:c"), (3, "brain.poweroff", "brain"), (6, "brain.return", "brain"))
    seen: list[bool] = []
    lab.on_wait = lambda now_s: seen.append(any(lab.control["c"].carrier())) if now_s > 6 else None
    play(lab, spec(timeline=events))
    assert set(seen) == {False}


def test_an_end_of_some_targets_leaves_the_fault_standing_on_the_others() -> None:
    lab = FakeLab(ring())
    events = at((2, "link.cut", "a-b, c-d"), (4, "link.heal", "a-b"), (6, "link.heal", "c-d"))
    lit: dict[float, list[bool]] = {}
    lab.on_wait = lambda now_s: lit.update({now_s: [all(lab.links[name].carrier()) for name in ("a-b", "c-d")]})
    play(lab, spec(timeline=events))
    assert {tuple(on) for now_s, on in lit.items() if 4.5 < now_s < 6} == {(True, False)}
    assert {tuple(on) for now_s, on in lit.items() if now_s > 6.5} == {(True, True)}


def test_the_oracle_knows_what_still_stands_when_a_pop_is_back() -> None:
    heard: list[frozenset[str]] = []

    def oracle(topology: Topology, snapshot: Snapshot, dead: Collection[str]) -> Staleness:
        heard.append(frozenset(dead))
        return right()

    events = at((2, "link.cut", "a-b"), (3, "pop.down", "a"), (5, "pop.return", "a"), (7, "link.heal", "a-b"))
    phases = [{"name": name, "at": f"{at_s} s"} for name, at_s in (("whole", 0), ("cut", 5), ("mended", 7))]
    play(FakeLab(ring()), spec(phases=phases, timeline=events), oracle)
    assert heard == [{"a-b", "d-a"}, {"a-b"}, frozenset()]


@pytest.mark.parametrize("faults", list(permutations(["pop.down", "switch.crash"])))
@pytest.mark.parametrize("ends", list(permutations(["pop.return", "switch.return"])))
def test_a_switch_that_two_faults_hold_runs_when_both_have_ended(
    faults: tuple[str, ...], ends: tuple[str, ...]
) -> None:
    lab, running, dead = FakeLab(ring()), {}, []

    def oracle(topology: Topology, snapshot: Snapshot, broken: Collection[str]) -> Staleness:
        dead.append(frozenset(broken))
        return right()

    lab.on_wait = lambda now_s: running.update({now_s: lab.switches["a"].running()})
    events = at(*((2.0 + place, name, "a") for place, name in enumerate((*faults, *ends))))
    phases = [{"name": f"p{at_s}", "at": f"{at_s} s"} for at_s in (0, 2, 4, 6)]
    _, lines = play(lab, spec(timeline=events, phases=phases), oracle)
    assert {on for now_s, on in running.items() if 2.5 < now_s < 5} == {False}
    assert running[max(running)]
    assert dead == [frozenset(), {"a-b", "d-a"}, dead[2], frozenset()]
    proven = {line["fault"]: line["held"] for line in of(lines, "proof")}
    assert [proven[end] for end in ends] == [True, True]
    assert proven["switch.crash"] == (faults[0] == "switch.crash"), "nobody sees a switch die in a dark PoP"
