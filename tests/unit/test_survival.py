"""Cuts and mends, promises, lives and what is estimated from them; a whole study, and what it refuses."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.survival import estimate, lives, process, spec, study, table, work
from experiments.survival.damage import NONE, Damage, Graph
from experiments.survival.process import Event, Process
from experiments.survival.promise import Promise
from experiments.survival.spec import Choice
from experiments.sweep.pool import Job
from topology.errors import InputError
from topology.load import load

ROOT = Path(__file__).parents[2]
YEARLY = Process(cuts_per_link_year=4.0, cuts_per_1000_km_year=0.0, mean_repair_h=12.0, horizon_h=8766.0)


class Scripted:
    """Damage as a test wants it, by the number of cut links."""

    ideal = False

    def __init__(self, *dark: float, cut_off: int = 0) -> None:
        self.dark, self.cut_off = dark, cut_off

    def damage(self, dead: frozenset[int]) -> Damage:
        share = self.dark[min(len(dead), len(self.dark) - 1)]
        forced = min(self.cut_off, len(dead))
        return Damage(share, 10 * bool(share) + forced, 0.0, forced)


class Quiet:
    """Nobody looks on."""

    def begun(self, finished: int, total: int) -> None:
        self.finished_before, self.total = finished, total

    def finished(self, job: Job, error: str) -> None:
        """Nothing to tell."""

    def ended(self) -> None:
        """Nothing to end."""


def test_cuts_come_at_their_rate_and_mends_after_their_mean() -> None:
    rates = YEARLY.cuts_per_h(load("edge12"))
    found = [event for seed in range(200) for event in process.events(rates, YEARLY, seed)]
    cuts = sum(event.cut for event in found)
    # a fibre that lies broken is not cut again: 12 h of each 2191.5 + 12
    expected = 200 * 18 * 4 * 2191.5 / (2191.5 + 12)
    assert abs(cuts - expected) < 4 * math.sqrt(expected)
    begun: dict[int, float] = {}
    lengths = []
    for event in found:
        if event.cut:
            begun[event.link] = event.at_h
        elif event.link in begun:
            lengths.append(event.at_h - begun.pop(event.link))
    assert np.mean([length for length in lengths if length > 0]) == pytest.approx(12.0, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_every_mend_undoes_a_cut_and_time_runs_forward(seed: int) -> None:
    found = process.events(YEARLY.cuts_per_h(load("edge12")), YEARLY, seed)
    assert [event.at_h for event in found] == sorted(event.at_h for event in found)
    dead: set[int] = set()
    for event in found:
        assert (event.link in dead) != event.cut
        dead ^= {event.link}


def test_longer_fibres_break_more_often_where_the_rate_is_per_length() -> None:
    edge12 = load("edge12")
    rates = Process(0.0, 2.0, 12.0, 8766.0).cuts_per_h(edge12)
    longest = max(edge12.links, key=lambda link: link.length_km)
    assert rates.argmax() == longest.index
    assert rates[longest.index] * 8766.0 == pytest.approx(2.0 * longest.length_km / 1000)


def test_the_order_of_cuts_is_that_of_their_rates() -> None:
    rates = np.array([1.0, 1.0, 8.0])
    first = [process.order(rates, seed)[0] for seed in range(1000)]
    assert first.count(2) == pytest.approx(800, abs=50)
    assert sorted(process.order(rates, 7)) == [0, 1, 2]


def test_a_promise_breaks_when_its_budget_is_spent() -> None:
    promise = Promise(0.9, 100.0)
    assert promise.spend(50.0, 0.0) is None
    assert promise.spend(55.0, 1.0) is None, "half of the ten hours"
    assert promise.spend(100.0, 0.0) is None
    assert promise.spend(120.0, 0.5) == pytest.approx(110.0), "the other half, at half the speed"


def test_what_has_left_the_window_is_forgiven() -> None:
    promise = Promise(0.9, 100.0)
    assert promise.spend(9.0, 1.0) is None
    assert promise.spend(105.0, 0.0) is None, "five of the nine hours are out"
    assert promise.spend(110.0, 1.0) is None
    assert promise.spent_h == pytest.approx(5.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 30), st.sampled_from([0.0, 0.1, 0.5, 1.0])), min_size=1, max_size=30))
def test_a_promise_agrees_with_adding_up_minute_by_minute(stretches: list[tuple[float, float]]) -> None:
    promise, step_h, window_h = Promise(0.8, 20.0), 0.005, 20.0
    end_h, broke_h, levels = 0.0, None, []
    for length_h, dark in stretches:
        end_h += length_h
        broke_h = promise.spend(end_h, dark) if broke_h is None else broke_h
        levels.append((end_h, dark))
    times = np.arange(0.0, end_h, step_h)
    ends = np.array([end for end, _ in levels])
    dark_at = np.array([dark for _, dark in levels])[
        np.minimum(np.searchsorted(ends, times, side="right"), len(ends) - 1)
    ]
    sums = np.concatenate(([0.0], np.cumsum(dark_at))) * step_h
    back = np.maximum(0, np.arange(len(sums)) - round(window_h / step_h))
    over = np.flatnonzero(sums - sums[back] > promise.budget_h + 2 * step_h)
    if len(over):
        assert broke_h is not None
        assert broke_h <= over[0] * step_h + step_h
    if broke_h is not None:
        place = min(int(broke_h / step_h) + 1, len(sums) - 1)
        assert (sums - sums[back])[place] >= promise.budget_h - 3 * step_h


def test_a_life_ends_by_its_promise_and_tells_its_first_blackhole() -> None:
    found = lives.live(
        Scripted(0.0, 0.0, 0.5),
        [Event(10.0, 1, True), Event(20.0, 2, True), Event(30.0, 2, False), Event(40.0, 3, True)],
        Promise(0.9, 100.0),
        1000.0,
    )
    assert (found.blackhole_h, found.blackholed, found.cuts) == (20.0, True, 1)
    assert (found.survival_h, found.broke) == (pytest.approx(50.0), True)


def test_a_life_without_harm_is_followed_to_the_horizon() -> None:
    found = lives.live(Scripted(0.0), [Event(1.0, 0, True), Event(2.0, 0, False)], Promise(0.9, 10.0), 100.0)
    assert found == lives.Life(100.0, False, 100.0, False, 1)


def test_pairs_that_are_cut_off_do_not_end_a_budget() -> None:
    assert lives.budget(Scripted(0.0, 0.0, 0.0, 0.2, cut_off=2), [4, 3, 2, 1]) == lives.Budget(2, True, 2)
    assert lives.budget(Scripted(0.0, cut_off=9), [4, 3]) == lives.Budget(2, False, 2)
    assert lives.budget(Scripted(1.0), [4, 3]) == lives.Budget(0, True, 0), "dark without any cut"


def test_the_ideal_design_has_no_blackhole() -> None:
    graph = Graph(load("edge12"))
    assert not lives.budget(graph, list(range(18))).blackholed
    assert graph.damage(frozenset()) == NONE


def test_curves_are_kaplan_meiers() -> None:
    """The example of Kaplan and Meier's own paper: deaths at 0.8, 3.1, 5.4, 9.2; losses at 1.0, 2.7, 7.0, 12.1."""
    times = [0.8, 1.0, 2.7, 3.1, 5.4, 7.0, 9.2, 12.1]
    ended = [True, False, False, True, True, False, True, False]
    found = estimate.curve(times, ended)
    shares = dict(zip(found.times.tolist(), found.share.tolist(), strict=True))
    assert [shares[at] for at in (0.8, 3.1, 5.4, 9.2)] == pytest.approx([7 / 8, 7 / 10, 21 / 40, 21 / 80])
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()
    assert estimate.median(found).value == 9.2
    assert estimate.lasting(found, 6.0).value == pytest.approx(21 / 40)


