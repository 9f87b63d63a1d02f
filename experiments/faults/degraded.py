"""Links that are slower, narrower or lossier, but up: what no port status will ever tell.

Settings: ``extra_delay`` (``20 ms``), ``loss`` (``5 %``), ``rate`` (``10 %`` of the configured one).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from experiments.faults.kind import Evidence, Fact, Measuring, Seen, Settings, wires
from experiments.lab import Lab, LinkShape
from topology.units import parse_share, parse_time_s

TOLERANCE_MS = 1.0
TOLERANCE = 0.15
"""Of rate and loss, which a short measurement cannot tell to the percent."""


def some_rate(text: object) -> float:
    """A share of the configured rate; raises ValueError at 0 as well: a link without a rate is a cut one."""
    share = parse_share(text)
    if share == 0:
        raise ValueError(f"'{text}' leaves nothing of the link; link.silent does that")
    return share


SETTINGS: Settings = {"extra_delay": parse_time_s, "loss": parse_share, "rate": some_rate}


@dataclass(slots=True)
class Degraded:
    """The lab measures the running links, each direction by itself, and finds what was asked for."""

    kind: ClassVar[str]
    severs: ClassVar[bool] = False
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
        if not isinstance(lab, Measuring):
            return Evidence((Fact("measured", "this lab cannot measure a link", False),))
        names = self.links(lab)
        seen = lab.measure_links(names)
        facts = [
            (name, fact)
            for name, link in zip(names, wires(lab, names), strict=True)
            for way, found in seen[name].items()
            for fact in self._facts(way, found, self._worse(link.shape))
        ]
        if len(names) == 1:
            return Evidence(tuple(fact for _, fact in facts))
        wrong = {name for name, fact in facts if not fact.held}
        return Evidence((Fact("links_measured", len(names), True), Fact("links_unlike_asked", len(wrong), not wrong)))

    def _facts(self, way: str, seen: Seen, asked: LinkShape) -> Iterator[Fact]:
        """A rate that nobody touched is told, not judged: a wide one cannot be measured beside other traffic."""
        yield Fact(f"{way}_delay_ms", seen.delay_ms, abs(seen.delay_ms - asked.delay_ms) <= TOLERANCE_MS)
        near = abs(seen.rate_bps - asked.rate_bps) <= TOLERANCE * asked.rate_bps
        yield Fact(f"{way}_rate_bps", seen.rate_bps, near or self.rate == 1)
        yield Fact(f"{way}_loss", seen.loss, abs(seen.loss - asked.loss) <= TOLERANCE)

    def heal(self, lab: Lab) -> None:
        for link in wires(lab, self.links(lab)):
            link.heal()
