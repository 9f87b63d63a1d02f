"""Stale routes."""

from __future__ import annotations

from collections.abc import Collection

from controller.oracle import Staleness, stale_routes
from topology.forwarding import Snapshot
from topology.model import Topology


class Oracle:
    def __call__(self, topology: Topology, snapshot: Snapshot, dead: Collection[str]) -> Staleness:
        return stale_routes(topology, snapshot, dead)
