"""``brain.slow``: it gets a share of the processor's time only, and answers late: alive, and yet too slow to help.

Settings: ``share`` (``10 %``, at most half), ``period`` (``1 s``, at least 200 ms): it computes for
so much of each period, then stands still for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.brains import settled, struck
from experiments.faults.kind import BRAIN, POLL_S, Evidence, Fact, Metered, Settings, Throttled
from experiments.faults.registry import FAULTS
from experiments.lab import Lab
from topology.units import parse_share, parse_time_s

SHORTEST_S, LARGEST = 0.2, 0.5
CLEAR = 0.7
"""Of the rest of each period, that must be seen: looking takes time as well."""


def _share(text: object) -> float:
    """Raises ValueError for nothing, which is a hang, and for so much that nobody could tell."""
    share = parse_share(text)
    if not 0 < share <= LARGEST:
        raise ValueError(f"'{text}' should be more than 0 % (brain.hang does that) and at most {LARGEST:.0%}")
    return share


def _period(text: object) -> float:
    """Raises ValueError below ``SHORTEST_S``: a healthy brain often rests for half as long."""
    period_s = parse_time_s(text)
    if period_s < SHORTEST_S:
        raise ValueError(f"'{text}' is too short: {SHORTEST_S * 1000:g} ms at least")
    return period_s


@FAULTS.register
@dataclass(slots=True)
class BrainSlow:
    """Stopped for most of a period by the process table, and its processor time stands still as long."""

    kind: ClassVar[str] = "brain.slow"
    aims_at: ClassVar[str] = BRAIN
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = {"share": _share, "period": _period}
    targets: tuple[str, ...] = (BRAIN,)
    share: float = 0.1
    period: float = 1.0

    def inject(self, lab: Lab) -> None:
        self.targets = settled(lab, self.targets)
        self._throttle(lab, self.share)

    def _throttle(self, lab: Lab, share: float) -> None:
        for brain in struck(lab, self.targets):
            if isinstance(brain, Throttled):
                brain.throttle(share, self.period)

    def proof(self, lab: Lab) -> Evidence:
        stop_ms, idle_ms = self._rests(lab)
        enough_ms = CLEAR * (1 - self.share) * self.period * 1e3
        return Evidence(
            (
                Fact("longest_stop_ms", round(stop_ms), stop_ms >= enough_ms),
                Fact("longest_without_computing_ms", round(idle_ms), idle_ms >= enough_ms),
            )
        )

    def _rests(self, lab: Lab) -> tuple[float, float]:
        """Over two periods: how long it was stopped at a stretch, and how long it used no processor time."""
        (brain, *_) = struck(lab, self.targets)
        if not isinstance(brain, Metered) or brain.state() == "gone":
            return 0.0, 0.0
        stopped, idle = _Stretch(lab.now_s()), _Stretch(lab.now_s())
        ends_s, used_s = lab.now_s() + 2 * self.period, -1.0
        while lab.now_s() < ends_s:
            before_s, used_s = used_s, brain.cpu_s()
            stopped.seen(lab.now_s(), brain.state() == "stopped")
            idle.seen(lab.now_s(), used_s == before_s)
            lab.wait_until(lab.now_s() + POLL_S)
        return stopped.longest_s * 1e3, idle.longest_s * 1e3

    def heal(self, lab: Lab) -> None:
        self._throttle(lab, 1.0)


@dataclass(slots=True)
class _Stretch:
    """The longest time that something was so without interruption."""

    since_s: float
    longest_s: float = 0.0

    def seen(self, now_s: float, so: bool) -> None:
        self.longest_s = max(self.longest_s, now_s - self.since_s) if so else self.longest_s
        self.since_s = self.since_s if so else now_s
