"""Who leads: one brain's part in an election by a lease in a replicated store. Pure: no clock, no socket.

    look        is the key there, and whose is it?           (every ``poll_s`` while following)
    campaign    a lease, then the key with it, if there is none; its revision is the generation
    keep        prolong the lease                            (every ``renew_s`` while leading)

The store drops the key when the lease ends, at the earliest ``ttl_s`` after it took the last
prolongation. The leader counts those seconds from *before* it asked, and steps down ``margin_s``
earlier: so two leaders never overlap, as long as no clock runs faster than another by more than
margin / ttl. What it sent before it was stopped (SIGSTOP, a long pause) may still arrive late:
against that the switches are fenced by OpenFlow roles (``controller.standby``).

The generation is the key's creation revision: etcd's revisions only grow, so a later leader always
has a higher one (OpenFlow's generation_id).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ElectionSettings:
    """Timers of a brain's part; the store has its own."""

    ttl_s: int = 1
    """Asked for; etcd grants no less than one and a half of its election time-outs."""
    renew_s: float = 0.3
    margin_s: float = 0.2
    """How long before its lease can end a leader steps down."""
    poll_s: float = 0.1
    patience_s: float = 0.3
    """With one call to the store, whichever members are tried."""
    heedful: bool = True
    """False: it believes that it leads until a switch refuses it. Wrong on purpose, to see the fence hold."""


# ------------------------------------------------------------------ calls to the store, and its answers


@dataclass(frozen=True, slots=True)
class Look:
    """Read the key."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Take a lease of ``ttl_s``, and with it the key if nobody has it."""

    ttl_s: int


@dataclass(frozen=True, slots=True)
class Keep:
    """Prolong the lease."""

    lease: int


Call = Look | Campaign | Keep


@dataclass(frozen=True, slots=True)
class Seen:
    """What the key says: to ``Look``, or to a ``Campaign`` that was too late."""

    holder: str | None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Won:
    lease: int
    generation: int
    ttl_s: float
    """As granted."""


@dataclass(frozen=True, slots=True)
class Kept:
    ttl_s: float
    """As granted again; 0 when the lease had ended."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer in time, or none that means anything."""

    why: str


Answer = Seen | Won | Kept | Failed

# ------------------------------------------------------------------ what follows for the brain


@dataclass(frozen=True, slots=True)
class Lead:
    generation: int


@dataclass(frozen=True, slots=True)
class Follow:
    """Stand back, or hear that somebody else leads now."""

    generation: int
    """The newest known: what to show the switches."""
    leader: str | None
    why: str


Outcome = Call | Lead | Follow


class Elector:
    """One brain's part. ``now`` is any monotonic clock in seconds, the same in all calls."""

    def __init__(self, name: str, settings: ElectionSettings) -> None:
        self.name, self.settings = name, settings
        self.leading = False
        self.generation = 0
        """The newest known."""
        self._lease: int | None = None
        self._won = 0
        """The generation of that lease."""
        self._ends_s = 0.0
        """Until when it may lead without another word from the store."""
        self._asked: Call | None = None
        self._asked_s = 0.0
        self._next_s = 0.0

    def tick(self, now: float) -> Iterator[Outcome]:
        """Time passed: step down before anything else, then the next call if it is due."""
        if self.settings.heedful and self.leading and now >= self._ends_s:
            yield self._stand_back("its lease may have ended")
        if self._asked is None and now >= self._next_s:
            yield self._ask(Keep(self._lease) if self.leading and self._lease is not None else Look(), now)

    def answered(self, answer: Answer, now: float) -> Iterator[Outcome]:
        """The store's answer to the one call that is out."""
        asked_s, self._asked = self._asked_s, None
        self._next_s = asked_s + (self.settings.renew_s if self.leading else self.settings.poll_s)
        match answer:
            case Won(lease, generation, ttl_s):
                self._lease, self._won = lease, generation
                yield from self._holds(asked_s + ttl_s, now)
            case Kept(ttl_s) if ttl_s > 0 and self._lease is not None:
                yield from self._holds(asked_s + ttl_s, now)
            case Kept():
                self._lease = None
                if self.leading and self.settings.heedful:
                    yield self._stand_back("its lease has ended")
            case Seen(holder, generation):
                yield from self._seen(holder, generation, now)
            case Failed():
                self._next_s = asked_s + self.settings.poll_s
        yield from self.tick(now)

    def deposed(self) -> Iterator[Outcome]:
        """A switch has heard of a newer leader."""
        if self.leading:
            self._lease = None
            yield self._stand_back("a switch obeys a newer leader")

    # ---------------------------------------------------------- steps

    def _holds(self, lease_ends_s: float, now: float) -> Iterator[Outcome]:
        """The lease stands: lead, or go on leading, while there is time."""
        self._ends_s = lease_ends_s - self.settings.margin_s
        if not self.leading and now < self._ends_s:
            self.leading, self.generation = True, max(self.generation, self._won)
            self._next_s = self._asked_s + self.settings.renew_s
            yield Lead(self._won)

    def _seen(self, holder: str | None, generation: int, now: float) -> Iterator[Outcome]:
        if self.leading:  # heedless: not its business
            return
        if holder is None:
            yield self._ask(Campaign(self.settings.ttl_s), now)
        elif self._lease is not None and generation == self._won:
            # ours still, after the store was out of reach: nobody has led since
            yield self._ask(Keep(self._lease), now)
        elif generation > self.generation:
            self.generation = generation
            yield Follow(generation, holder, "another leads")

    def _stand_back(self, why: str) -> Follow:
        self.leading, self._next_s = False, self._asked_s
        return Follow(self.generation, None, why)

    def _ask(self, call: Call, now: float) -> Call:
        self._asked, self._asked_s = call, now
        return call
