"""The live view's state and what both views print, from journal lines."""

from __future__ import annotations

from collections import deque
from io import StringIO
from pathlib import Path

from rich.console import Console

from experiments.asking.prepare import Choice, prepare
from failstatic.live import LiveView, PlainView, view
from failstatic.progress import BUILD_S, Progress, sparkline

LINES = [
    {"policy": "fail-static", "t": -5.0, "event": "build", "step": "links", "took_s": 0.2},
    {"policy": "fail-static", "t": -0.5, "event": "built", "took_s": 3.2},
    {"policy": "fail-static", "t": 0.0, "event": "phase", "name": "steady"},
    {"policy": "fail-static", "t": 0.5, "event": "pulse", "pairs_down": 0},
    {"policy": "fail-static", "t": 5.0, "event": "fault", "action": "inject", "fault": "brain.kill", "target": "brain",
     "began_s": 5.0, "done_s": 5.0},
    {"policy": "fail-static", "t": 5.2, "event": "proof", "action": "inject", "fault": "brain.kill", "target": "brain",
     "held": True, "evidence": {"process": "gone", "switches_connected": 0}},
    {"policy": "fail-static", "t": 11.0, "event": "fault", "action": "inject", "fault": "link.cut", "target": "a-b",
     "began_s": 11.0, "done_s": 11.0},
    {"policy": "fail-static", "t": 11.3, "event": "proof", "action": "inject", "fault": "link.cut", "target": "a-b",
     "held": False, "evidence": {"carrier": [True, False]}},
    {"policy": "fail-static", "t": 12.0, "event": "pulse", "pairs_down": 34},
]  # fmt: skip
END = {"policy": "fail-static", "t": 30.0, "event": "end", "outcome": "error", "error": "the relay died"}


def _console(*, terminal: bool) -> tuple[Console, StringIO]:
    out = StringIO()
    return Console(file=out, force_terminal=terminal, width=120, color_system=None, legacy_windows=False), out


def test_faults_are_told_with_their_proofs() -> None:
    progress = Progress(("fail-static", "fast-reroute"), 30.0, 132)
    for line in LINES:
        progress.told(line)
    assert [(h.what, h.mark, h.evidence) for h in progress.happenings] == [
        ("brain.kill", "✓", "process gone, switches_connected 0"),
        ("link.cut a-b", "✗", "carrier on/off"),
    ]
    course = progress.courses["fail-static"]
    assert (course.state, list(course.down)) == ("steady", [0, 34])
    assert progress.courses["fast-reroute"].state == "waiting"


def test_time_left_counts_what_is_still_to_come() -> None:
    progress = Progress(("a", "b"), 30.0, 10)
    assert progress.left_s() == 70.0
    progress.told({"policy": "a", "t": 20.0, "event": "pulse", "pairs_down": 0})
    assert progress.left_s() == 45.0
    assert progress.left_s(jobs=2) == 35.0
    for policy in "ab":
        progress.told({"policy": policy, "t": 30.0, "event": "end", "outcome": "complete"})
    assert progress.left_s() == 0.0


def test_a_sparkline_shows_that_one_pair_is_more_than_none() -> None:
    assert sparkline(deque([0, 1, 500, 1000]), 1000) == "▁▂▅█"
    assert sparkline(deque(), 10) == ""


def test_plain_lines_where_there_is_no_terminal() -> None:
    console, out = _console(terminal=False)
    watching = view(console, 1)
    assert type(watching) is PlainView
    watching.queued(5)
    watching.queued(5)
    watching.begun(Path("results/x"), prepare("control-plane-loss", Choice(("fail-static",))))
    for line in [*LINES, END]:
        watching.told(line)
    watching.ended()
    text = out.getvalue()
    assert text.count("you are 5th in the queue") == 1
    assert "control-plane-loss on edge12 (12 PoPs, 18 links), seed 1" in text
    assert "✓ brain.kill (process gone, switches_connected 0)" in text
    assert "✗ link.cut a-b" in text
    assert "error the relay died" in text
    assert "\x1b" not in text


def test_the_picture_on_a_terminal_shows_phase_pairs_down_and_time_left() -> None:
    console, out = _console(terminal=True)
    watching = view(console, 1)
    assert type(watching) is LiveView
    prepared = prepare("control-plane-loss", Choice(("fail-static", "fast-reroute")))
    watching.begun(Path("results/x"), prepared)
    for line in LINES:
        watching.told(line)
    watching.tick()
    text = out.getvalue()
    watching.ended()
    assert "steady" in text
    assert "34 of 132 pairs down" in text
    assert "✓ brain.kill" in text
    left_s = (prepared.spec.end - 12.0) + (prepared.spec.end + BUILD_S)
    assert f"about {left_s:.0f} s left" in text
