"""The brains of an emulated run: controller processes at one site, each on a port of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from controller.process import ControllerProcess, OnLine, command, contest
from experiments.policies import Policy
from topology.addressing import openflow_port
from topology.replica.network import BRAIN, Network


class EmulatedBrain(ControllerProcess):
    """The controller process, and who is connected to it."""

    network: Network
    charge: frozenset[str]
    usual_memory: str
    """What it remembers when it is started again, by its policy."""

    def start(self) -> None:
        super().start()
        self.memory = self.usual_memory

    def returns_as(self, memory: str) -> None:
        self.memory = memory

    def connected(self) -> frozenset[str]:
        return frozenset(pop for pop in self.network.topology.names if self.network.control_connected(pop, self.port))


@dataclass(frozen=True, slots=True)
class BrainSite:
    """Where brains run: the end of all control channels."""

    network: Network
    inventory: Path
    framework: str

    def brains(self, policy: Policy, said: Callable[[str, Mapping[str, Any]], None]) -> dict[str, EmulatedBrain]:
        """A policy's brains by name, not started yet; ``said(name, line)`` gets what they log."""
        return {
            name: self._brain(name, openflow_port(number), policy, partial(said, name))
            for number, name in enumerate(policy.charges(self.network.topology))
        }

    def _brain(self, name: str, port: int, policy: Policy, said: OnLine) -> EmulatedBrain:
        settings = json.dumps(asdict(policy.mind(name)))
        started_by = command(self.inventory, settings, framework=self.framework, port=port)
        if policy.store is not None:
            started_by += contest(name, json.dumps(asdict(policy.election)), policy.store.client_ports)
        brain = EmulatedBrain(started_by, namespace_pid=self.network.pid(BRAIN), port=port, on_line=said)
        brain.network, brain.usual_memory = self.network, policy.brain.returns
        brain.charge = frozenset(policy.charges(self.network.topology)[name])
        return brain
