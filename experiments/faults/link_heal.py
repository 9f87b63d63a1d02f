"""``link.heal``: whatever was done to links ends: carrier, frames, delay, rate and loss as configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.ending import Healed
from experiments.faults.kind import LINK
from experiments.faults.registry import FAULTS


@FAULTS.register
@dataclass(slots=True)
class LinkHeal(Healed):
    """Carrier at both ends, and frames come out again."""

    kind: ClassVar[str] = "link.heal"
    aims_at: ClassVar[str] = LINK
