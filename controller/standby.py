"""One of several brains: it programs while it leads, and keeps warm while it follows. Pure, as ``controller.brain``.

    follow   SLAVE on every switch, asked for before anything else; ports are heard of (a SLAVE is
             still told of them), nothing is written
    lead     MASTER everywhere, with the generation of the lease; each switch is read back in the
             same breath, and a new ``Brain``, which knows the ports already, reconciles what differs

A switch is written to only once it has granted MASTER. ``controller.election`` decides who leads;
``topology.roles`` is the switch's side, and says how far the fence goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controller.brain import Brain, BrainSettings
from controller.election import ElectionSettings, Elector, Follow, Lead, Outcome
from controller.linkstate import LinkState
from controller.memory import RECONCILE
from controller.messages import (
    Answered,
    AskRole,
    Command,
    Consult,
    Event,
    Note,
    PortStatus,
    ReadBack,
    Refused,
    RoleReply,
    SwitchDown,
    SwitchHello,
    SwitchUp,
)
from topology.model import Topology
from topology.roles import MASTER, SLAVE

LEADS, FOLLOWS = "leads", "follows"
"""What its log says when it takes over, and when it stands back or hears of another leader."""


class Standby:
    """The same entrance as ``Brain``; ``name`` is what it is known by in the election."""

    def __init__(
        self,
        topology: Topology,
        settings: BrainSettings,
        name: str,
        election: ElectionSettings,
        memory: str = RECONCILE,
    ) -> None:
        """``memory``: what it begins with when it leads for the first time; later it knows the network."""
        self.topology, self.settings = topology, settings
        self.links = LinkState(topology, settings.settle_s)
        self._memory = memory
        self.brain: Brain | None = None
        """While it leads."""
        self._elector = Elector(name, election)
        self._here: dict[str, bool] = {}
        """Connected switches, and whether each has granted MASTER to the present leadership."""
        self._early: dict[str, SwitchUp] = {}
        """Read back, and the grant still to come."""

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take one event at time ``now`` (s, any monotonic clock); return what is to be sent.

        Whatever it is, the lease is looked at first: a brain that slept must not act as the leader it was.
        """
        commands = [*self._elected(self._elector.tick(now))]
        match event:
            case Answered(answer):
                commands += self._elected(self._elector.answered(answer, now))
            case SwitchHello(pop):
                self._here[pop] = False
                commands += self._ask(pop)
            case RoleReply():
                commands += self._granted(event, now)
            case Refused(pop):
                commands += self._refused(pop)
            case SwitchUp():
                commands += self._switch_up(event, now)
            case _:
                commands += self._told(event, now)
        return commands

    # ---------------------------------------------------------- the election

    def _elected(self, outcomes: Iterable[Outcome]) -> Iterator[Command]:
        for outcome in outcomes:
            match outcome:
                case Lead(generation):
                    yield Note(LEADS, {"generation": generation})
                    yield from self._lead()
                case Follow(generation, leader, why):
                    yield Note(FOLLOWS, {"generation": generation, "leader": leader, "why": why})
                    yield from self._follow()
                case _:
                    yield Consult(outcome)

    def _lead(self) -> Iterator[Command]:
        self.brain = Brain(self.topology, self.settings, self._memory)
        self._memory = RECONCILE
        self.brain.links = self.links
        for pop in self._here:
            yield from self._ask(pop)
            yield ReadBack(pop)

    def _follow(self) -> Iterator[Command]:
        self.brain = None
        self._early.clear()
        for pop in self._here:
            yield from self._ask(pop)

    def _ask(self, pop: str) -> Iterator[Command]:
        self._here[pop] = False
        yield AskRole(pop, MASTER if self.brain else SLAVE, self._elector.generation)

    # ---------------------------------------------------------- the switches

    def _granted(self, reply: RoleReply, now: float) -> Iterator[Command]:
        current = reply.role == MASTER and reply.generation == self._elector.generation
        if self.brain is None or not current or reply.pop not in self._here:
            return
        self._here[reply.pop] = True
        if (early := self._early.pop(reply.pop, None)) is not None:
            yield from self.brain.handle(early, now)

    def _refused(self, pop: str) -> Iterator[Command]:
        """A role or a write: as a leader it has been replaced; as a follower it will hear by whom."""
        if self.brain is not None and pop in self._here:
            yield from self._elected(self._elector.deposed())

    def _switch_up(self, event: SwitchUp, now: float) -> Iterator[Command]:
        if self.brain is not None and self._here.get(event.pop):
            yield from self.brain.handle(event, now)
            return
        self.links.connected(event, now)
        if self.brain is not None:
            self._early[event.pop] = event

    def _told(self, event: Event, now: float) -> Iterator[Command]:
        """Ports, barriers, the end of a connection, time."""
        if isinstance(event, SwitchDown):
            self._here.pop(event.pop, None)
            self._early.pop(event.pop, None)
        if isinstance(event, PortStatus) and (early := self._early.get(event.pop)) is not None:
            self._early[event.pop] = early.newer(event)
        if self.brain is not None:
            yield from self.brain.handle(event, now)
        elif isinstance(event, SwitchDown):
            self.links.disconnected(event.pop)
        elif isinstance(event, PortStatus):
            self.links.port(event)
