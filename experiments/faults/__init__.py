"""Things that go wrong, one small file each; importing this package makes all of them known."""

from experiments.faults import (
    brain_hang,
    brain_kill,
    brain_poweroff,
    brain_return,
    control_cut,
    control_degrade,
    control_heal,
    control_silent,
    link_cut,
    link_degrade,
    link_flap,
    link_heal,
    link_silent,
)
from experiments.faults.kind import Evidence, Fact, Fault, Preparing, Repeated, Undo
from experiments.faults.registry import FAULTS

__all__ = [
    "FAULTS",
    "Evidence",
    "Fact",
    "Fault",
    "Preparing",
    "Repeated",
    "Undo",
    "brain_hang",
    "brain_kill",
    "brain_poweroff",
    "brain_return",
    "control_cut",
    "control_degrade",
    "control_heal",
    "control_silent",
    "link_cut",
    "link_degrade",
    "link_flap",
    "link_heal",
    "link_silent",
]
