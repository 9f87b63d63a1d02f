"""Links that are slower, narrower or lossier, but up: what no port status will ever tell.

Settings: ``extra_delay`` (``20 ms``), ``loss`` (``5 %``), ``rate`` (``10 %`` of the configured one).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, sqrt
from typing import ClassVar

from experiments.faults.kind import Evidence, Fact, Settings, wires
from experiments.lab import Lab, LinkShape, Seen
from topology.units import parse_share, parse_time_s

TOLERANCE_MS = 1.0
TOLERANCE = 0.15
"""Of a rate, which a short measurement cannot tell to the percent."""
LEAST_DELAY_S, LEAST_LOSS, MOST_RATE = 2 * TOLERANCE_MS / 1e3, 0.005, 0.7
"""What is less than this could not be told from a link as it was."""
LOST = 30
"""So many frames are to be lost each way while a loss is measured …"""
MOST_FRAMES = 20_000
"""… unless this, over all ways together, is too few for it: 0.5 % of it on twelve links are 8 on each, and none once
in 4,000 times. A link that nobody touched loses none."""


def some_delay(text: object) -> float:
    """Raises ValueError for what cannot be shown."""
    delay_s = parse_time_s(text)
    if 0 < delay_s < LEAST_DELAY_S:
        raise ValueError(f"'{text}' is too little to be shown: {LEAST_DELAY_S * 1e3:g} ms at least")
    return delay_s


def some_loss(text: object) -> float:
    """Raises ValueError for what cannot be shown."""
    loss = parse_share(text)
    if 0 < loss < LEAST_LOSS:
        raise ValueError(f"'{text}' is too little to be shown: {LEAST_LOSS:.1%} at least")
    return loss


def some_rate(text: object) -> float:
    """A share of the configured rate; raises ValueError at 0 as well: a link without a rate is a cut one."""
    share = parse_share(text)
    if share == 0:
        raise ValueError(f"'{text}' leaves nothing of the link; link.silent does that")
    if MOST_RATE < round(share, 6) < 1:
        raise ValueError(f"'{text}' cannot be told from the whole rate: {MOST_RATE:.0%} at most")
    return share


SETTINGS: Settings = {"extra_delay": some_delay, "loss": some_loss, "rate": some_rate}


@dataclass(slots=True)
class Degraded:
    """The lab measures the running links, each direction by itself, and finds what was asked for."""

    kind: ClassVar[str]
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = SETTINGS
    targets: tuple[str, ...]
    extra_delay: float = 0.0
    loss: float = 0.0
    rate: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError when nothing would be worse."""
        if (self.extra_delay, self.loss, self.rate) == (0.0, 0.0, 1.0):
            names = list(self.settings)
            known = f"{', '.join(names[:-1])} or {names[-1]}"
            raise ValueError(f"{self.kind} changes nothing: give {known}, such as {{loss: 5 %}}")

    def links(self, lab: Lab) -> tuple[str, ...]:  # noqa: ARG002
        """The links that it strikes, as ``wires`` knows them."""
        return self.targets

    def inject(self, lab: Lab) -> None:
        for link in wires(lab, self.links(lab)):
            link.reshape(self._worse(link.shape))

    def _worse(self, good: LinkShape) -> LinkShape:
        delay_ms, rate_bps = good.delay_ms + self.extra_delay * 1e3, good.rate_bps * self.rate
        return replace(good, delay_ms=delay_ms, rate_bps=rate_bps, loss=self.loss)

    def proof(self, lab: Lab) -> Evidence:
        names = self.links(lab)
        seen = lab.measure_links(names, self._frames(2 * len(names)))
        shapes = [self._worse(link.shape) for link in wires(lab, names)]
        facts = {name: tuple(self._facts(seen[name], asked)) for name, asked in zip(names, shapes, strict=True)}
        if len(names) == 1:
            return Evidence(facts[names[0]])
        wrong = [name for name, found in facts.items() if not all(fact.held for fact in found)]
        return Evidence((Fact("links_measured", len(names), True), Fact("links_unlike_asked", len(wrong), not wrong)))

    def _frames(self, ways: int) -> int:
        """Enough for ``LOST`` of them to be lost each way."""
        return min(ceil(LOST / self.loss), MOST_FRAMES // ways) if self.loss else 0

    def _facts(self, seen: Mapping[str, Seen], asked: LinkShape) -> Iterator[Fact]:
        """Of one link. A rate or loss that nobody touched is told, not judged: other traffic decides it too."""
        for way, found in seen.items():
            yield Fact(f"{way}_delay_ms", found.delay_ms, abs(found.delay_ms - asked.delay_ms) <= TOLERANCE_MS)
            near = abs(found.rate_bps - asked.rate_bps) <= TOLERANCE * asked.rate_bps
            yield Fact(f"{way}_rate_bps", found.rate_bps, near or self.rate == 1)
        frames = sum(found.frames for found in seen.values())
        loss = sum(found.loss * found.frames for found in seen.values()) / max(frames, 1)
        yield Fact("loss", round(loss, 4), self._loses(loss, frames))

    def _loses(self, loss: float, frames: int) -> bool:
        """Some, and nearer to what was asked than to none; or as far from it as chance may make it with so few."""
        chance = 4 * sqrt(self.loss * (1 - self.loss) / max(frames, 1))
        return not self.loss or (loss > 0 and abs(loss - self.loss) <= max(self.loss / 2, chance))

    def heal(self, lab: Lab) -> None:
        for link in wires(lab, self.links(lab)):
            link.heal()
