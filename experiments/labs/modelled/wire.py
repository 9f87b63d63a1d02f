"""A backbone link: delay, rate, loss; whole, cut, or silent. What it was when stays in its track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.history import Past, Track
from topology.replica.links import LinkShape

if TYPE_CHECKING:
    from experiments.labs.modelled.bfd import Bfd
    from experiments.labs.modelled.switch import Port


@dataclass(frozen=True, slots=True)
class Condition:
    """Of both directions. ``lit``: the ends have carrier. ``carries_ab``: what enters at a comes out at b."""

    delay_s: float
    rate_bps: float
    loss: float
    queue_s: float
    lit: bool = True
    carries_ab: bool = True
    carries_ba: bool = True

    @classmethod
    def of(cls, shape: LinkShape) -> Condition:
        return cls(shape.delay_ms / 1e3, shape.rate_bps, shape.loss, shape.queue_ms / 1e3)

    @property
    def shape(self) -> LinkShape:
        return LinkShape(self.delay_s * 1e3, self.rate_bps, self.loss, self.queue_s * 1e3)

    @property
    def carries(self) -> bool:
        """Both ways."""
        return self.carries_ab and self.carries_ba

    def passes(self, forward: bool) -> bool:
        """Whether what enters at a (``forward``), else at b, comes out."""
        return self.lit and (self.carries_ab if forward else self.carries_ba)

    @property
    def whole(self) -> bool:
        """Every packet comes out."""
        return self.lit and self.carries and not self.loss


class Wire:
    """Implements ``LinkControl``; ``a`` and ``b`` are the ports at its ends."""

    def __init__(self, clock: Clock, past: Past, name: str, shape: LinkShape) -> None:
        self.name, self.shape = name, shape
        self.ends: tuple[Port, ...] = ()
        self.bfd: Bfd | None = None
        self.counted: Callable[[], tuple[int, int]] = lambda: (0, 0)
        """Frames of the traffic that came out so far (a→b, b→a)."""
        self.track = Track(past, Condition.of(shape))
        self.measured = (0, 0)
        """Frames of measurements that came out so far (a→b, b→a)."""
        self.told_change: list[Callable[[], None]] = []
        """Told after every change."""
        self.cuts_s: list[float] = []
        """When it was cut: what was on it then is lost."""
        self._clock = clock

    @property
    def now(self) -> Condition:
        return self.track.last

    def reshape(self, shape: LinkShape) -> None:
        wanted = Condition.of(shape)
        self._become(delay_s=wanted.delay_s, rate_bps=wanted.rate_bps, loss=wanted.loss, queue_s=wanted.queue_s)

    def cut(self) -> None:
        self._become(lit=False)

    def silence(self, *, ab: bool = True, ba: bool = True) -> None:
        self._become(carries_ab=self.now.carries_ab and not ab, carries_ba=self.now.carries_ba and not ba)

    def heal(self) -> None:
        self.reshape(self.shape)
        self._become(lit=True, carries_ab=True, carries_ba=True)

    def carrier(self) -> tuple[bool, bool]:
        return (self.now.lit, self.now.lit)

    def frames(self) -> tuple[int, int]:
        ab, ba = (count + measured for count, measured in zip(self.counted(), self.measured, strict=True))
        if self.bfd is None:
            return (ab, ba)
        return (ab + self.bfd.received(1), ba + self.bfd.received(0))

    def measure(self, ab: int, ba: int) -> None:
        """So many frames of a measurement come out at each end."""
        self.measured = (self.measured[0] + ab, self.measured[1] + ba)

    def _become(self, **changes: Any) -> None:
        before, after = self.now, replace(self.now, **changes)
        if after == before:
            return
        if self.bfd is not None:
            self.bfd.wake()
        self.track.set(self._clock.now, after)
        if before.lit and not after.lit:
            self.cuts_s.append(self._clock.now)
        if before.lit != after.lit:
            for port in self.ends:
                port.carrier = after.lit
                port.touch()
        for tell in self.told_change:
            tell()
