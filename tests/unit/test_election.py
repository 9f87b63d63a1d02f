"""The election as a pure machine: who leads, when it steps down, and that two never lead at once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.election import (
    Answer,
    Call,
    Campaign,
    ElectionSettings,
    Elector,
    Failed,
    Follow,
    Keep,
    Kept,
    Lead,
    Look,
    Outcome,
    Seen,
    Won,
)
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.store import ModelStore
from topology.replica.etcd import Etcd

SETTINGS = ElectionSettings()


def leading(settings: ElectionSettings = SETTINGS) -> Elector:
    """An elector that has won generation 5 at 0 s with a lease of 1 s."""
    elector = Elector("brain-1", settings)
    assert list(elector.tick(0.0)) == [Look()]
    assert list(elector.answered(Seen(None), 0.0)) == [Campaign(1)]
    assert list(elector.answered(Won(77, 5, 1.0), 0.0)) == [Lead(5)]
    return elector


def test_one_call_is_out_at_a_time() -> None:
    elector = Elector("brain-1", SETTINGS)
    assert list(elector.tick(0.0)) == [Look()]
    assert list(elector.tick(5.0)) == []
    assert list(elector.answered(Seen("brain-2", 3), 5.0)) == [Follow(3, "brain-2", "another leads"), Look()]


def test_who_follows_looks_and_hears_of_a_leader_once() -> None:
    elector = Elector("brain-1", SETTINGS)
    assert list(elector.tick(0.0)) == [Look()]
    assert list(elector.answered(Seen("brain-2", 3), 0.01)) == [Follow(3, "brain-2", "another leads")]
    assert list(elector.tick(0.05)) == []
    assert list(elector.tick(0.1)) == [Look()]
    assert list(elector.answered(Seen("brain-2", 3), 0.11)) == []


def test_who_leads_prolongs_its_lease() -> None:
    elector = leading()
    assert list(elector.tick(0.2)) == []
    assert list(elector.tick(0.3)) == [Keep(77)]
    assert list(elector.answered(Kept(1.0), 0.31)) == []
    assert list(elector.tick(0.9)) == [Keep(77)]
    assert elector.leading


def test_it_steps_down_before_its_lease_can_end_counting_from_before_it_asked() -> None:
    elector = leading()
    assert list(elector.tick(0.3)) == [Keep(77)]
    assert list(elector.tick(0.79)) == []
    assert list(elector.tick(0.8)) == [Follow(5, None, "its lease may have ended")]
    assert list(elector.answered(Failed("no answer"), 0.81)) == [Look()]


def test_after_a_long_sleep_it_steps_down_first() -> None:
    assert list(leading().tick(100.0)) == [Follow(5, None, "its lease may have ended"), Look()]


def test_a_lease_that_the_store_calls_ended_is_ended() -> None:
    elector = leading()
    assert list(elector.tick(0.3)) == [Keep(77)]
    assert list(elector.answered(Kept(0.0), 0.31)) == [Follow(5, None, "its lease has ended"), Look()]


def test_a_grant_that_came_too_late_is_none() -> None:
    elector = Elector("brain-1", SETTINGS)
    list(elector.tick(0.0))
    list(elector.answered(Seen(None), 0.0))
    assert Lead(5) not in list(elector.answered(Won(77, 5, 1.0), 0.9))
    assert not elector.leading


def test_a_key_that_is_still_ours_after_the_store_was_away_is_taken_up_again() -> None:
    elector = leading()
    assert list(elector.tick(0.8)) == [Follow(5, None, "its lease may have ended"), Look()]
    assert list(elector.answered(Seen("brain-1", 5), 0.9)) == [Keep(77)]
    assert list(elector.answered(Kept(1.0), 0.95)) == [Lead(5)]


def test_a_key_of_the_same_name_but_an_earlier_life_is_not_ours() -> None:
    elector = Elector("brain-1", SETTINGS)
    list(elector.tick(0.0))
    assert list(elector.answered(Seen("brain-1", 5), 0.0)) == [Follow(5, "brain-1", "another leads")]


def test_a_heedless_leader_stops_only_when_a_switch_refuses_it() -> None:
    elector = leading(ElectionSettings(heedful=False))
    assert list(elector.tick(10.0)) == [Keep(77)]
    assert list(elector.answered(Kept(0.0), 10.0)) == []
    assert list(elector.tick(10.3)) == [Look()]
    assert list(elector.answered(Seen("brain-2", 9), 10.3)) == []
    assert elector.leading
    assert [type(outcome) for outcome in elector.deposed()] == [Follow]
    assert list(elector.deposed()) == []


def test_a_late_answer_makes_no_leader_of_who_was_deposed() -> None:
    """It would have no lease to prolong."""
    elector = leading()
    assert [type(outcome) for outcome in elector.tick(0.4)] == [Keep]
    assert [type(outcome) for outcome in elector.deposed()] == [Follow]
    assert not [outcome for outcome in elector.answered(Kept(1.0), 0.5) if isinstance(outcome, Lead)]
    assert not elector.leading


class Arena:
    """Electors over a modelled store; each may sleep, and its calls may be answered late or not at all."""

    def __init__(self, count: int) -> None:
        self.clock = Clock()
        self.store = ModelStore(Etcd(), self.clock, "1")
        self.store.start()
        self.clock.run_until(2.0)
        self.electors = {name: Elector(name, SETTINGS) for name in (f"brain-{n}" for n in range(count))}
        self.asleep_until: dict[str, float] = {}
        self.slow_s = 0.0
        self.generations: list[int] = []
        for name in self.electors:
            self.tick(name)

    def tick(self, name: str) -> None:
        self.wake(name, lambda: self.hear(name, self.electors[name].tick(self.clock.now)))
        self.clock.after(0.1, lambda: self.tick(name))

    def wake(self, name: str, act: object) -> None:
        """Now, or when it wakes up."""
        assert callable(act)
        self.clock.at(max(self.clock.now, self.asleep_until.get(name, 0.0)), act)

    def hear(self, name: str, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case Lead(generation):
                    self.generations.append(generation)
                case Look() | Campaign() | Keep() as call:
                    self.ask(name, call)
        self.check()

    def ask(self, name: str, call: Call) -> None:
        answer, after_s = self.store.answer(name, call, SETTINGS.patience_s)
        if after_s + self.slow_s > SETTINGS.patience_s:
            answer, after_s = Failed("too slow"), SETTINGS.patience_s
        self.clock.after(after_s, lambda: self.wake(name, lambda: self.answered(name, answer)))

    def answered(self, name: str, answer: Answer) -> None:
        self.hear(name, self.electors[name].answered(answer, self.clock.now))

    def check(self) -> None:
        """Who would act as the leader, were it to act now."""
        now = self.clock.now
        leaders = [name for name, one in self.electors.items() if one.leading and now < one._ends_s]
        assert len(leaders) <= 1, f"at {now}: {leaders}"
        assert self.generations == sorted(set(self.generations)) or len(leaders) <= 1


STORY = st.lists(
    st.tuples(
        st.sampled_from(["sleep", "slow", "kill", "start"]), st.integers(0, 2), st.floats(0.0, 3.0), st.floats(0.0, 2.0)
    ),
    max_size=12,
)


@given(STORY)
def test_never_two_leaders_and_generations_only_grow(story: list[tuple[str, int, float, float]]) -> None:
    arena = Arena(3)
    for what, which, length_s, then_s in story:
        member = list(arena.store.members.values())[which]
        if what == "sleep":
            arena.asleep_until[f"brain-{which}"] = arena.clock.now + length_s
        elif what == "slow":
            arena.slow_s = length_s / 6
        elif what == "kill":
            member.kill()
        else:
            member.start()
        arena.clock.run_until(arena.clock.now + then_s)
    assert arena.generations == sorted(arena.generations)


def test_a_follower_takes_over_within_two_seconds() -> None:
    arena = Arena(3)
    arena.clock.run_until(5.0)
    leader = next(name for name, one in arena.electors.items() if one.leading)
    arena.asleep_until[leader] = 60.0
    arena.clock.run_until(7.0)
    now = arena.clock.now
    assert [name for name, one in arena.electors.items() if one.leading and now < one._ends_s] not in ([], [leader])


@pytest.mark.parametrize("killed", [1, 2])
def test_without_a_quorum_nobody_leads(killed: int) -> None:
    arena = Arena(3)
    arena.clock.run_until(5.0)
    for member in list(arena.store.members.values())[:killed]:
        member.kill()
    arena.clock.run_until(9.0)
    lead = [one for one in arena.electors.values() if one.leading and arena.clock.now < one._ends_s]
    assert len(lead) == (1 if killed == 1 else 0)
