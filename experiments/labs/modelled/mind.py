"""What a modelled brain process thinks with: the very brain, alone or as one of several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from controller.brain import Brain
from controller.election import Answer, Call
from controller.messages import Command, Event
from controller.standby import Standby
from experiments.labs.modelled.store import ModelStore
from experiments.policies import Policy
from topology.model import Topology


class Thinker(Protocol):
    """``controller.brain.Brain``, or one of several (``controller.standby.Standby``)."""

    def handle(self, event: Event, now: float) -> list[Command]: ...


@dataclass(frozen=True, slots=True)
class Mind:
    """What a process thinks with."""

    make: Callable[[str], Thinker]
    """Given what it remembers (``controller.memory``)."""
    returns: str
    """What it remembers when it is started again, by its policy."""
    ask: Callable[[Call], tuple[Answer, float]] | None = None
    """The store of the election: an answer, and how long it takes (s)."""


def mind(name: str, topology: Topology, policy: Policy, store: ModelStore | None) -> Mind:
    """Of the brain ``name``. Where there is a store it is one of several: what it does follows from who leads."""
    settings, election = policy.mind(name), policy.election
    if store is None:
        return Mind(lambda memory: Brain(topology, settings, memory), settings.returns)
    ask = partial(store.answer, name, patience_s=election.patience_s)
    return Mind(lambda memory: Standby(topology, settings, name, election, memory), settings.returns, ask)
