"""Targets that are many: lists, regions, risk groups, lots; PoPs by role; what an end of faults means by a lot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_run import ring, spec
from hypothesis import given
from hypothesis import strategies as st

from experiments.asking.targets import Lots, resolve
from experiments.asking.timeline import timeline
from topology.errors import InputError
from topology.model import Topology

EVEN = {("a", "c"): 0.6, ("c", "d"): 0.3, ("d", "a"): 0.1}
"""a–c goes over b."""


def halves() -> Topology:
    """a and b in the west, c and d in the east; the cable ``deep`` holds b–c and d–a."""
    plain = ring()
    pops = tuple(replace(pop, region="west" if pop.name in "ab" else "east") for pop in plain.pops)
    links = tuple(replace(link, risk_groups=("deep",) * (link.name in ("b-c", "d-a"))) for link in plain.links)
    return replace(plain, pops=pops, links=links)


@pytest.mark.parametrize(
    ("words", "aims_at", "names"),
    [
        ("c-b, a-b,b-a", "link", ("b-c", "a-b")),
        ("all", "link", ("a-b", "b-c", "c-d", "d-a")),
        ("region West", "link", ("a-b",)),
        ("srlg deep", "link", ("b-c", "d-a")),
        ("srlg deep, longest link", "link", ("b-c", "d-a")),
        ("control:region east", "link", ("control:c", "control:d")),
        ("region east", "control", ("control:c", "control:d")),
        ("control:a, d", "control", ("control:a", "control:d")),
        ("all", "control", ("control:a", "control:b", "control:c", "control:d")),
        ("region east, the brain's PoP", "pop", ("c", "d", "a")),
        ("busiest pop", "pop", ("c",)),
        ("quietest PoP", "switch", ("d",)),
        ("", "machine", ("machine",)),
    ],
)
def test_many_words_become_many_names_each_once(words: str, aims_at: str, names: tuple[str, ...]) -> None:
    assert resolve(words, aims_at, halves(), EVEN) == names


@pytest.mark.parametrize(
    ("words", "aims_at", "message"),
    [
        ("region north", "pop", "unknown region 'north'. Known: east, west"),
        ("srlg shallow", "link", "unknown shared-risk group 'shallow'. Known: deep"),
        ("random(5)", "link", "there are 4 of them"),
        ("random(0)", "pop", "there are 4 of them"),
        ("x", "switch", "unknown PoP 'x'. Known: .*all, .*region NAME"),
        ("", "control", "which PoP\\?"),
        ("a", "machine", "takes no other target than 'machine'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(words: str, aims_at: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(words, aims_at, halves(), EVEN)


def test_a_topology_without_risk_groups_says_so() -> None:
    with pytest.raises(InputError, match="no shared-risk groups"):
        resolve("srlg deep", "link", ring(), EVEN)


def test_all_that_is_wrong_with_a_list_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        resolve("a-c, b-c, nowhere", "link", ring(), EVEN)
    assert [problem.message.split("'")[1] for problem in caught.value.problems] == ["a-c", "nowhere"]


@given(st.integers(0, 1000), st.lists(st.integers(1, 2), min_size=1, max_size=4))
def test_lots_strike_others_as_long_as_there_are_others(seed: int, counts: list[int]) -> None:
    lots, again, names = Lots(seed), Lots(seed), tuple("abcdefgh")
    drawn = [lots.draw(names, count, "link", False) for count in counts]
    assert drawn == [again.draw(names, count, "link", False) for count in counts]
    assert [len(each) for each in drawn] == counts
    assert len({name for each in drawn for name in each}) == sum(counts)


def test_the_first_lot_that_heals_is_the_first_that_was_struck() -> None:
    words = [("2 s", "link.cut"), ("3 s", "link.cut"), ("4 s", "link.heal"), ("5 s", "link.heal")]
    entries = [{"at": at, "fault": fault, "target": "random(1)"} for at, fault in words]
    for seed in range(5):
        one, other, *healed = timeline(spec(timeline=entries, seed=seed), ring(), EVEN).strikes
        assert one.targets != other.targets
        assert [strike.targets for strike in healed] == [one.targets, other.targets]


def test_other_seeds_strike_elsewhere() -> None:
    entry = [{"at": "2 s", "fault": "pop.down", "target": "random(2)"}]
    struck = {timeline(spec(timeline=entry, seed=seed), ring(), EVEN).strikes[0].targets for seed in range(20)}
    assert len(struck) > 3
