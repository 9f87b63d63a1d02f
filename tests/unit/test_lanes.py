"""What the pictures say about faults: how each is called, until when it stands, whether anything is broken then."""

from __future__ import annotations

from pathlib import Path

import pytest
from agreement_runs import computed

from experiments.asking.prepare import Choice, prepare
from experiments.report.lanes import Span, spans
from experiments.report.palette import BRAIN_GONE, LINK_BROKEN, ORDERED


def drawn(name: str, policy: str, place: Path) -> list[Span]:
    (story,) = computed(prepare(name, Choice((policy,))), place).stories
    return spans(story)


def test_a_bad_push_stands_until_it_is_rolled_back_and_a_freeze_breaks_nothing(tmp_path: Path) -> None:
    push, freeze = drawn("bad-config-push", "fail-static", tmp_path)
    assert (push.label, push.colour, push.shades) == ("bad push everywhere", LINK_BROKEN, True)
    assert push.start_s == pytest.approx(6, abs=0.1)
    assert push.end_s == pytest.approx(24, abs=1)
    assert (freeze.label, freeze.colour, freeze.shades, freeze.end_s) == ("pushes frozen", ORDERED, False, 40)


def test_each_of_several_bad_pushes_stands_until_the_good_one_after_it(tmp_path: Path) -> None:
    *pushes, _ = drawn("cloudflare-2025-11-18", "fail-static", tmp_path)
    assert [round(push.end_s - push.start_s) for push in pushes] == [5, 5, 15]


def test_a_roll_back_that_does_not_reach_everybody_ends_nothing_yet(tmp_path: Path) -> None:
    push, silent = drawn("crowdstrike-2024-07-19", "fail-static", tmp_path)
    assert push.end_s == pytest.approx(134, abs=3), "the last one was visited at 132 s"
    assert (silent.label, silent.colour) == ("control of lhr, fra and 7 more silently cut", BRAIN_GONE)


def test_a_planned_change_is_done_when_its_clean_up_is(tmp_path: Path) -> None:
    there, back = drawn("planned-change", "fail-static", tmp_path)
    assert (there.label, there.shades) == ("planned change", False)
    assert there.end_s < there.start_s + 3 < back.start_s


def test_links_and_channels_by_name_while_they_are_few(tmp_path: Path) -> None:
    labels = {span.label for span in drawn("facebook-2021-10-04", "fail-static", tmp_path)}
    assert labels == {"all control channels silently cut", "lhr-iad, iad-gru, fra-iad, iad-sjc cut"}
