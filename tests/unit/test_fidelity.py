"""When the machine may not be believed, and when it may although a design fails badly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import synthetic_run
from synthetic_run import KILL_S, Recipe, diamond

from experiments.judging import fidelity
from experiments.judging.story import Story

Lines = list[dict[str, Any]]


def recipe(policy: str) -> Recipe:
    return Recipe(policy, diamond(), "b-d", fine_pairs=(("b", "d"), ("d", "b")))


@cache
def story(policy: str = "fail-static") -> Story:
    return synthetic_run.story(recipe(policy))


def with_lines(change: Callable[[Lines], Lines]) -> Story:
    plain = story()
    return synthetic_run.story(recipe("fail-static"), plain.samples, change(synthetic_run.lines(recipe("fail-static"))))


def without(pairs: set[tuple[str, str]], start_s: float, end_s: float, policy: str = "fail-static") -> Story:
    """The same run, all probes of these pairs lost between two times."""
    plain = story(policy)
    seen = plain.samples
    chosen = np.array([pair in pairs for pair in seen.pairs])[seen.pair]
    gone = chosen & (seen.due_s >= start_s) & (seen.due_s < end_s)
    return replace(plain, samples=replace(seen, recv_s=np.where(gone, np.nan, seen.recv_s)))


@pytest.mark.parametrize("policy", ["soft-state", "fail-static", "fast-reroute"])
def test_a_calm_machine_is_believed(policy: str) -> None:
    """Also under a design that goes dark everywhere and so leaves no control pair delivering."""
    assert fidelity.judge(story(policy)).reasons == ()


def test_control_pairs_are_those_that_no_fault_touches() -> None:
    control = fidelity.control_pairs(story())
    names = {pair for pair, mine in zip(story().samples.pairs, control, strict=True) if mine}
    assert names == set(story().topology.pairs) - {("a", "d"), ("d", "a"), ("b", "d"), ("d", "b")}


def test_the_delay_error_is_measured_minus_configured() -> None:
    figures = fidelity.judge(story()).figures
    assert figures["delay_error_p50_ms"] == pytest.approx(
        synthetic_run.JITTER_MS * 0.84, rel=0.1
    )  # median of the noise
    assert figures["control_pairs"] == 8


@pytest.mark.parametrize(
    ("start_s", "end_s", "word"),
    [(2.0, 2.2, "before the first fault"), (13.0, 13.2, "control pairs"), (29.0, 29.2, "control pairs")],
)
def test_a_stumble_of_a_control_pair(start_s: float, end_s: float, word: str) -> None:
    reasons = fidelity.judge(without({("a", "c")}, start_s, end_s)).reasons
    assert any(word in reason for reason in reasons)


def test_a_long_silence_without_a_cause_is_no_design_either() -> None:
    """Before the brain was struck nothing excuses a control pair that worked."""
    assert not fidelity.judge(without({("a", "c")}, 2.0, KILL_S - 0.5)).trusted


def test_a_pair_that_never_worked_is_the_design() -> None:
    """Rules withheld: the run must be able to fail, so the machine stays believed."""
    broken = without({("a", "c"), ("c", "a"), ("a", "d"), ("d", "a")}, 0.0, 30.0)
    assert fidelity.judge(broken).reasons == ()


def test_a_network_that_goes_dark_with_its_brain_is_the_design() -> None:
    assert fidelity.judge(without(set(story().topology.pairs), KILL_S + 1, 30.0)).reasons == ()


def test_a_hog_shows_in_the_delays() -> None:
    plain = story()
    seen = plain.samples
    late = np.where((seen.due_s > 14) & (seen.due_s < 17), 0.02, 0.0)
    reasons = fidelity.judge(replace(plain, samples=replace(seen, recv_s=seen.recv_s + late))).reasons
    assert any("delay on control pairs was off by" in reason for reason in reasons)
    assert not any("other machines" in reason for reason in reasons)


def test_delays_say_what_the_hypervisor_took() -> None:
    def stolen(told: Lines) -> Lines:
        return [
            {**line, "steal_pct": 17.4} if line["event"] == "load" and 14 <= line["t"] < 18 else line for line in told
        ]

    robbed = with_lines(stolen)
    seen = robbed.samples
    late = np.where((seen.due_s > 14) & (seen.due_s < 17), 0.02, 0.0)
    reasons = fidelity.judge(replace(robbed, samples=replace(seen, recv_s=seen.recv_s + late))).reasons
    assert any(reason.endswith("; other machines had 17 % of the processors then") for reason in reasons)


def test_a_hog_shows_in_the_processors() -> None:
    def hog(told: Lines) -> Lines:
        busy = {"idle_pct": 0.0, "foreign_pct": 55.0, "own_pct": 45.0}
        return [{**line, **busy} if line["event"] == "load" and 12 <= line["t"] < 16 else line for line in told]

    reasons = fidelity.judge(with_lines(hog)).reasons
    assert reasons == ("others took the processors: up to 55 % of them, with nothing idle, in 4 of 30 seconds",)


def test_a_hog_shows_too_when_the_meter_is_read_every_other_second_only() -> None:
    def hog(told: Lines) -> Lines:
        busy = {"idle_pct": 0.0, "foreign_pct": 55.0, "own_pct": 45.0}
        rare = [line for line in told if line["event"] != "load" or not 12 <= line["t"] < 14]
        return [{**line, **busy} if line["event"] == "load" and 14 <= line["t"] < 15 else line for line in rare]

    (reason,) = fidelity.judge(with_lines(hog)).reasons
    assert reason.startswith("others took the processors")


def test_neighbours_on_a_machine_with_room_are_welcome() -> None:
    def neighbours(told: Lines) -> Lines:
        return [{**line, "idle_pct": 40.0, "foreign_pct": 50.0} if line["event"] == "load" else line for line in told]

    assert fidelity.judge(with_lines(neighbours)).trusted


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ({"event": "clock", "t": 30.0, "step_ms": -4.0}, "clock was stepped by 4.0 ms"),
        (
            {"event": "port", "t": 8.0, "pop": "a", "port": 3, "link": "a-c", "live": False, "cause": "bfd"},
            "nobody touched",
        ),
        ({"event": "port", "t": 8.0, "pop": "a", "port": 1, "link": None, "live": False, "cause": "carrier"}, "nobody"),
        ({"event": "link", "t": -1.0, "link": "a-c", "delay_ms": 30.0, "measured_ab_ms": 33.5}, "+3.5 ms off"),
    ],
)
def test_what_the_journal_tells(line: dict[str, Any], word: str) -> None:
    reasons = fidelity.judge(with_lines(lambda told: [*told, {"policy": "fail-static", **line}])).reasons
    assert len(reasons) == 1
    assert word in reasons[0]


def test_a_port_of_the_cut_link_may_fall_and_flap_after_the_heal() -> None:
    flap = {"policy": "fail-static", "event": "port", "t": 20.0, "pop": "b", "port": 3, "link": "b-d", "live": False}
    assert fidelity.judge(with_lines(lambda told: [*told, flap])).trusted


def test_probes_that_were_never_sent() -> None:
    plain = story()
    sent_s = np.where((plain.samples.due_s > 3) & (plain.samples.due_s < 3.1), np.nan, plain.samples.sent_s)
    reasons = fidelity.judge(replace(plain, samples=replace(plain.samples, sent_s=sent_s))).reasons
    assert any("never sent" in reason for reason in reasons)


def test_a_fault_that_came_late() -> None:
    def late(told: Lines) -> Lines:
        slow = {"began_s": 13.0, "done_s": 13.0, "t": 13.0}
        return [
            {**line, **slow} if line["event"] == "fault" and line["fault"] == "link.cut" and line["t"] < 12 else line
            for line in told
        ]

    reasons = fidelity.judge(with_lines(late)).reasons
    assert any("came 2.0 s late" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("end", "word"),
    [
        ({"outcome": "error", "error": "Open vSwitch of lhr died"}, "Open vSwitch of lhr died"),
        ({"outcome": "stopped"}, "stopped"),
        (None, "killed"),
    ],
)
def test_a_run_that_did_not_end_by_itself(end: dict[str, str] | None, word: str) -> None:
    def ending(told: Lines) -> Lines:
        rest = [line for line in told if line["event"] != "end"]
        return rest if end is None else [*rest, {"policy": "fail-static", "t": 20.0, "event": "end", **end}]

    assert word in fidelity.judge(with_lines(ending)).reasons[0]


def test_no_probes_at_all() -> None:
    assert "no probes" in fidelity.judge(replace(story(), samples=synthetic_run.folder.nothing())).reasons[0]