def test_where_most_lives_go_on_there_is_no_median() -> None:
    found = estimate.curve([5.0] * 9 + [1.0], [False] * 9 + [True])
    assert estimate.median(found).value is None
    assert estimate.lasting(found, 5.0).value == pytest.approx(0.9)
    assert estimate.median(estimate.curve([5.0, 5.0], [False, False])).value is None


def test_a_mean_has_an_interval_and_the_same_one_again() -> None:
    found = estimate.mean([1.0, 2.0, 3.0, 4.0] * 10)
    assert found == estimate.mean([1.0, 2.0, 3.0, 4.0] * 10)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 2.5 < found.high
    assert estimate.mean([2.0, 2.0]) == estimate.Figure(2.0, 2.0, 2.0)


def rows(seeds: int = 12) -> pl.DataFrame:
    asked = spec.read("headless-survival", Choice(("edge12",), ("fail-static", "fast-reroute"), seeds))
    found = []
    for job in work.jobs(asked, [load("edge12")]):
        found += [{**job.columns, **row} for row in work.work(job.payload)]
    return pl.DataFrame(found)


def test_a_table_says_what_the_lives_were() -> None:
    lines = table.lines(rows(), 43830.0)
    assert [line.policy for line in lines] == [work.IDEAL, "fail-static", "fast-reroute"]
    _, static, reroute = lines
    assert static.budget_mean.value == 0.0
    assert (reroute.budget_mean.value or 0) >= 1.0
    assert (static.kept_share.value or 0) < (reroute.kept_share.value or 0)
    cells = [dict(zip(table.HEADINGS, row, strict=True)) for row in table.words(lines)]
    assert cells[0]["headless budget"] == "all"
    assert cells[1]["survives 1 cut"] == "0 %"
    assert table.markdown(lines).count("\n") == 5


