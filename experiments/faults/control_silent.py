"""``control.silent``: what PoPs and brain say to each other vanishes; both find out by their probes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import CONTROL_CHANNEL
from experiments.faults.registry import FAULTS
from experiments.faults.severed import Silent


@FAULTS.register
@dataclass(slots=True)
class ControlSilent(Silent):
    """Carrier at both ends of the channel, and frames, which did come before, come no more."""

    kind: ClassVar[str] = "control.silent"
    aims_at: ClassVar[str] = CONTROL_CHANNEL
    severs: ClassVar[bool] = False
