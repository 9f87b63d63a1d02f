"""The companions of a policy as the model knows them: their timers, not their programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from experiments.labs.modelled.igp import ModelledIgp
from experiments.labs.modelled.stage import Stage
from experiments.labs.modelled.store import ModelStore
from topology.igp import Igp
from topology.replica.etcd import Etcd


class Played(Protocol):
    """A companion in virtual time."""

    def start(self) -> None:
        """Begin; the network stands, the brain is not there yet."""

    @property
    def settled(self) -> bool:
        """Nothing more will happen unless something changes."""


MODELS: Mapping[type, Callable[[Any, Stage], Played]] = {
    Etcd: lambda etcd, stage: ModelStore(etcd, stage.clock, stage.seed),
    Igp: ModelledIgp,
}
"""Kind of companion (its dataclass) → its model."""