SCRIPT = """
import json
from experiments.survival import spec, work
from topology.load import load
asked = spec.read("headless-survival", spec.Choice(("edge12",), ("fast-reroute",), 5))
print(json.dumps([work.work(job.payload) for job in work.jobs(asked, [load("edge12")])]))
"""


def test_the_same_seeds_give_the_same_lives_in_every_process() -> None:
    def lived(hash_seed: str) -> str:
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), "PATH": ""}
        return subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        ).stdout

    first = lived("0")
    assert lived("4242") == first
    assert len(json.loads(first)[1]) == 5


def test_lives_do_not_hang_on_how_they_are_shared_out() -> None:
    whole = work.jobs(spec.read("headless-survival", Choice(("edge12",), ("fast-reroute",), 6)), [load("edge12")])[1]
    halves = [work.Lives(**{**vars_of(whole.payload), "first_seed": first, "count": 3}) for first in (1, 4)]
    assert work.work(whole.payload) == [row for half in halves for row in work.work(half)]


def vars_of(payload: work.Lives) -> dict[str, object]:
    return {name: getattr(payload, name) for name in payload.__dataclass_fields__}


def test_mistakes_of_a_study_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "name: Bad Name\ntopologies: []\npolicies: [fast-rerouting]\nprocess: {mean_repair: 12, horizon: 1 h}\n"
        "promise: {availability: 99.9, window: 1 h, windows: 2}\n"
    )
    with pytest.raises(InputError) as caught:
        spec.read(str(file))
    text = str(caught.value)
    for part in ("bad.yaml:1", "is not a name", "should not be empty", "fast-rerouting", "'12' is not a time"):
        assert part in text
    for part in ("'99.9' is not a share", "windows", "nothing ever breaks"):
        assert part in text


def test_choices_of_the_command_line_are_held_against_the_same_rules() -> None:
    with pytest.raises(InputError) as caught:
        spec.read("headless-survival", Choice(policies=("nobody",), seeds=1))
    assert {problem.place for problem in caught.value.problems} == {"--policy", "--seeds"}
    with pytest.raises(InputError, match="did you mean 'headless-survival'"):
        spec.read("headless-survivals")


def test_a_study_leaves_a_folder_and_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cluster: the jobs are done here, as a worker would."""
    from experiments.sweep.cluster import Crew
    from experiments.sweep.launch import Found

    def here(folder: Path, jobs: list[Job], do: object, *_: object) -> Found:
        folder.mkdir(parents=True, exist_ok=True)
        found = [{**job.columns, **row} for job in jobs for row in work.work(job.payload)]
        return Found(pl.DataFrame(found), {})

    monkeypatch.setattr(study, "carry_out", here)
    asked = spec.read("headless-survival", Choice(("edge12",), ("fail-static",), 4))
    done = study.study(asked, tmp_path, Crew(), Quiet())
    assert [line.policy for line in done.lines] == ["fail-static", work.IDEAL]
    page = (done.folder / study.PAGE).read_text()
    assert "No packet was sent" in page
    assert "<script" not in page
    manifest = json.loads((done.folder / "manifest.json").read_text())
    assert manifest["networks"]["edge12"]["links"] == 18
    document = tmp_path / "doc.md"
    document.write_text("before\n<!-- headless-survival: results -->\nold\n<!-- headless-survival: end -->\nafter\n")
    study.insert(document, done)
    text = document.read_text()
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| edge12 | fail-static |" in text
    with pytest.raises(InputError, match="has no lines"):
        study.insert(tmp_path / "none.md", done)
