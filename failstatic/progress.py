"""What a live view shows, as state fed by journal lines; drawing is ``failstatic.live``'s."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BARS = "▁▂▃▄▅▆▇█"
HISTORY = 60
BUILD_S = 5.0
"""Assumed for policies that are still to be built: for the time left only."""


@dataclass(slots=True)
class Happening:
    """A fault as the user sees it: when, what, and whether it was proven."""

    t: float
    policy: str
    what: str
    held: bool | None = None
    evidence: str = ""

    @property
    def mark(self) -> str:
        return {None: "…", True: "✓", False: "✗"}[self.held]


@dataclass(slots=True)
class Course:
    """One policy's way through the timeline."""

    policy: str
    state: str = "waiting"
    """``waiting``, ``building``, a phase's name, then ``complete``, ``error`` or ``stopped``."""
    t: float = 0.0
    done: bool = False
    error: str = ""
    down: deque[int] = field(default_factory=lambda: deque(maxlen=HISTORY))


class Progress:
    """All policies of a run."""

    def __init__(self, policies: tuple[str, ...], end_s: float, pairs: int) -> None:
        self.end_s, self.pairs = end_s, max(pairs, 1)
        self.courses = {policy: Course(policy) for policy in policies}
        self.happenings: list[Happening] = []

    def told(self, line: Mapping[str, Any]) -> Happening | None:
        """Take a journal line in; returns the happening that it makes or completes."""
        course = self.courses.setdefault(str(line["policy"]), Course(str(line["policy"])))
        course.t = max(course.t, float(line.get("t") or 0.0))
        event = line["event"]
        if event == "phase":
            course.state = str(line["name"])
        elif event == "pulse":
            course.down.append(int(line["pairs_down"]))
        elif event == "end":
            course.state, course.done, course.error = str(line["outcome"]), True, str(line.get("error") or "")
        elif event == "fault":
            return self._fault(line)
        elif event == "proof":
            return self._proof(line)
        elif course.state == "waiting":
            course.state = "building"
        return None

    def _fault(self, line: Mapping[str, Any]) -> Happening | None:
        if line.get("action") == "heal":
            return None  # told by the heal or return that did it, or by the end
        began_s = line.get("began_s")
        happening = Happening(float(line["t"] if began_s is None else began_s), str(line["policy"]), _name(line))
        self.happenings.append(happening)
        return happening

    def _proof(self, line: Mapping[str, Any]) -> Happening | None:
        what, policy = _name(line), str(line["policy"])
        for happening in reversed(self.happenings):
            if happening.what == what and happening.policy == policy and happening.held is None:
                happening.held = bool(line["held"])
                happening.evidence = ", ".join(f"{name} {_short(value)}" for name, value in line["evidence"].items())
                return happening
        return None

    def left_s(self, jobs: int = 1) -> float:
        """Time that the run still needs, roughly."""
        rest = [0.0 if course.done else self.end_s - course.t for course in self.courses.values()]
        rest = [left + (BUILD_S if left >= self.end_s else 0.0) for left in rest]
        return max(max(rest, default=0.0), sum(rest) / jobs)


def sparkline(values: deque[int], most: int) -> str:
    """One character per value; anything above zero is higher than zero.

    >>> sparkline(deque([0, 1, 50, 100]), 100)
    '▁▂▅█'
    """
    steps = len(BARS) - 1
    return "".join(BARS[0 if not value else max(1, min(steps, round(value / most * steps)))] for value in values)


def _name(line: Mapping[str, Any]) -> str:
    target = str(line.get("target") or "")
    return str(line["fault"]) + (f" {target}" if target not in ("", line.get("aims_at", "brain")) else "")


def _short(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, bool) for item in value):
        return "/".join("on" if item else "off" for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
