"""Which of several brains leads, by what they say themselves: their log is the only place where all agree to tell."""

from __future__ import annotations

from collections.abc import Mapping

from controller.standby import FOLLOWS, LEADS
from experiments.lab import BrainControl


class Leadership:
    """Of ``brains`` by name; the only one leads always."""

    def __init__(self, brains: Mapping[str, BrainControl]) -> None:
        self._brains = brains
        self._leader = next(iter(brains)) if len(brains) == 1 else None

    def said(self, name: str, what: object) -> None:
        """A line of a brain's log."""
        if what == LEADS:
            self._leader = name
        elif what == FOLLOWS and name == self._leader and len(self._brains) > 1:
            self._leader = None

    def leader(self) -> str | None:
        """The one that said so last, while it runs."""
        leader = self._leader
        return leader if leader is not None and self._brains[leader].state() == "running" else None
