"""What a modelled companion plays on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.lab import Record
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.switch import ModelSwitch
from experiments.labs.modelled.wire import Wire
from topology.model import Topology


@dataclass(frozen=True, slots=True)
class Stage:
    """The network, its clock and its journal."""

    topology: Topology
    clock: Clock
    wires: Mapping[str, Wire]
    switches: Mapping[str, ModelSwitch]
    seed: str
    record: Record
