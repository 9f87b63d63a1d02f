"""The emulated companion ``igp``: FRR in every PoP, and the agent that keeps the shadow's rules by its routes."""

from __future__ import annotations

import time

from controller.shadow_agent import ShadowAgent
from experiments.labs.site import Site
from topology.errors import LabError
from topology.igp import Igp
from topology.replica.routers import Routers

STEP_S = 0.02


class Shadow:
    """Daemons and agent of one run."""

    def __init__(self, igp: Igp, site: Site) -> None:
        self._site = site
        pids = {pop: site.network.pid(pop) for pop in site.topology.names}
        self._routers = Routers(site.topology, igp, site.rundir, site.network.pid)
        self._agent = ShadowAgent(site.topology, site.rundir, pids, self._told, igp.local_delay_ms / 1e3)

    def start(self) -> None:
        """The daemons; they hear nothing of each other yet. Raises LabError."""
        self._routers.start()
        for pid in self._routers.pids().values():
            self._site.lift(pid, "switch")  # a daemon that waits for a processor loses its neighbours

    def settle(self, deadline: float) -> None:
        """Every PoP has a route to every other. Raises LabError when a daemon has died."""
        self._agent.start()
        while not self._agent.complete() and time.monotonic() < deadline:
            if words := self._routers.obituary():
                raise LabError(words)
            time.sleep(STEP_S)
        self._site.record("shadow", complete=self._agent.complete(), refused=self._agent.refused)

    def stop(self) -> None:
        self._agent.stop()

    def _told(self, pop: str, routes: int, took_ms: float) -> None:
        self._site.record("shadow", pop=pop, routes=routes, took_ms=took_ms)


def start(igp: Igp, site: Site) -> Shadow:
    """Raises LabError."""
    shadow = Shadow(igp, site)
    shadow.start()
    return shadow
