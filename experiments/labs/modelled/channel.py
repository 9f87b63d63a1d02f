"""A PoP's way to the brain: one link, and over it TCP connections that lose nothing and may be late.

``Channel`` is the link (it can be cut, silenced, degraded, healed); ``Pipe`` is one direction of
one connection: in order, and what the link swallowed comes again when TCP tries again, at
RTO, 3 RTO, 7 RTO, … after it was first sent (RFC 6298).
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from experiments.labs.modelled.clock import Action, Clock
from experiments.labs.modelled.timers import FIRST_RTO_S, MIN_RTO_S
from experiments.labs.modelled.wire import Condition
from topology.replica.links import LinkShape

TO_SWITCH, TO_BRAIN = 0, 1


class Channel:
    """Implements ``LinkControl``; end a is the brain's."""

    def __init__(self, clock: Clock, pop: str, shape: LinkShape, seed: str) -> None:
        self.pop, self.shape, self.clock = pop, shape, clock
        self.now = Condition.of(shape)
        self.chance = random.Random(f"{seed} channel {pop}")
        self.delivered = [0, 0]
        self._pipes: list[Pipe] = []

    def passes(self, way: int) -> bool:
        """Whether what is sent that way (TO_SWITCH, TO_BRAIN) comes out."""
        return self.now.passes(way == TO_SWITCH)

    @property
    def round_trip_s(self) -> float:
        return 2 * self.now.delay_s

    def pipes(self) -> tuple[Pipe, Pipe]:
        """Of a new connection: to the switch, to the brain."""
        made = (Pipe(self, TO_SWITCH), Pipe(self, TO_BRAIN))
        self._pipes = [pipe for pipe in self._pipes if pipe.busy] + list(made)
        return made

    def reshape(self, shape: LinkShape) -> None:
        wanted = Condition.of(shape)
        self._become(delay_s=wanted.delay_s, rate_bps=wanted.rate_bps, loss=wanted.loss, queue_s=wanted.queue_s)

    def cut(self) -> None:
        self._become(lit=False)
        for pipe in self._pipes:
            pipe.lose()

    def silence(self, *, ab: bool = True, ba: bool = True) -> None:
        self._become(carries_ab=self.now.carries_ab and not ab, carries_ba=self.now.carries_ba and not ba)

    def heal(self) -> None:
        self.reshape(self.shape)
        self._become(lit=True, carries_ab=True, carries_ba=True)
        for pipe in self._pipes:
            pipe.retry()

    def carrier(self) -> tuple[bool, bool]:
        return (self.now.lit, self.now.lit)

    def frames(self) -> tuple[int, int]:
        """Segments, and the acknowledgements of those that went the other way."""
        return (self.delivered[TO_SWITCH], self.delivered[TO_BRAIN])

    def measure(self, ab: int, ba: int) -> None:
        """So many frames of a measurement come out at each end."""
        self.delivered = [count + frames for count, frames in zip(self.delivered, (ab, ba), strict=True)]

    def _become(self, **changes: Any) -> None:
        self.now = replace(self.now, **changes)


@dataclass(slots=True)
class _Segment:
    bits: float
    arrive: Action
    sent_s: float


class Pipe:
    """One direction of a connection; its first segment is a SYN's, or the answer to one."""

    def __init__(self, channel: Channel, way: int) -> None:
        self._channel, self._way = channel, way
        self._flying: deque[_Segment] = deque()
        self._held: deque[_Segment] = deque()
        """Swallowed by the link, or waiting behind what was."""
        self._last_due_s = 0.0
        self._flights = 0
        self._rto_s = FIRST_RTO_S
        self.closed = False

    @property
    def busy(self) -> bool:
        return not self.closed or bool(self._flying or self._held)

    def send(self, bits: float, arrive: Action) -> None:
        """``arrive`` happens at the other end, after all that was sent before."""
        segment = _Segment(bits, arrive, self._channel.clock.now)
        if self._held or not self._channel.passes(self._way):
            self._held.append(segment)
        else:
            self._fly(segment)

    def reset(self, bits: float, arrive: Action) -> None:
        """Out of order, and once: it waits for nothing that is to come again (RFC 9293, 3.10.7)."""
        channel, flight = self._channel, self._flights
        if channel.passes(self._way):
            takes_s = bits / channel.now.rate_bps + channel.now.delay_s
            channel.clock.after(takes_s, lambda: arrive() if flight == self._flights else None)

    def _fly(self, segment: _Segment) -> None:
        clock, link = self._channel.clock, self._channel.now
        late_s = self._late_s(link.loss)
        self._last_due_s = max(self._last_due_s, clock.now + segment.bits / link.rate_bps + link.delay_s + late_s)
        self._flying.append(segment)
        flight = self._flights
        clock.at(self._last_due_s, lambda: self._land() if flight == self._flights else None)

    def _late_s(self, loss: float) -> float:
        """Time that retransmissions cost on a lossy link."""
        late_s, rto_s = 0.0, self._timeout_s()
        while loss and self._channel.chance.random() < min(loss, 0.9):
            late_s, rto_s = late_s + rto_s, 2 * rto_s
        return late_s

    def _land(self) -> None:
        segment = self._flying.popleft()
        self._rto_s = 0.0
        self._channel.delivered[self._way] += 1
        if self._channel.passes(1 - self._way):
            self._channel.delivered[1 - self._way] += 1
        segment.arrive()

    def lose(self) -> None:
        """The link was cut: what is on it must come again."""
        self._held.extendleft(reversed(self._flying))
        self._flying.clear()
        self._flights += 1

    def retry(self) -> None:
        """The link is whole again: TCP finds out when it next tries."""
        if not self._held:
            return
        now_s, wait_s = self._channel.clock.now, self._timeout_s()
        due_s = self._held[0].sent_s + wait_s
        while due_s < now_s:
            wait_s *= 2
            due_s += wait_s
        flight = self._flights
        self._channel.clock.at(due_s, lambda: self._flush() if flight == self._flights else None)

    def _flush(self) -> None:
        if not self._channel.passes(self._way):
            return
        held, self._held = self._held, deque()
        for segment in held:
            self._fly(segment)

    def _timeout_s(self) -> float:
        return max(self._rto_s, MIN_RTO_S + self._channel.round_trip_s)
