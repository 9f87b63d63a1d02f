"""BFD on one link (RFC 5880, as Open vSwitch's lib/bfd.c does it): two sessions, packet by packet.

A session that is down sends about once a second and needs three packets to come up; until its
far end's first fast packet has come, it also waits three *slow* intervals before it gives up.
Once both ends are up at their pace on a whole link nothing can happen, so the packets are no
longer played, only known: each comes 0.875 intervals after the one before (the mean of the
jitter). ``wake`` puts them back before the link changes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.timers import BFD_JITTER, BFD_MULTIPLIER, BFD_SLOW_S
from experiments.labs.modelled.wire import Wire

DOWN, INIT, UP = 1, 2, 3
"""States of RFC 5880, 4.1."""


@dataclass(slots=True)
class Session:
    """One end. ``touched`` is called when it came up or went down."""

    chance: random.Random
    touched: Callable[[], None]
    state: int = DOWN
    sent_s: float = 0.0
    detect_s: float = math.inf
    """Without another packet it goes down then."""
    far_interval_s: float = BFD_SLOW_S
    """What the far end's last packet promised."""
    received: int = 0
    checking: bool = field(default=False)
    life: int = 1
    """Odd while its switch runs; packets and plans of another life count for nothing."""

    @property
    def up(self) -> bool:
        return self.state == UP

    @property
    def dead(self) -> bool:
        """Its switch has crashed."""
        return self.life % 2 == 0


class Bfd:
    """Both sessions of a wire; end 0 is a."""

    def __init__(self, clock: Clock, wire: Wire, interval_s: float, seed: str) -> None:
        self._clock, self._wire, self._interval_s = clock, wire, interval_s
        self._period_s = interval_s * (1 - BFD_JITTER / 2)
        self.ends = tuple(
            Session(random.Random(f"{seed} bfd {wire.name} {end}"), port.touch) for end, port in enumerate(wire.ends)
        )
        self._asleep = False
        self._awakenings = 0

    def start(self) -> None:
        """Both ends begin to send, each somewhere in its first slow interval."""
        for end in (0, 1):
            self._begin(end)

    def _begin(self, end: int) -> None:
        session = self.ends[end]
        life = session.life
        self._later(session.chance.random() * BFD_SLOW_S, lambda: self._send(end, life))

    def crash(self, end: int) -> None:
        """The switch at this end dies: it sends and hears nothing more."""
        self.wake()
        session = self.ends[end]
        session.life += 1
        session.state, session.far_interval_s = DOWN, BFD_SLOW_S

    def restart(self, end: int) -> None:
        """The switch is back, and its session begins anew."""
        self.ends[end].life += 1
        self._begin(end)

    @property
    def settled(self) -> bool:
        """Both ends up and at their pace."""
        return self._asleep

    def received(self, end: int) -> int:
        """Packets that came to this end so far."""
        return self.ends[end].received + (self._unplayed(end) if self._asleep else 0)

    # ---------------------------------------------------------- packets

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Unless the sessions fall asleep before."""
        awakening = self._awakenings
        self._clock.after(delay_s, lambda: action() if awakening == self._awakenings else None)

    def _send(self, end: int, life: int) -> None:
        session, link = self.ends[end], self._wire.now
        if session.life != life:
            return
        session.sent_s = self._clock.now
        if link.passes(end == 0) and not (link.loss and session.chance.random() < link.loss):
            state, cuts = session.state, len(self._wire.cuts_s)
            self._later(link.delay_s, lambda: self._receive(1 - end, state, cuts))
        interval_s = self._pace(session.state)
        self._later(interval_s * (1 - session.chance.random() * BFD_JITTER), lambda: self._send(end, life))

    def _pace(self, state: int) -> float:
        """Desired Min TX Interval (RFC 5880, 6.8.3)."""
        return self._interval_s if state == UP else max(self._interval_s, BFD_SLOW_S)

    def _receive(self, end: int, far_state: int, cuts: int) -> None:
        session = self.ends[end]
        if session.dead or cuts != len(self._wire.cuts_s):
            return
        session.received += 1
        session.far_interval_s = self._pace(far_state)
        session.detect_s = self._clock.now + BFD_MULTIPLIER * max(self._interval_s, session.far_interval_s)
        self._watch(end)
        self._become(session, _next(session.state, far_state))
        if self._quiet():
            self._asleep = True
            self._awakenings += 1

    def _watch(self, end: int) -> None:
        session = self.ends[end]
        if not session.checking:
            session.checking = True
            self._later(session.detect_s - self._clock.now, lambda: self._check(end))

    def _check(self, end: int) -> None:
        session = self.ends[end]
        session.checking = False
        if session.state == DOWN:
            return
        if self._clock.now < session.detect_s:
            self._watch(end)
        else:
            self._become(session, DOWN)

    def _become(self, session: Session, state: int) -> None:
        before, session.state = session.up, state
        if session.up != before:
            session.touched()

    # ---------------------------------------------------------- asleep

    def _quiet(self) -> bool:
        fast = all(session.up and session.far_interval_s <= self._interval_s for session in self.ends)
        return fast and self._wire.now.whole

    def _unplayed(self, end: int) -> int:
        """Packets that have come to ``end`` since the sessions fell asleep."""
        flying_s = self._clock.now - self._wire.now.delay_s - self.ends[1 - end].sent_s
        return max(0, math.floor(flying_s / self._period_s))

    def wake(self) -> None:
        """The link is about to change: who has heard what, what is on the wire, who sends when."""
        if not self._asleep:
            return
        for end, session in enumerate(self.ends):
            came = self._unplayed(1 - end)
            self.ends[1 - end].received += came
            heard_s = session.sent_s + came * self._period_s + self._wire.now.delay_s
            self.ends[1 - end].detect_s = heard_s + BFD_MULTIPLIER * self._interval_s
        self._asleep = False
        for end in (0, 1):
            self.ends[end].checking = False
            self._put_back(end)
            self._watch(end)

    def _put_back(self, end: int) -> None:
        session, now_s, delay_s = self.ends[end], self._clock.now, self._wire.now.delay_s
        played = max(0, math.floor((now_s - session.sent_s) / self._period_s))
        came = max(0, math.floor((now_s - delay_s - session.sent_s) / self._period_s))
        cuts = len(self._wire.cuts_s)
        for number in range(came + 1, played + 1):
            arrives_s = session.sent_s + number * self._period_s + delay_s - now_s
            self._later(arrives_s, lambda: self._receive(1 - end, UP, cuts))
        session.sent_s += played * self._period_s
        life = session.life
        self._later(session.sent_s + self._period_s - now_s, lambda: self._send(end, life))


def _next(state: int, far: int) -> int:
    """The state machine of RFC 5880, 6.8.6, without administrative states."""
    if state == DOWN:
        return {DOWN: INIT, INIT: UP}.get(far, DOWN)
    if state == INIT:
        return UP if far in (INIT, UP) else INIT
    return DOWN if far == DOWN else UP
