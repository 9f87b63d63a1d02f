"""Links that stop delivering: what cut and silent links have in common, on the backbone and on the way to the brain.

A cut is seen by the port; silence is not, only BFD (RFC 5880) or a probe of one's own can notice it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from experiments.faults.kind import (
    NO_SETTINGS,
    Evidence,
    Fact,
    Settings,
    drained,
    frames,
    frames_within,
    until,
    wires,
)
from experiments.lab import Lab, LinkControl

WINDOW_S = 0.2
PROOF_S = 0.5


@dataclass(slots=True)
class Severed:
    """Frames, which did come before, come no more out of any of the links."""

    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    lit: ClassVar[bool]
    """Whether the ends keep carrier."""
    targets: tuple[str, ...]
    before: int = field(default=0, init=False)

    def sever(self, link: LinkControl) -> None:
        raise NotImplementedError

    def inject(self, lab: Lab) -> None:
        links = wires(lab, self.targets)
        for link in links:
            self.sever(link)
        # Counted after the deed so that asking does not delay it: all these came before.
        self.before = self.count(links)

    def count(self, links: list[LinkControl]) -> int:
        """Frames that came until now, of those that must not come any more."""
        return frames(links)

    def proof(self, lab: Lab) -> Evidence:
        links = wires(lab, self.targets)
        if self.lit:
            drained(lab, links)
        else:
            until(lab, lambda: not any(any(link.carrier()) for link in links), PROOF_S)
        since = frames_within(lab, links, WINDOW_S)
        own = own_frames(lab, self.targets, ("ab", "ba")) if self.lit else ()
        return Evidence((carriers(links, self.lit), *no_frames(since, self.before), *own))

    def heal(self, lab: Lab) -> None:
        for link in wires(lab, self.targets):
            link.heal()


@dataclass(slots=True)
class Cut(Severed):
    """No carrier at any end; what is in flight is lost."""

    lit: ClassVar[bool] = False

    def sever(self, link: LinkControl) -> None:
        link.cut()


@dataclass(slots=True)
class Silent(Severed):
    """Carrier everywhere, what is in flight still arrives, and nothing after it."""

    lit: ClassVar[bool] = True

    def sever(self, link: LinkControl) -> None:
        link.silence()


def no_frames(since: int, before: int) -> tuple[Fact, Fact]:
    """Nothing came during ``WINDOW_S``, and something had come before: else silence shows nothing."""
    return (
        Fact(f"frames_in_{WINDOW_S * 1000:.0f}_ms", since, since == 0),
        Fact("frames_before", before, before > 0),
    )


def own_frames(lab: Lab, targets: Sequence[str], ways: Sequence[str]) -> tuple[Fact]:
    """Whom nobody sends anything is silent too: so frames of our own, of which none may come out."""
    come = sum(found[way] for found in lab.heard(targets).values() for way in ways)
    return (Fact("own_frames", come, come == 0),)


def carriers(links: Sequence[LinkControl], lit: bool) -> Fact:
    """All ends have carrier, or none: both ends of a single link, or how many of several."""
    ends = [end for link in links for end in link.carrier()]
    shown = tuple(ends) if len(links) == 1 else f"{sum(ends)} of {len(ends)} ends"
    return Fact("carrier", shown, all(ends) if lit else not any(ends))
