"""Two runs held against each other: what is the same agrees, chance is allowed for, and every mutant is red."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
import synthetic_run
from agreement_runs import computed, held_against, of, rewrite, without_bypass_rules, wrong
from agreement_specs import policies
from agreement_specs import prepared as table
from hypothesis import given
from hypothesis import strategies as st

from experiments.agreement.bounds import TIMERS, Cause, Design
from experiments.agreement.compare import EMULATED, Whole, compare
from experiments.agreement.dark import Dark, match
from experiments.agreement.twins import Twins
from experiments.asking.prepare import Prepared, prepare
from experiments.judging import folder
from experiments.judging.folder import Run
from experiments.labs.modelled import bfd, rconn, switch
from experiments.policies import POLICIES, Policy
from topology.errors import InputError


@pytest.fixture(scope="module", params=policies())
def policy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agreement")


@cache
def right(policy: str) -> tuple[Prepared, Run]:
    """The question of the table, and the model's answer."""
    home = Path(mkdtemp())
    asked = table(policy, home)
    return asked, computed(asked, home)


def test_a_run_agrees_with_itself_to_the_nanosecond(policy: str, home: Path) -> None:
    asked, model = right(policy)
    whole = held_against(asked, home, model)
    assert whole.verdict == "pass"
    for aspect in of(whole, policy).aspects:
        assert all(not found.off for found in aspect.findings), aspect.name
        assert not [found for found in aspect.findings if found.said[0] != found.said[1]], aspect.name


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_bounds_leave_room_for_chance(policy: str, home: Path, seed: int) -> None:
    """Another seed: other BFD jitter, other dice on lossy links, nothing else."""
    asked, model = right(policy)
    other = computed(replace(asked, spec=asked.spec.model_copy(update={"seed": seed})), home, claims=EMULATED)
    rewrite(other.path, seed=asked.seed)
    whole = compare(folder.read(other.path), model)
    assert whole.verdict == "pass", of(whole, policy).disagreements


# ------------------------------------------------------------------ mutants


def changed(prepared: Prepared, policy: Policy) -> Prepared:
    """The same question, asked of another design under the old name."""
    return replace(prepared, policies=(policy,))


@pytest.mark.parametrize(
    ("policy_name", "module", "constant", "value"),
    [
        ("fast-reroute", bfd, "BFD_MULTIPLIER", 10),
        ("fast-reroute", switch, "PORT_REACTION_S", 0.3),
        ("soft-state", switch, "EXPIRY_LAG_S", 1.0),
        ("soft-state", rconn, "MIN_BACKOFF_S", 4.0),
    ],
)
def test_a_wrong_timer_is_found(policy_name: str, module: object, constant: str, value: float, home: Path) -> None:
    asked, model = right(policy_name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, constant, value)
        whole = held_against(asked, home, model)
    assert whole.verdict != "pass"
    assert wrong(of(whole, policy_name), "who noticed when")


def test_a_switch_without_label_rules_is_found(home: Path) -> None:
    asked, model = right("fail-static")
    good = POLICIES["fail-static"]
    mutant = replace(good, brain=replace(good.brain, withheld=1))
    whole = held_against(changed(asked, mutant), home, model)
    assert {"dark intervals", "pairs hit", "stale routes"} <= {
        name for name, _ in of(whole, "fail-static").disagreements
    }


def test_a_link_of_another_length_is_found(home: Path) -> None:
    asked, model = right("fail-static")
    link = asked.topology.link("mad-mil")
    links = tuple(replace(one, delay_ms=link.delay_ms + 4) if one is link else one for one in asked.topology.links)
    longer = replace(asked, topology=replace(asked.topology, links=links))
    other = computed(longer, home, claims=EMULATED)
    rewrite(other.path, topology=model.manifest["topology"])
    whole = compare(folder.read(other.path), model)
    assert wrong(of(whole, "fail-static"), "delays")


def test_a_link_that_loses_more_than_asked_is_found(home: Path) -> None:
    asked, model = right("fail-static")
    strikes = tuple(
        replace(event, settings={**event.settings, "loss": 0.5})
        if getattr(event, "settings", {}).get("loss")
        else event
        for event in asked.timeline.events
    )
    lossier = replace(asked, timeline=replace(asked.timeline, events=strikes))
    other = computed(lossier, home, claims=EMULATED)
    rewrite(other.path, spec=model.manifest["spec"])
    assert wrong(of(compare(folder.read(other.path), model), "fail-static"), "losses by chance")


@pytest.mark.parametrize("pop", ["nrt", "fra"])
def test_a_missing_bypass_rule_is_found(pop: str, home: Path) -> None:
    """Packets on a detour through that PoP vanish, and nobody mends it: the brain is dead."""
    asked = replace(prepare("control-plane-loss"), policies=(POLICIES["fast-reroute"],))
    model = computed(asked, home)
    with without_bypass_rules(pop):
        whole = held_against(asked, home, model)
    assert wrong(of(whole, "fast-reroute"), "paths traced")
    assert wrong(of(whole, "fast-reroute"), "dark intervals")
    assert wrong(of(whole, "fast-reroute"), "pairs hit")


# ------------------------------------------------------------------ what does not belong together


def test_all_that_differs_is_told_at_once() -> None:
    one, other = (right(policy)[1] for policy in ("fail-static", "fast-reroute"))
    with pytest.raises(InputError) as caught:
        compare(one, other)
    messages = [problem.message for problem in caught.value.problems]
    assert len(messages) == 3
    assert "this run is modelled" in messages[0]
    assert "name, phases, timeline" in messages[1].replace("end_s, ", "")
    assert "no policy in common" in messages[2]


