"""The machine as faults see it: who else computes there."""

from __future__ import annotations

from experiments.faults.kind import Crowd, Crowded
from experiments.lab import Lab
from topology.errors import LabError

WINDOW_S = 0.3


def crowd(lab: Lab) -> Crowd:
    """Raises LabError for a lab without a machine."""
    if not isinstance(lab, Crowded):
        raise LabError("this lab has no machine that could be busy")
    return lab.crowd


def window() -> str:
    """What the processor time of ``used_ms`` is called."""
    return f"cpu_ms_in_{WINDOW_S * 1000:.0f}_ms"


def used_ms(lab: Lab) -> float:
    """Processor time that the others use in a window from now on."""
    before_s = crowd(lab).cpu_s()
    lab.wait_until(lab.now_s() + WINDOW_S)
    return round((crowd(lab).cpu_s() - before_s) * 1e3, 3)
