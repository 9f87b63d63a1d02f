"""``control.degrade``: the way to the brain is long or lossy: what it hears is late, what it orders as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.degraded import Degraded
from experiments.faults.kind import CONTROL_CHANNEL
from experiments.faults.registry import FAULTS


@FAULTS.register
@dataclass(slots=True)
class ControlDegrade(Degraded):
    """The lab measures the running channels, each direction by itself, and finds what was asked for."""

    kind: ClassVar[str] = "control.degrade"
    aims_at: ClassVar[str] = CONTROL_CHANNEL