def test_what_cannot_be_believed_proves_nothing(home: Path) -> None:
    asked, model = right("fail-static")
    other = computed(asked, home, claims=EMULATED)
    journal = other.path / "journal.jsonl"
    stolen = '{"policy": "fail-static", "t": %d, "event": "load", "idle_pct": 0, "foreign_pct": 60}\n'
    with journal.open("a") as file:
        file.writelines(stolen % second for second in range(2, 9))
    whole: Whole = compare(folder.read(other.path), model)
    assert whole.verdict == "unknown"
    assert "others took the processors" in of(whole, "fail-static").reasons[0]


def test_a_run_that_broke_proves_nothing(home: Path) -> None:
    asked = table("fail-static", home)
    model, other = computed(asked, home), computed(asked, home, claims=EMULATED)
    journal = model.path / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"outcome": "complete"', '"outcome": "error"'))
    assert compare(other, folder.read(model.path)).verdict == "unknown"


# ------------------------------------------------------------------ intervals and their bounds


def twins(*, bfd_s: float = 0.0) -> Twins:
    """A diamond of four PoPs, cut at 11 s and healed at 19 s under fail-static; the same story twice."""
    recipe = synthetic_run.Recipe("fail-static", synthetic_run.diamond(), "b-d")
    return Twins(synthetic_run.story(recipe), synthetic_run.story(recipe), Design(bfd_s=bfd_s))


TWINS = twins()
PAIR = ("a", "d")
Borders = st.lists(st.integers(0, 280), min_size=2, max_size=8, unique=True).map(sorted)


def darkness(borders: list[int]) -> list[Dark]:
    """On a grid of tenths of seconds: from the first border to the second, from the third to the fourth, …"""
    ends = zip(borders[::2], borders[1::2], strict=False)
    return [Dark(PAIR, begin / 10, end / 10) for begin, end in ends]


@given(Borders)
def test_the_same_intervals_agree(borders: list[int]) -> None:
    found = list(match(TWINS, darkness(borders), darkness(borders)))
    assert len(found) == len(borders) // 2
    assert all(one.agrees and one.off_s == 0 for one in found)


@given(Borders, Borders)
def test_every_interval_is_matched_or_told_exactly_once(ours: list[int], theirs: list[int]) -> None:
    emulated, modelled = darkness(ours), darkness(theirs)
    found = list(match(TWINS, emulated, modelled))
    assert sorted(one.emulated.start_s for one in found if one.emulated) == [dark.start_s for dark in emulated]
    assert sorted(one.modelled.start_s for one in found if one.modelled) == [dark.start_s for dark in modelled]


@given(st.floats(-0.6, 0.6))
def test_without_a_timer_borders_may_be_two_probe_intervals_off(off_s: float) -> None:
    """After the kill at 5 s nothing is about to strike: these rules do not expire."""
    (found,) = match(TWINS, [Dark(PAIR, 6.0, 7.5)], [Dark(PAIR, 6.0 + off_s, 7.5)])
    assert found.agrees == (abs(off_s) <= 0.1 + 1e-12)


def test_a_short_interval_may_be_missing_and_a_long_one_may_not() -> None:
    for length_s, agrees in ((0.05, True), (0.1, True), (0.15, False), (3.0, False)):
        for sides in (([Dark(PAIR, 7.0, 7.0 + length_s)], []), ([], [Dark(PAIR, 7.0, 7.0 + length_s)])):
            (found,) = match(TWINS, *sides)
            assert found.agrees == agrees


def test_a_timer_gives_room_only_while_it_may_strike() -> None:
    """BFD at 100 ms notices 200 to 320 ms after the cut at 11 s: then 300 ms are borne, a second later they are not."""
    fast = twins(bfd_s=0.1)
    for end_s, agrees in ((11.25, True), (12.5, False)):
        (found,) = match(fast, [Dark(PAIR, 11.0, end_s)], [Dark(PAIR, 11.0, end_s + 0.3)])
        assert found.agrees == agrees
        assert ("BFD" in found.bound.why) == agrees


def test_events_that_came_late_take_their_consequences_with_them() -> None:
    late = synthetic_run.lines(synthetic_run.Recipe("fail-static", synthetic_run.diamond(), "b-d"))
    for line in late:
        if line["event"] == "fault" and line["target"] == "b-d":
            line["began_s"] += 0.4
            line["done_s"] += 0.4
    recipe = synthetic_run.Recipe("fail-static", synthetic_run.diamond(), "b-d")
    held_up = Twins(synthetic_run.story(recipe, told=late), synthetic_run.story(recipe), Design())
    (found,) = match(held_up, [Dark(PAIR, 11.4, 19.4)], [Dark(PAIR, 11.0, 19.0)])
    assert found.agrees
    assert found.off_s == pytest.approx(0, abs=1e-9)


def test_the_documents_list_every_timer() -> None:
    text = (Path(__file__).parents[2] / "docs/agreement.md").read_text()
    events = TWINS.emulated.events
    design = Design(0.1, 3.0, 1.0, 1.0, 5.0, 3.0, 5.0, igp_detection_s=0.3, igp_interval_s=0.1, igp_hello_s=1.0)
    channel = replace(events[-1], target="control:a", links=(), control=("a",), aims_at="control", restores=True)
    lost = replace(channel, restores=False)
    causes = [Cause(event, design, 0.1, 0.02, 1.0) for event in (*events, channel, lost)]
    for make in TIMERS:
        names = {timer.name for cause in causes for timer in make(cause)}
        assert names, f"{make.__name__} gives no timer for any event: extend this test"
        assert all(f"| `{name}` |" in text for name in names), f"{names} lack a row in docs/agreement.md"
