"""The routing protocol of the policy ``shadow`` in virtual time: who loses which neighbour when, and who hears of it.

Each link's BFD session is its timers: three intervals after the last packet that came both ends
give the neighbour up, a while after the link is back they have each other again. Announcements
cross the links as they are, one by one; what a link swallows is sent again as long as the
neighbour counts as one. Not modelled: hellos (BFD is faster), loss by chance, acknowledgements.
"""

from __future__ import annotations

import random

from controller.paths import Paths, shortest
from experiments.labs.modelled.clock import Action
from experiments.labs.modelled.router import Announcement, Router
from experiments.labs.modelled.shadow import Agent
from experiments.labs.modelled.stage import Stage
from experiments.labs.modelled.timers import (
    BFD_JITTER,
    IGP_EXCHANGE_S,
    IGP_HOP_S,
    IGP_RETRANSMIT_S,
    IGP_START_S,
)
from topology.igp import Igp
from topology.model import Link


class ModelledIgp:
    """All routers of a network; implements ``Played``."""

    def __init__(self, igp: Igp, stage: Stage) -> None:
        self._igp, self._stage, self._clock = igp, stage, stage.clock
        self._chance = {link.name: random.Random(f"{stage.seed} igp {link.name}") for link in stage.topology.links}
        self._turns = dict.fromkeys(stage.wires, 0)
        """How often each link has broken or come back: what was to happen before that, does not."""
        self._up = dict.fromkeys(stage.wires, True)
        self._paths: dict[frozenset[str], Paths] = {}
        self._routers = {pop: self._router(pop) for pop in stage.topology.names}
        self._agents = {pop: Agent(igp, stage, switch, self._told) for pop, switch in stage.switches.items()}

    def _router(self, pop: str) -> Router:
        return Router(pop, self._igp, self._clock, self._carry, lambda: self._compute(pop))

    def start(self) -> None:
        """They find each other as soon as the switches carry their packets; how is of no interest yet."""
        for pop, switch in self._stage.switches.items():
            self._agents[pop].forgotten()
            switch.told_power.append(lambda pop=pop: self._power(pop))  # type: ignore[misc]
        for link in self._stage.topology.links:
            self._stage.wires[link.name].told_change.append(lambda link=link: self._look(link))  # type: ignore[misc]
        self._clock.after(IGP_START_S, self._begin)

    def _begin(self) -> None:
        links = {pop: self._stage.topology.ports(pop).values() for pop in self._routers}
        everybody = [Announcement(pop, 1, frozenset(link.name for link in own)) for pop, own in links.items()]
        for router in self._routers.values():
            router.begin(everybody)

    @property
    def settled(self) -> bool:
        quiet = all(router.database and router.settled for router in self._routers.values())
        return quiet and all(agent.settled for agent in self._agents.values())

    # ---------------------------------------------------------- links

    def _power(self, pop: str) -> None:
        """A switch has crashed or is back, with empty tables."""
        self._agents[pop].forgotten()
        for link in self._stage.topology.ports(pop).values():
            self._look(link)

    def _look(self, link: Link) -> None:
        """Whether packets of the daemons come across now, and what follows if that has changed."""
        wire = self._stage.wires[link.name].now
        up = wire.lit and wire.carries and all(self._stage.switches[end].up for end in link.ends)
        if up == self._up[link.name]:
            return
        self._up[link.name] = up
        self._turns[link.name] += 1
        if up:
            self._later(link, self._hellos_s(link) + IGP_EXCHANGE_S, lambda: self._meet(link))
        else:
            for end in link.ends:
                self._later(link, self._detection_s(link), lambda end=end: self._lose(link, end))  # type: ignore[misc]

    def _detection_s(self, link: Link) -> float:
        """The last packet came up to one interval ago."""
        interval_s = self._igp.bfd_interval_ms / 1e3
        since_s = interval_s * (1 - BFD_JITTER / 2) * self._chance[link.name].random()
        return self._igp.bfd_multiplier * interval_s - since_s

    def _hellos_s(self, link: Link) -> float:
        """Until each end has said hello."""
        chance = self._chance[link.name]
        return self._igp.hello_s * max(chance.random(), chance.random())

    def _later(self, link: Link, delay_s: float, action: Action) -> None:
        turn = self._turns[link.name]
        self._clock.after(delay_s, lambda: action() if turn == self._turns[link.name] else None)

    def _lose(self, link: Link, end: str) -> None:
        router = self._routers[end]
        if link.name in router.adjacent:
            router.adjacent.discard(link.name)
            router.announce()

    def _meet(self, link: Link) -> None:
        """Both have found each other: they exchange all that they know. One that had not noticed starts anew too."""
        for end in link.ends:
            self._routers[end].adjacent.add(link.name)
            self._routers[end].announce()
        for end in link.ends:
            self._routers[end].tell_all(link.name)

    # ---------------------------------------------------------- announcements and routes

    def _carry(self, link: str, pop: str, what: Announcement) -> None:
        wire = self._stage.wires[link]
        cuts, other = len(wire.cuts_s), self._stage.topology.link(link).other(pop)
        if not self._up[link]:
            self._again(link, pop, what)
            return

        def arrive() -> None:
            if len(wire.cuts_s) == cuts:
                self._routers[other].hear(what, link)

        self._clock.after(wire.now.delay_s + IGP_HOP_S, arrive)

    def _again(self, link: str, pop: str, what: Announcement) -> None:
        def repeat() -> None:
            if link in self._routers[pop].adjacent and self._routers[pop].database[what.origin] == what:
                self._carry(link, pop, what)

        self._clock.after(IGP_RETRANSMIT_S, repeat)

    def _compute(self, pop: str) -> None:
        dead = self._routers[pop].dead(self._stage.topology)
        if dead not in self._paths:
            self._paths[dead] = shortest(self._stage.topology, dead)
        self._agents[pop].follow(self._paths[dead])

    def _told(self, pop: str, routes: int) -> None:
        self._stage.record("shadow", pop=pop, routes=routes)
