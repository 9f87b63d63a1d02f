"""The companions of a policy as the model knows them: their timers, not their programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from experiments.lab import Record
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.store import ModelStore
from experiments.labs.modelled.switch import ModelSwitch
from experiments.labs.modelled.wire import Wire
from topology.model import Topology
from topology.replica.etcd import Etcd


@dataclass(frozen=True, slots=True)
class Stage:
    """What a modelled companion plays on."""

    topology: Topology
    clock: Clock
    wires: Mapping[str, Wire]
    switches: Mapping[str, ModelSwitch]
    seed: str
    record: Record


class Played(Protocol):
    """A companion in virtual time."""

    def start(self) -> None:
        """Begin; the network stands, the brain is not there yet."""

    @property
    def settled(self) -> bool:
        """Nothing more will happen unless something changes."""


MODELS: Mapping[type, Callable[[Any, Stage], Played]] = {
    Etcd: lambda etcd, stage: ModelStore(etcd, stage.clock, stage.seed)
}
"""Kind of companion (its dataclass) → its model."""
