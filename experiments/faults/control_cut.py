"""``control.cut``: PoPs lose the way to the brain, and see it. TCP does not: it tries until a probe gives it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import CONTROL_CHANNEL
from experiments.faults.registry import FAULTS
from experiments.faults.severed import Cut


@FAULTS.register
@dataclass(slots=True)
class ControlCut(Cut):
    """No carrier at either end of the channel, and frames, which did come before, come no more."""

    kind: ClassVar[str] = "control.cut"
    aims_at: ClassVar[str] = CONTROL_CHANNEL
    severs: ClassVar[bool] = False
