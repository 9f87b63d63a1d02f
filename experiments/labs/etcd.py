"""The emulated companion ``etcd``: its members, real processes on the loopback of the brains' site."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controller.etcd import post
from controller.process import ControllerProcess
from experiments.labs.site import Site
from topology.replica.etcd import Etcd, command
from topology.replica.namespaces import network_of
from topology.replica.network import BRAIN

ASK_S = 0.3
STEP_S = 0.02


class Cluster:
    """Implements ``StoreControl`` and ``companions.Running``."""

    def __init__(self, settings: Etcd, site: Site) -> None:
        self._settings, self._site_pid = settings, site.network.pid(BRAIN)
        self.members = {name: self._member(number, site.rundir / name) for number, name in enumerate(settings.names)}

    def _member(self, number: int, data: Path) -> ControllerProcess:
        words, port = command(self._settings, number, data), self._settings.client_ports[number]
        return ControllerProcess(words, namespace_pid=self._site_pid, port=port, title=self._settings.names[number])

    def start(self) -> None:
        """Raises LabError with a member's last words when it does not come up."""
        for member in self.members.values():
            member.start()

    def settle(self, deadline: float) -> None:
        """Wait until the members have a leader; the brains ask again until then."""
        while self.leader() is None and time.monotonic() < deadline:
            time.sleep(STEP_S)

    def stop(self) -> None:
        for member in self.members.values():
            member.kill()

    # ---------------------------------------------------------- StoreControl

    def leader(self) -> str | None:
        """As the members say themselves."""
        statuses = self._statuses()
        ids = {str(status["header"]["member_id"]): name for name, status in statuses.items()}
        named = {ids.get(str(status.get("leader", "0"))) for status in statuses.values()} - {None}
        return named.pop() if len(named) == 1 and len(statuses) >= self._settings.quorum else None

    def answering(self) -> tuple[str, ...]:
        return tuple(self._statuses())

    def _statuses(self) -> dict[str, Mapping[str, Any]]:
        found = {}
        with network_of(self._site_pid):
            for name, port in zip(self._settings.names, self._settings.client_ports, strict=True):
                try:
                    found[name] = post(port, "/v3/maintenance/status", {}, ASK_S)
                except (OSError, http.client.HTTPException, ValueError):
                    continue
        return found


def start(settings: Etcd, site: Site) -> Cluster:
    """Raises LabError."""
    cluster = Cluster(settings, site)
    cluster.start()
    return cluster
