"""Programs that belong together, until every switch has answered its barrier. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from controller.messages import Command, Note, Program
from controller.transition import Stage


@dataclass(slots=True)
class Batch:
    """What was sent for one reason at one moment."""

    reason: str
    since: float
    waiting: set[str] = field(default_factory=set)
    mods: int = 0

    def done(self, now: float) -> Note:
        """For the brain's log."""
        took_ms = round(1e3 * (now - self.since), 3)
        return Note("programmed", {"reason": self.reason, "mods": self.mods, "took_ms": took_ms})


class Batches:
    """The book of what is under way, by token."""

    def __init__(self) -> None:
        self._open: dict[int, Batch] = {}
        self.newest = 0
        """The token of the last batch that was sent."""

    def __contains__(self, token: int | None) -> bool:
        return token in self._open

    def tokens(self) -> list[int]:
        return list(self._open)

    def send(self, changes: Stage, reason: str, now: float) -> Iterator[Command]:
        """Each switch gets its mods and a barrier."""
        batch = Batch(reason, now)
        self.newest += 1
        for pop, mods in changes.items():
            if mods:
                batch.waiting.add(pop)
                batch.mods += len(mods)
                yield Program(pop, mods, self.newest)
        if batch.waiting:
            self._open[self.newest] = batch
        elif reason == "reconcile":
            yield batch.done(now)

    def answered(self, pop: str, token: int) -> Batch | None:
        """The batch, if this was the last answer that it waited for."""
        batch = self._open.get(token)
        if batch is None or pop not in batch.waiting:
            return None
        batch.waiting.discard(pop)
        return None if batch.waiting else self._open.pop(token)
