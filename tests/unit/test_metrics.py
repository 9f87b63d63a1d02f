"""Metrics of fabricated runs whose losses follow from geometry: known outage → known number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import synthetic_run
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_run import BACK_S, CUT_S, EXPIRY_S, HEAL_S, KILL_S, RETURN_S, Recipe, diamond

from experiments.judging import folder
from experiments.judging.exposure import exposure
from experiments.judging.metric_names import METRICS, PHASE_ONLY
from experiments.judging.metrics import Measured, measure
from experiments.judging.responses import Measure, peak_mods
from experiments.judging.story import Story

FINE = (("b", "d"), ("d", "b"))
CUT = "cut-while-headless"
CROSSING = 4
"""Ordered pairs of the diamond whose shortest path uses b–d: a–d and b–d, both ways."""


def recipe(policy: str) -> Recipe:
    return Recipe(policy, diamond(), "b-d", fine_pairs=FINE)


@cache
def story(policy: str) -> Story:
    return synthetic_run.story(recipe(policy))


@cache
def measured(policy: str) -> Measured:
    return measure(story(policy))


def value(policy: str, phase: str, metric: str) -> float | None:
    return measured(policy).phases[phase][metric].value


@pytest.mark.parametrize("policy", ["fail-static", "fast-reroute"])
@pytest.mark.parametrize("phase", ["steady", "headless", "healed", "returned"])
def test_what_is_in_flight_at_a_border_is_not_blamed_on_the_phase_before(policy: str, phase: str) -> None:
    assert value(policy, phase, "probes_lost") == 0
    assert value(policy, phase, "availability_pct") == pytest.approx(100)
    assert value(policy, phase, "outage_max_ms") == 0


def test_a_cut_under_fail_static_lasts_until_the_heal() -> None:
    found = measured("fail-static").phases[CUT]
    for name in ("outage_p50_ms", "outage_p99_ms", "outage_max_ms"):
        assert found[name].value == pytest.approx((HEAL_S - CUT_S) * 1e3, abs=found[name].error + 1e-6)
        assert found[name].error == pytest.approx(50)
    assert found["pairs_hit"].value == found["pairs_down_at_end"].value == found["pairs_dark_max"].value == CROSSING
    assert found["blast_pairs_pct"].value == pytest.approx(100 * CROSSING / 12)
    assert found["blast_pops_pct"].value == 75  # a, b and d
    assert found["availability_mean_pct"].value == pytest.approx(100 * (1 - CROSSING / 12))
    dark_s = CROSSING * (HEAL_S - CUT_S)
    assert found["blackhole_pair_s"].value == pytest.approx(dark_s, abs=found["blackhole_pair_s"].error)
    assert found["mitigate_s"].value is None


def test_an_outage_is_in_flight_and_repair() -> None:
    found = measured("fast-reroute").phases[CUT]
    assert found["in_flight_ms"].value == 20  # one way over b–d
    repair = found["repair_ms"]
    assert repair.value == pytest.approx(synthetic_run.REPAIR_S * 1e3, abs=repair.error)
    assert repair.error == pytest.approx(2)
    assert found["outage_fine_ms"].value == pytest.approx(20 + repair.value)
    assert found["pairs_down_at_end"].value == found["pairs_dark_max"].value == 0


def test_a_repair_that_never_came_says_so() -> None:
    found = measured("fail-static").phases[CUT]["repair_ms"]
    assert found.value == pytest.approx((HEAL_S - CUT_S) * 1e3, abs=2)
    assert "not repaired" in found.note


def test_a_repair_after_the_fine_probes_is_seen_by_the_coarse_ones() -> None:
    whole, fine_until_s, mended_s = story("fail-static"), CUT_S + 0.6, CUT_S + 1.5
    kept = whole.samples.take(~whole.samples.fine | (whole.samples.due_s < fine_until_s))
    mended = np.where(kept.lost & (kept.due_s >= mended_s), kept.due_s + 0.07, kept.recv_s)
    never, late = (replace(whole, samples=chosen) for chosen in (kept, replace(kept, recv_s=mended)))
    found = measure(never).phases[CUT]["repair_ms"]
    assert found.value == pytest.approx((HEAL_S - CUT_S) * 1e3, abs=found.error)
    assert "not repaired" in found.note
    found = measure(late).phases[CUT]["repair_ms"]
    assert found.value == pytest.approx(1500 - 20, abs=found.error)
    assert found.error == pytest.approx(50)
    assert not found.note


Word = tuple[float, str, str, dict[str, Any]]
"""When (s), which brain, what it says, and about what."""
ELECTED: tuple[Word, ...] = (
    (-1.0, "brain-1", "leads", {}),
    (-0.9, "brain-2", "follows", {}),
    (KILL_S + 1.0, "brain-2", "leads", {}),
    *((KILL_S + 1.6, "brain-2", "reconciling", {"pop": pop}) for pop in "abcd"),
)


def told(words: Iterable[Word], struck: str = "brain-1") -> list[dict[str, Any]]:
    """A journal in which brains say these words, and ``struck`` was killed."""
    kept = [line for line in synthetic_run.lines(recipe("fast-reroute")) if line["event"] != "brain"]
    kept = [line | ({"target": struck} if line.get("fault") == "brain.kill" else {}) for line in kept]
    said = [
        {"policy": "fast-reroute", "t": t, "event": "brain", "what": what, "brain": brain, **more}
        for t, brain, what, more in words
    ]
    return sorted([*kept, *said], key=lambda line: float(line["t"]))


def of_brains(words: Iterable[Word], struck: str = "brain-1") -> Measured:
    return measure(synthetic_run.story(recipe("fast-reroute"), told=told(words, struck)))


@pytest.mark.parametrize(("stats_s", "behind_s"), [((-0.5, 0.5, 1.5, 2.5), 0.0), ((-0.5, 0.5, 2.2, 3.2), 0.6)])
def test_a_take_over_may_be_the_machine_s_doing_as_far_as_the_brain_fell_behind(
    stats_s: tuple[float, ...], behind_s: float
) -> None:
    found = of_brains([*ELECTED, *((KILL_S + at_s, "brain-2", "stats", {}) for at_s in stats_s)])
    assert found.phases["headless"]["takeover_s"].value == pytest.approx(1.6)
    assert found.phases["headless"]["takeover_s"].error == pytest.approx(0.02 + behind_s)


def test_who_only_followed_is_replaced_by_nobody() -> None:
    assert "takeover_s" not in of_brains(ELECTED[:2], "brain-2").phases["headless"]
    assert of_brains(ELECTED[:2], "all").phases["headless"]["takeover_s"].at_least


def test_a_phase_that_ended_first_hides_no_longer_take_over() -> None:
    """Killed once more when the fibre is cut: the second take-over is still going on when the fibre is mended."""
    moment = dict.fromkeys(("t", "began_s", "done_s", "planned_s"), CUT_S)
    kill = next(line for line in told((), "brain-2") if line.get("fault") == "brain.kill")
    journal = sorted([*told(ELECTED), kill | moment], key=lambda line: float(line["t"]))
    found = measure(synthetic_run.story(recipe("fast-reroute"), told=journal))
    assert found.phases["headless"]["takeover_s"].value == pytest.approx(1.6)
    assert found.phases[CUT]["takeover_s"].value is None
    assert found.overall["takeover_s"].value == pytest.approx(1.6)
    assert found.overall["takeover_s"].at_least
    assert found.overall["takeover_s"].note == "nobody took over in this phase"


def test_one_of_several_brains_returns_to_the_pops_in_its_charge() -> None:
    slices = [(-1.0, brain, "hello", {"pop": pop}) for pop, brain in zip("abcd", ("b1", "b1", "b2", "b2"), strict=True)]
    back = [(RETURN_S + 0.5, "b1", "hello", {"pop": pop}) for pop in "ab"]
    read = [(RETURN_S + 0.9, "b1", "reconciling", {"pop": pop}) for pop in "ab"]
    done = [(RETURN_S + 1.3, "b1", "programmed", {"reason": "reconcile", "mods": 3})]
    assert of_brains([*slices, *back, *read, *done]).overall["return_cost_s"].value == pytest.approx(0.8)
    half = of_brains([*slices, *back, *read[:1], *done]).overall["return_cost_s"]
    assert half.value is None
    assert half.at_least
    assert "to 1 PoPs" in half.note


def test_a_design_with_ways_of_its_own_is_right_again_when_it_is_as_it_was() -> None:
    """Slices are a few routes longer than the oracle from the beginning."""

    def returned(steady: int, after: int) -> Measure:
        lines = synthetic_run.lines(recipe("fast-reroute"))
        own = {3.8: steady, RETURN_S + 2: after}
        told = [
            line | ({"longer": own[line["t"]]} if line["event"] == "tables" and line["t"] in own else {})
            for line in lines
        ]
        return measure(synthetic_run.story(recipe("fast-reroute"), told=told)).phases["returned"]["return_cost_s"]

    assert returned(2, 2).value == pytest.approx(0.8)
    assert returned(2, 3).value is None
    assert returned(0, 2).value is None


def test_who_was_gone_before_is_not_noticed_again() -> None:
    """One channel was lost and came back between the second and the third look; the brain dies; all see it."""
    looks = ((0.0, 4), (1.0, 3), (4.0, 3), (KILL_S + 1.0, 3), (KILL_S + 2.0, 0))
    pulses = [{"policy": "fast-reroute", "t": t, "event": "pulse", "connected": count} for t, count in looks]
    journal = sorted([*synthetic_run.lines(recipe("fast-reroute")), *pulses], key=lambda line: float(line["t"]))
    found = measure(synthetic_run.story(recipe("fast-reroute"), told=journal)).phases["headless"]["notice_s"]
    assert found.value == pytest.approx(1.5)
    assert found.error == pytest.approx(0.5 + 0.02)


def test_a_push_breaks_no_link() -> None:
    cut = synthetic_run.lines(recipe("fast-reroute"))
    pushed = [line | ({"aims_at": "push"} if line.get("fault") == "link.cut" else {}) for line in cut]
    found = measure(synthetic_run.story(recipe("fast-reroute"), told=pushed)).phases[CUT]["detect_s"]
    assert found.note == "no link was broken in this phase"


def test_the_busiest_second_may_begin_at_any_moment() -> None:
    sent = [{"t": t, "mods": mods} for t, mods in ((3.1, 1), (3.8, 10), (4.2, 20), (4.75, 5), (4.8, 100), (9.0, 3))]
    assert peak_mods(sent) == 125
    assert peak_mods([]) == 0


def test_a_link_that_still_carries_is_not_cut() -> None:
    cut = synthetic_run.lines(recipe("fast-reroute"))
    slow = [line | ({"severs": False} if line.get("fault") == "link.cut" else {}) for line in cut]
    plain = synthetic_run.story(recipe("fast-reroute"), told=slow)
    assert story("fast-reroute").broken_links(CUT_S + 1) == {"b-d"}
    assert plain.broken_links(CUT_S + 1) == frozenset()
    assert "in_flight_ms" not in measure(plain).phases[CUT]


def test_pairs_that_were_dark_before_the_cut_say_nothing_about_the_repair() -> None:
    found = measured("soft-state").phases[CUT]["repair_ms"]
    assert found.value is None
    assert "dark before" in found.note


def test_expiring_rules() -> None:
    found = measured("soft-state").phases["headless"]
    assert found["blast_pairs_pct"].value == 100
    assert found["pairs_down_at_end"].value == 12
    assert found["outage_max_ms"].value == pytest.approx((CUT_S - KILL_S - EXPIRY_S) * 1e3, abs=100)
    back = measured("soft-state").phases["returned"]
    assert back["outage_max_ms"].value == pytest.approx(BACK_S * 1e3, abs=50)
    assert back["return_lost"].value == back["probes_lost"].value > 0
    whole = measured("soft-state").overall
    dark_s = RETURN_S + BACK_S - KILL_S - EXPIRY_S
    assert whole["outage_max_ms"].value == pytest.approx(dark_s * 1e3, abs=50)
    assert whole["blackhole_pair_s"].value == pytest.approx(12 * dark_s, abs=whole["blackhole_pair_s"].error)
    assert whole["blackhole_demand_s"].value == pytest.approx(dark_s, abs=whole["blackhole_demand_s"].error)


def test_the_detour_is_longer_and_not_longer_than_it_must_be() -> None:
    found = measured("fast-reroute").phases[CUT]
    assert found["latency_inflation_p95"].value == pytest.approx(80 / 20, rel=0.05)  # b–d by a and c instead
    assert found["latency_inflation_p50"].value == pytest.approx(1, abs=0.02)
    assert found["path_stretch_p50"].value == pytest.approx(1, abs=0.05)


def test_what_the_journal_tells() -> None:
    found = measured("fail-static").phases
    assert found[CUT]["detect_s"].value == pytest.approx(0.002)
    assert found[CUT]["stale_route_pct"].value == pytest.approx(25)  # 3 of 12 entries
    assert found[CUT]["repair_s"].value is None
    assert found["returned"]["return_cost_s"].value == pytest.approx(0.8)
    assert found["returned"]["return_peak_mods_per_s"].value == 28
    assert found["steady"]["stale_route_pct"].value == 0


def test_demand_satisfied_by_phase() -> None:
    bulk = {
        "policy": "fail-static", "t": 31.0, "event": "bulk", "pair": ["a", "d"], "offered_bps": 1000.0,
        "delivered_bps": 730.0, "since_s": 0.5, "intervals": [[0.5, 11.0, 10500.0], [19.0, 30.0, 11000.0]],
    }  # fmt: skip
    told = [*synthetic_run.lines(recipe("fail-static")), bulk]
    found = measure(synthetic_run.story(recipe("fail-static"), synthetic_run.fabricate(recipe("fail-static")), told))
    assert found.phases["steady"]["demand_satisfied_pct"].value == pytest.approx(100)
    assert found.phases[CUT]["demand_satisfied_pct"].value == pytest.approx(0)
    assert found.overall["demand_satisfied_pct"].value == pytest.approx(73)


def _with_all() -> Measured:
    bulk = {"policy": "fail-static", "t": 31.0, "event": "bulk", "pair": ["a", "d"], "offered_bps": 1e3,
            "delivered_bps": 1e3, "since_s": 0.0, "intervals": [[0.0, 30.0, 3e4]]}  # fmt: skip
    leads = {"policy": "fail-static", "t": -1.0, "event": "brain", "what": "leads", "brain": "brain"}
    journal = [leads, *synthetic_run.lines(recipe("fail-static")), bulk, *_push("crash")]
    return measure(synthetic_run.story(recipe("fail-static"), synthetic_run.fabricate(recipe("fail-static")), journal))


def _push(mode: str) -> list[dict[str, object]]:
    """Ordered at 1 s, at a at 2 s, at b at 3 s, at c (whose build bears it) at 4 s; at a rolled back at 5 s."""
    line = {"policy": "fail-static", "event": "brain"}
    steps = ((2.0, "a", 1, mode), (3.0, "b", 1, mode), (4.0, "c", 1, "good"), (5.0, "a", 0, "good"))
    arrivals = [
        {**line, "t": at_s, "what": "configured", "pop": pop, "version": version, "mode": how}
        for at_s, pop, version, how in steps
    ]
    return [{**line, "t": 1.0, "what": "push", "version": 1, "mode": mode, "stages": [1, 3]}, *arrivals]


def test_how_far_a_bad_push_got() -> None:
    plain = synthetic_run.lines(recipe("fail-static"))
    seen = synthetic_run.fabricate(recipe("fail-static"))
    bad = synthetic_run.story(recipe("fail-static"), seen, [*plain, *_push("crash")])
    found = exposure(bad, 0.0, 10.0)
    assert found["push_bad_pop_s"].value == pytest.approx(3 + 7)
    assert found["push_bad_pops_pct"].value == pytest.approx(50)
    assert found["push_reach_90_s"].value is None
    assert found["push_reach_90_s"].note == "it had reached 3 of 4 PoPs by then"
    late = {"policy": "fail-static", "event": "brain", "t": 6.0, "what": "configured", "pop": "d", "version": 1}
    everywhere = synthetic_run.story(recipe("fail-static"), seen, [*plain, *_push("crash"), {**late, "mode": "crash"}])
    assert exposure(everywhere, 0.0, 10.0)["push_reach_90_s"].value == pytest.approx(5)
    assert "push_reach_90_s" not in exposure(everywhere, 5.0, 10.0), "it began before"
    assert exposure(everywhere, 4.5, 5.5)["push_bad_pop_s"].value == pytest.approx(0.5 + 1)
    assert exposure(synthetic_run.story(recipe("fail-static"), seen, [*plain, *_push("good")]), 0.0, 10.0) == {}


def test_what_is_measured_is_exactly_what_a_check_may_name_in_a_phase_and_over_the_run() -> None:
    found = _with_all()
    assert set().union(*found.phases.values()) == set(METRICS)
    assert set(found.overall) == set(METRICS) - PHASE_ONLY


def test_unsent_probes_are_no_loss_but_a_doubt() -> None:
    plain = story("fail-static")
    silent = np.where((plain.samples.due_s > 2) & (plain.samples.due_s < 2.2), np.nan, plain.samples.sent_s)
    found = measure(replace(plain, samples=replace(plain.samples, sent_s=silent))).phases["steady"]
    assert found["probes_lost"].value == 0
    assert found["probes_lost"].error == found["probes_unsent"].value > 0
    assert found["availability_pct"].value == pytest.approx(100)


def test_a_run_without_probes_has_no_numbers_and_no_crash() -> None:
    empty = replace(story("fail-static"), samples=folder.nothing())
    assert measure(empty).phases["steady"]["probes_due"].value == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_what_must_hold_for_any_losses(seed: int, share: float) -> None:
    plain = story("fail-static")
    chance = np.random.default_rng(seed)
    recv_s = np.where(chance.random(len(plain.samples)) < share, np.nan, plain.samples.sent_s + 0.02)
    shaken = replace(plain, samples=replace(plain.samples, recv_s=recv_s))
    found = measure(shaken)
    for measures in (*found.phases.values(), found.overall):
        for name, one in measures.items():
            assert one.error >= 0
            assert one.value is None or not name.endswith("_pct") or -1e-9 <= one.value <= 100 + 1e-9
        assert measures["outage_p50_ms"].value <= measures["outage_p99_ms"].value <= measures["outage_max_ms"].value
        assert measures["blackhole_pair_s"].value >= measures["outage_max_ms"].value / 1e3 - 1e-9
        assert measures["probes_lost"].value <= measures["probes_due"].value
    phases = sum(measures["probes_lost"].value for measures in found.phases.values())
    assert phases == found.overall["probes_lost"].value == np.isnan(recv_s).sum()


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)))
def test_the_numbering_of_pairs_does_not_matter(order: list[int]) -> None:
    plain = story("fail-static")
    place = np.argsort(order)
    pairs = tuple(plain.samples.pairs[index] for index in order)
    renamed = replace(plain.samples, pairs=pairs, pair=place[plain.samples.pair]).sorted()
    found, before = measure(replace(plain, samples=renamed)), measured("fail-static")
    for phase, measures in before.phases.items():
        for name, one in measures.items():
            assert found.phases[phase][name].value == pytest.approx(one.value), name
