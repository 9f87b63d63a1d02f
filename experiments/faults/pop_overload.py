"""``pop.overload``: PoPs that can no longer keep up: all their links carry a share of what they should, both ways.

What does not fit waits in the links' queues and is dropped at their ends, as before a switch that is saturated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.degraded import Degraded
from experiments.faults.kind import POP
from experiments.faults.registry import FAULTS
from experiments.lab import Lab


@FAULTS.register
@dataclass(slots=True)
class PopOverload(Degraded):
    """The lab measures all links of the PoPs, each direction by itself, and finds what was asked for."""

    kind: ClassVar[str] = "pop.overload"
    aims_at: ClassVar[str] = POP
    rate: float = 0.1

    def links(self, lab: Lab) -> tuple[str, ...]:
        return lab.topology.links_at(self.targets)
