"""One bench performed: its figures or why there are none, and what others took of the processors meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from bench.bench import Bench, Site
from bench.figures import Figure
from bench.others import watching

from topology.errors import FailstaticError, MachineError


@dataclass(frozen=True, slots=True)
class Outcome:
    """``trouble`` says why it was not measured; ``status`` is what that means for the exit."""

    bench: Bench
    figures: tuple[Figure, ...]
    others_pct: float | None
    """Share of all processors; None when it only looked at runs of benches before it."""
    took_s: float
    trouble: str = ""
    status: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "bench": self.bench.name,
            "took_s": round(self.took_s, 1),
            "others_pct": self.others_pct,
            "trouble": self.trouble,
            "figures": [figure.as_dict() for figure in self.figures],
        }


def perform(bench: Bench, site: Site) -> Outcome:
    """Measure; what breaks is told, and does not keep the others from being measured."""
    figures: list[Figure] = []
    begun, trouble, status = time.monotonic(), "", 0
    with watching() as others:
        try:
            figures += bench.measure(site)
        except MachineError as error:
            trouble = f"not on this machine: {error}"
        except FailstaticError as error:
            trouble, status = f"it broke: {error}", error.exit_status
    return Outcome(bench, tuple(figures), others.pct, time.monotonic() - begun, trouble, status)
