"""What a fault touches, and which links carry nothing after a story of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from fake_run import ring

from experiments.reach import Reach, broken, reach


@dataclass(frozen=True)
class Deed:
    """As a journal tells it."""

    aims_at: str
    severs: bool
    restores: bool
    links: Sequence[str] = ()
    pops: Sequence[str] = ()


@pytest.mark.parametrize(
    ("aims_at", "targets", "touched"),
    [
        ("link", ("a-b", "control:c"), Reach(links=("a-b",), control=("c",))),
        ("control", ("control:c", "control:d"), Reach(control=("c", "d"))),
        ("pop", ("b",), Reach(links=("a-b", "b-c"), pops=("b",))),
        ("switch", ("a", "b"), Reach(links=("a-b", "b-c", "d-a"), pops=("a", "b"))),
        ("brain", ("leader",), Reach()),
        ("machine", ("machine",), Reach()),
    ],
)
def test_what_is_touched(aims_at: str, targets: tuple[str, ...], touched: Reach) -> None:
    assert reach(aims_at, targets, ring()) == touched


def deed(kind: str, *names: str) -> Deed:
    """``cut``, ``heal``; ``down``, ``back``; ``crash``, ``return``; ``slow`` severs nothing."""
    aims_at = {"cut": "link", "heal": "link", "slow": "link", "down": "pop", "back": "pop"}.get(kind, "switch")
    touched = reach(aims_at, names, ring())
    return Deed(aims_at, kind in ("cut", "down", "crash"), kind in ("heal", "back", "return"), *_of(touched))


def _of(touched: Reach) -> tuple[Sequence[str], Sequence[str]]:
    return touched.links, touched.pops


@pytest.mark.parametrize(
    ("story", "dead"),
    [
        ([("slow", "a-b")], set()),
        ([("cut", "a-b", "c-d"), ("heal", "c-d")], {"a-b"}),
        ([("down", "a", "b"), ("back", "a")], {"a-b", "b-c"}),
        ([("down", "a", "b"), ("back", "a"), ("back", "b")], set()),
        ([("crash", "b")], {"a-b", "b-c"}),
        ([("cut", "a-b"), ("crash", "b"), ("return", "b")], {"a-b"}),
        ([("cut", "a-b"), ("down", "b"), ("back", "b")], {"a-b"}),
        ([("cut", "a-b"), ("down", "a", "b"), ("back", "b")], {"d-a", "a-b"}),
        ([("down", "b"), ("heal", "a-b")], {"a-b", "b-c"}),
    ],
)
def test_links_are_dark_while_they_are_cut_or_one_end_is_down(story: list[tuple[str, ...]], dead: set[str]) -> None:
    assert broken((deed(*each) for each in story), ring()) == dead
