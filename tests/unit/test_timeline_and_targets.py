"""Roles and names of targets; the order of events."""

from __future__ import annotations

import pytest
from fake_run import ring, spec
from hypothesis import given
from hypothesis import strategies as st

from experiments.asking.targets import resolve
from experiments.asking.timeline import LOOK_BEFORE_END_S, Begin, Look, Strike, timeline
from topology.errors import InputError

EVEN = {("a", "b"): 0.5, ("b", "c"): 0.3, ("c", "d"): 0.2}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("busiest link", "a-b"),
        ("the busiest  link", "a-b"),
        ("quietest link", "d-a"),
        ("longest link", "d-a"),
        ("shortest link", "a-b"),
        ("c-b", "b-c"),
        ("control:c", "control:c"),
    ],
)
def test_a_role_or_a_name_becomes_one_name(words: str, name: str) -> None:
    assert resolve(words, "link", ring(), EVEN) == (name,)


def test_the_brain_needs_no_target_and_takes_no_other() -> None:
    assert resolve("", "brain", ring(), EVEN) == resolve("brain", "brain", ring(), EVEN) == ("brain",)
    with pytest.raises(InputError, match="takes no other target"):
        resolve("a-b", "brain", ring(), EVEN)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "which link\\?"),
        ("a-c", "unknown link 'a-c'.*Known: .*busiest link.*c-d"),
        ("bussiest link", "did you mean 'busiest link'"),
        ("control:x", "unknown PoP 'x'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(words: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(words, "link", ring(), EVEN)


def test_a_phase_begins_before_what_strikes_at_the_same_instant() -> None:
    events = timeline(spec(), ring(), EVEN).events
    at_two = [type(event) for event in events if event.at_s == 2.0]
    assert at_two == [Begin, Strike]


def test_all_targets_that_do_not_exist_are_told_at_once() -> None:
    wrong = [{"at": "2 s", "fault": "link.cut", "target": name} for name in ("x-y", "a-b", "z")]
    with pytest.raises(InputError) as caught:
        timeline(spec(timeline=wrong), ring(), EVEN)
    assert [problem.place for problem in caught.value.problems] == ["timeline[0].target", "timeline[2].target"]


def test_settings_are_read_into_numbers() -> None:
    entry = {"at": "2 s", "fault": "link.degrade", "target": "a-b", "with": {"loss": "5 %", "extra_delay": "20 ms"}}
    strike = timeline(spec(timeline=[entry]), ring(), EVEN).strikes[0]
    assert strike.settings == {"loss": pytest.approx(0.05), "extra_delay": pytest.approx(0.02)}


def test_the_first_struck_link_is_a_backbone_link() -> None:
    faults = [{"at": "1 s", "fault": "brain.kill"}, {"at": "2 s", "fault": "link.cut", "target": "control:b"}]
    assert timeline(spec(timeline=faults), ring(), EVEN).first_on_the_backbone() is None
    faults.append({"at": "3 s", "fault": "link.silent", "target": "c-b"})
    first = timeline(spec(timeline=faults), ring(), EVEN).first_on_the_backbone()
    assert first is not None
    assert first.targets == ("b-c",)


@given(st.lists(st.integers(100, 50000), min_size=1, max_size=5, unique=True), st.one_of(st.none(), st.floats(0.25, 5)))
def test_every_phase_is_looked_at_within_itself_and_before_its_end(starts_ms: list[int], every: float | None) -> None:
    begins = [0.0, *(at_ms / 1e3 for at_ms in sorted(starts_ms))]
    phases = [
        {"name": f"p{i}", "at": f"{at!r} s", "tables_every": None if every is None else f"{every!r} s"}
        for i, at in enumerate(begins)
    ]
    planned = timeline(spec(phases=phases, timeline=[], end="60 s"), ring(), EVEN)
    assert list(planned.events) == sorted(planned.events, key=lambda event: event.at_s)
    for phase in planned.phases:
        looks = [event for event in planned.events if isinstance(event, Look) and event.phase == phase.name]
        assert all(phase.at_s < look.at_s < phase.end_s for look in looks)
        last = looks[-1]
        assert last.trace
        assert not last.until_right
        assert phase.end_s - last.at_s <= LOOK_BEFORE_END_S + 1e-9
