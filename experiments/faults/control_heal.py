"""``control.heal``: whatever was done to control channels ends; switches and brain find each other again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.ending import Healed
from experiments.faults.kind import CONTROL_CHANNEL
from experiments.faults.registry import FAULTS


@FAULTS.register
@dataclass(slots=True)
class ControlHeal(Healed):
    """Carrier at both ends, and frames come out again."""

    kind: ClassVar[str] = "control.heal"
    aims_at: ClassVar[str] = CONTROL_CHANNEL
