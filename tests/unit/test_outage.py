"""Runs of lost probes: exact on known ones, and what must hold for any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.judging import outage, samples
from experiments.judging.samples import Samples

DELTA_S = 0.05
PAIRS = (("a", "b"), ("b", "a"), ("a", "c"))
OK, LOST, UNSENT = ".", "x", "?"


def fabricate(*rows: str) -> Samples:
    """One row per pair: ``..xx.?`` is delivered, delivered, lost, lost, delivered, never sent."""
    marks = [(pair, seq, mark) for pair, row in enumerate(rows) for seq, mark in enumerate(row)]
    due_s = np.array([seq * DELTA_S for _, seq, _ in marks])
    columns = {
        "pair": [pair for pair, _, _ in marks],
        "seq": [seq for _, seq, _ in marks],
        "fine": [False] * len(marks),
        "due_s": due_s,
        "sent_s": np.where([mark == UNSENT for *_, mark in marks], np.nan, due_s),
        "recv_s": np.where([mark == OK for *_, mark in marks], due_s + 0.01, np.nan),
    }
    return samples.from_columns(PAIRS[: max(len(rows), 1)], columns)


def find(*rows: str) -> outage.Runs:
    seen = fabricate(*rows)
    return outage.find(seen, np.zeros(len(seen), dtype=np.int64), DELTA_S)


@pytest.mark.parametrize(
    ("row", "slots", "error"),
    [
        ("..xxx..", [3], [1]),
        ("x.x.xx", [1, 1, 2], [1, 1, 1]),
        ("..x?x..", [3], [1]),  # bridged: an unsent probe says nothing
        ("..x??...", [1], [3]),  # the outage may have lasted over the unsent ones
        (".??x.", [1], [3]),
        ("??xx", [2], [1]),  # nothing known before: open
        ("......", [], []),
        ("??????", [], []),
    ],
)
def test_a_known_row(row: str, slots: list[int], error: list[int]) -> None:
    runs = find(row)
    assert runs.length_s == pytest.approx([n * DELTA_S for n in slots])
    assert runs.error_s == pytest.approx([n * DELTA_S for n in error])


def test_runs_do_not_reach_from_one_pair_to_the_next() -> None:
    runs = find("..xx", "xx..", "....")
    assert list(runs.pair) == [0, 1]
    assert runs.length_s == pytest.approx([0.1, 0.1])
    assert list(runs.open_end) == [True, False]
    assert list(runs.open_start) == [False, True]


def test_a_run_is_split_where_its_group_ends() -> None:
    seen = fabricate("..xxxx..")
    runs = outage.find(seen, np.array([0, 0, 0, 1, 1, 1, 1, 1]), DELTA_S)
    assert list(runs.group) == [0, 1]
    assert runs.length_s == pytest.approx([0.05, 0.15])
    assert list(runs.open_end) == [True, False]


def test_left_out_probes_take_no_part() -> None:
    seen = fabricate("xxxx")
    assert len(outage.find(seen, np.array([-1, -1, 0, 0]), DELTA_S)) == 1


def test_the_longest_of_each_pair() -> None:
    worst = outage.longest(find("x.xx.x", "......", "xxx..x"))
    assert list(worst.pair) == [0, 2]
    assert worst.length_s == pytest.approx([0.1, 0.15])


rows = st.lists(st.text(alphabet=OK + LOST + UNSENT, min_size=1, max_size=40), min_size=1, max_size=3)


@given(rows)
def test_every_loss_is_in_exactly_one_run(seen: list[str]) -> None:
    runs, plain = find(*seen), fabricate(*seen)
    covered = sum(round(length / DELTA_S) for length in runs.length_s)
    assert covered >= plain.lost.sum()
    assert covered <= sum(len(row) for row in seen)
    assert (runs.error_s >= DELTA_S - 1e-12).all()
    assert runs.length_s.sum() >= outage.longest(runs).length_s.max(initial=0.0) - 1e-12


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(seen: list[str], chance: object) -> None:
    plain = fabricate(*seen)
    order = list(range(len(plain)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    shuffled = plain.take(np.array(order, dtype=np.int64)).sorted()
    for name in ("pair", "seq", "due_s", "sent_s", "recv_s"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(shuffled, name))


@given(st.text(alphabet=OK + LOST, min_size=1, max_size=60))
def test_the_truth_lies_within_the_error(row: str) -> None:
    """An outage of true length T, sampled every δ, is measured within T ± δ."""
    runs = find(row)
    for start_s, length_s in zip(runs.start_s, runs.length_s, strict=True):
        first = round(start_s / DELTA_S)
        shortest, most = length_s - DELTA_S, length_s + DELTA_S
        assert row[first : first + round(length_s / DELTA_S)] == LOST * round(length_s / DELTA_S)
        assert shortest >= -1e-12
        assert most - shortest == pytest.approx(2 * DELTA_S)
