"""What faults that ask something of the running brain have in common: telling it, and hearing that it obeyed."""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.edge import installed
from controller.orders import Order
from experiments.faults.brains import settled, struck
from experiments.faults.kind import BRAIN, Fact, until
from experiments.lab import Lab


@dataclass(slots=True)
class Ordering:
    """An order to the brain (of several, the one that leads), and what it has said since."""

    _said: dict[str, int] = field(default_factory=dict, init=False)
    told: int = field(default=1, init=False)
    """How many brains should obey: those that run. One at least, or nothing is proven."""

    def tell(self, lab: Lab, order: Order, *words: str) -> None:
        """``words``: kinds of log lines that ``heard`` will count from now on."""
        brains = struck(lab, settled(lab, (BRAIN,)))
        self._said = {word: _said(lab, word) for word in words}
        self.told = max(1, sum(brain.state() == "running" for brain in brains))
        for brain in brains:
            brain.tell(order)

    def heard(self, lab: Lab, word: str) -> int:
        """Lines of that kind since the order; -1 when there was none."""
        return _said(lab, word) - self._said[word] if word in self._said else -1

    def version(self, lab: Lab, word: str) -> int | None:
        """Of the newest line of that kind, if it was said since the order."""
        if self.heard(lab, word) < 1:
            return None
        return max(int(line["version"]) for brain in lab.brains.values() if (line := brain.last(word)))

    def fact(self, lab: Lab, word: str, least: int, within_s: float) -> Fact:
        """The brain's own word: waits for it."""
        until(lab, lambda: self.heard(lab, word) >= least, within_s)
        heard = self.heard(lab, word)
        return Fact(f"brain_said_{word.replace('-', '_')}", heard, heard >= least)


def versions(lab: Lab) -> dict[str, int]:
    """PoP → the version of the configuration that its switch's tables hold."""
    return {pop: installed(state) for pop, state in lab.snapshot().items()}


def _said(lab: Lab, word: str) -> int:
    return sum(brain.said(word) for brain in lab.brains.values())
