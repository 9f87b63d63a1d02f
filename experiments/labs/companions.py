"""How the emulated lab brings a policy's companions up: one starter per kind of companion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from experiments.companions import Companion
from experiments.labs import etcd, shadow
from experiments.labs.site import Site
from topology.errors import LabError
from topology.igp import Igp
from topology.replica.etcd import Etcd


class Running(Protocol):
    """A companion that has been started."""

    def settle(self, deadline: float) -> None:
        """Return when it has found its feet, at the latest at ``deadline`` (time.monotonic); the brain runs by then."""

    def stop(self) -> None:
        """End what reports by itself; processes may be left to the sandbox. Safe to call twice."""


Starter = Callable[[Any, Site], Running]
STARTERS: Mapping[type, Starter] = {Igp: shadow.start, Etcd: etcd.start}
"""Kind of companion (its dataclass) → what starts it. Every method may raise LabError."""


def start(companion: Companion, site: Site) -> Running:
    """Raises LabError for a kind that this lab does not know."""
    starter = STARTERS.get(type(companion))
    if starter is None:
        raise LabError(f"the emulated lab has no way to start the companion '{companion.name}'")
    return starter(companion, site)
