"""``link.degrade``: slower, narrower, lossier, but up: what no port status will ever tell.

Settings: ``extra_delay`` (``20 ms``), ``loss`` (``5 %``), ``rate`` (``10 %`` of the configured one).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from experiments.faults.kind import Evidence, Fact, Measuring, Settings, wire
from experiments.faults.registry import FAULTS
from experiments.lab import Lab
from topology.units import parse_share, parse_time_s

TOLERANCE_MS = 1.0
TOLERANCE = 0.15
"""Of rate and loss, which a short measurement cannot tell to the percent."""


def _rate(text: object) -> float:
    """A share of the configured rate; raises ValueError at 0 as well: a link without a rate is a cut one."""
    share = parse_share(text)
    if share == 0:
        raise ValueError(f"'{text}' leaves nothing of the link; link.silent does that")
    return share


@FAULTS.register
@dataclass(slots=True)
class LinkDegrade:
    """The lab measures the running link, each direction by itself, and finds what was asked for."""

    kind: ClassVar[str] = "link.degrade"
    aims_at: ClassVar[str] = "link"
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = {
        "extra_delay": parse_time_s,
        "loss": parse_share,
        "rate": _rate,
    }
    target: str
    extra_delay: float = 0.0
    loss: float = 0.0
    rate: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError when nothing would be worse."""
        if (self.extra_delay, self.loss, self.rate) == (0.0, 0.0, 1.0):
            raise ValueError("link.degrade changes nothing: give extra_delay, loss or rate, such as {loss: 5 %}")

    def inject(self, lab: Lab) -> None:
        link = wire(lab, self.target)
        good = link.shape
        delay_ms, rate_bps = good.delay_ms + self.extra_delay * 1e3, good.rate_bps * self.rate
        link.reshape(replace(good, delay_ms=delay_ms, rate_bps=rate_bps, loss=self.loss))

    def proof(self, lab: Lab) -> Evidence:
        if not isinstance(lab, Measuring):
            return Evidence((Fact("measured", "this lab cannot measure a link", False),))
        asked = wire(lab, self.target).shape
        delay_ms = asked.delay_ms + self.extra_delay * 1e3
        return Evidence(
            tuple(
                fact
                for way, seen in lab.measure_link(self.target).items()
                for fact in (
                    Fact(f"{way}_delay_ms", seen.delay_ms, abs(seen.delay_ms - delay_ms) <= TOLERANCE_MS),
                    Fact(f"{way}_rate_bps", seen.rate_bps, _near(seen.rate_bps, asked.rate_bps * self.rate)),
                    Fact(f"{way}_loss", seen.loss, abs(seen.loss - self.loss) <= TOLERANCE),
                )
            )
        )

    def heal(self, lab: Lab) -> None:
        wire(lab, self.target).heal()


def _near(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= TOLERANCE * wanted
