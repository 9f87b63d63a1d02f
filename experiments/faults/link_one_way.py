"""``link.one-way``: a fibre of the pair is dark: frames vanish one way, arrive the other, carrier stays.

BFD brings both ends down (RFC 5880): who is not heard is told so. Without it, half the pairs go on. Setting:
``reverse`` (``yes``: from the second PoP of the link's name to the first vanishes, not the other way).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import LINK, Evidence, Fact, Settings, drained, until, wires
from experiments.faults.registry import FAULTS
from experiments.faults.severed import WINDOW_S, Silent, carriers, no_frames, own_frames
from experiments.lab import Lab, LinkControl

OTHER_WAY_S = 1.5
"""BFD that is down still says so once a second (RFC 5880, 6.8.3)."""


def parse_yes(text: object) -> bool:
    """YAML's ``yes`` and ``no``. Raises ValueError."""
    if isinstance(text, bool):
        return text
    raise ValueError(f"'{text}' is neither yes nor no")


@FAULTS.register
@dataclass(slots=True)
class LinkOneWay(Silent):
    """Carrier at both ends; nothing comes the one way, something the other."""

    kind: ClassVar[str] = "link.one-way"
    aims_at: ClassVar[str] = LINK
    severs: ClassVar[bool] = True
    settings: ClassVar[Settings] = {"reverse": parse_yes}
    reverse: bool = False

    def sever(self, link: LinkControl) -> None:
        link.silence(ab=not self.reverse, ba=self.reverse)

    def count(self, links: list[LinkControl]) -> int:
        return sum(link.frames()[self.reverse] for link in links)

    def proof(self, lab: Lab) -> Evidence:
        links = wires(lab, self.targets)
        others = [link.frames()[not self.reverse] for link in links]
        drained(lab, links)
        had = self.count(links)
        lab.wait_until(lab.now_s() + WINDOW_S)
        since = self.count(links) - had

        def heard() -> int:
            return sum(link.frames()[not self.reverse] > other for link, other in zip(links, others, strict=True))

        until(lab, lambda: heard() == len(links), OTHER_WAY_S)
        return Evidence(
            (
                carriers(links, lit=True),
                *no_frames(since, self.before),
                *own_frames(lab, self.targets, ("ba",) if self.reverse else ("ab",)),
                Fact("links_heard_the_other_way", heard(), heard() == len(links)),
            )
        )
