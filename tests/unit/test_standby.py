"""Three brains over switches in memory that keep roles: who may write, and what a take-over changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from core_network import MemoryNetwork
from modelled_run import square

from controller.brain import BrainSettings
from controller.election import ElectionSettings, Look, Seen, Won
from controller.memory import WIPE
from controller.messages import (
    AddFlow,
    Answered,
    AskRole,
    BarrierReply,
    Command,
    Event,
    PortStatus,
    Program,
    ReadBack,
    Refused,
    RoleReply,
    SwitchDown,
    SwitchHello,
    SwitchUp,
    Tick,
)
from controller.standby import Standby
from topology.roles import GENERATIONS, IS_SLAVE, MASTER, SLAVE, STALE, Roles, is_older


class Fenced(MemoryNetwork):
    """Its switches keep roles; several brains are connected to each."""

    def __init__(self, names: Sequence[str], election: ElectionSettings | None = None) -> None:
        self.roles = {pop: Roles() for pop in square().names}
        self.brains = {name: Standby(square(), BrainSettings(), name, election or ElectionSettings()) for name in names}
        self.refused: list[tuple[str, str]] = []
        self.asked: list[tuple[str, str]] = []
        super().__init__(square())

    def start_brain(self) -> None:
        for name in self.brains:
            for pop in self.topology.names:
                self.to(name, SwitchHello(pop))
                self.to(name, self.switch_up(pop))

    def to(self, name: str, event: Event) -> None:
        """An event to one brain; what it says is done."""
        for command in self.brains[name].handle(event, self.now):
            for answer in self.answers(name, command):
                self.to(name, answer)

    def answers(self, name: str, command: Command) -> list[Event]:
        match command:
            case AskRole(pop, role, generation):
                self.asked.append((pop, role))
                refusal = self.roles[pop].request(self.brains[name], role, generation)
                return [Refused(pop, refusal) if refusal else RoleReply(pop, role, generation)]
            case ReadBack(pop):
                return [self.switch_up(pop)]
            case Program(pop, mods, token) if self.roles[pop].may_write(self.brains[name]):
                self.sent.append(command)
                for mod in mods:
                    self.switches[pop].apply(mod)
                return [BarrierReply(pop, token)]
            case Program(pop):
                self.refused.append((name, pop))
                return [Refused(pop, IS_SLAVE)]
        return []

    def wins(self, name: str, generation: int) -> None:
        self.to(name, Answered(Seen(None)))
        self.to(name, Answered(Won(generation, generation, 1.0)))

    def forwards(self) -> bool:
        return all(journey.delivered for journey in self.journeys().values())


def test_followers_ask_for_slave_before_anything_else_and_write_nothing() -> None:
    network = Fenced(["one", "two"])
    assert network.asked[:4] == [(pop, SLAVE) for pop in network.topology.names]
    assert network.sent == []


def test_the_leader_programs_and_the_next_one_finds_nothing_to_change() -> None:
    network = Fenced(["one", "two"])
    network.wins("one", 5)
    assert network.forwards()
    sent = len(network.sent)
    network.now = 2.0
    network.to("one", Tick())
    network.wins("two", 8)
    network.to("two", Tick())
    assert [roles.of(network.brains["two"]) for roles in network.roles.values()] == [MASTER] * 4
    assert [roles.of(network.brains["one"]) for roles in network.roles.values()] == [SLAVE] * 4
    assert len(network.sent) == sent, "what it read back is what it wants"


def test_a_follower_knows_the_ports_when_it_takes_over() -> None:
    network = Fenced(["one", "two"])
    network.wins("one", 5)
    link = network.topology.links[0]
    network.dead.add(link.name)
    for pop in link.ends:
        network.to("two", PortStatus(pop, network.topology.port(pop, link), live=False))
    network.now = 2.0
    network.wins("two", 8)
    assert network.brains["two"].brain is not None
    assert network.brains["two"].brain.plan is not None
    assert network.brains["two"].brain.plan.paths.dead == {link.name}
    assert network.forwards()


def test_a_deposed_leader_that_does_not_look_at_its_lease_is_refused_and_then_follows() -> None:
    network = Fenced(["one", "two"], ElectionSettings(heedful=False))
    network.wins("one", 5)
    network.now = 2.0
    network.wins("two", 8)
    before = network.snapshot()
    network.now = 3.0
    link = network.topology.links[0]
    pop = link.ends[0]
    network.to("one", PortStatus(pop, network.topology.port(pop, link), live=False, carrier=False))
    assert network.refused
    assert {name for name, _ in network.refused} == {"one"}
    assert network.snapshot() == before
    assert network.brains["one"].brain is None


def test_a_heedful_leader_that_slept_does_not_even_try() -> None:
    network = Fenced(["one", "two"])
    network.wins("one", 5)
    network.now = 2.0
    network.wins("two", 8)
    link = network.topology.links[0]
    network.to("one", PortStatus(link.ends[0], network.topology.port(link.ends[0], link), live=False, carrier=False))
    assert network.refused == []
    assert network.brains["one"].brain is None


def test_a_follower_hears_of_the_leader_and_shows_the_switches_that_it_did() -> None:
    network = Fenced(["one", "two"])
    network.wins("one", 5)
    network.asked.clear()
    network.to("two", Tick())
    network.to("two", Answered(Seen("one", 5)))
    assert network.asked == [(pop, SLAVE) for pop in network.topology.names]
    assert [roles.generation for roles in network.roles.values()] == [5] * 4


def test_a_switch_that_comes_back_is_programmed_by_its_master_only() -> None:
    network = Fenced(["one", "two"])
    network.wins("one", 5)
    for name in network.brains:
        network.to(name, SwitchDown("c"))
    network.switches["c"].flows.clear()
    network.roles["c"] = Roles()
    for name in ("two", "one"):
        network.to(name, SwitchHello("c"))
        network.to(name, network.switch_up("c"))
    assert network.refused == []
    assert network.forwards()


def test_a_brain_that_trusts_nothing_wipes_when_it_leads_for_the_first_time() -> None:
    network = Fenced(["one", "two"])
    network.wins("one", 5)
    network.brains["two"] = Standby(square(), BrainSettings(), "two", ElectionSettings(), WIPE)
    for pop in network.topology.names:
        network.to("two", SwitchHello(pop))
        network.to("two", network.switch_up(pop))
    network.sent.clear()
    network.wins("two", 8)
    first = {program.pop: program for program in reversed(network.sent)}
    assert set(first) == set(network.topology.names)
    assert not any(isinstance(mod, AddFlow) for program in first.values() for mod in program.mods)
    assert network.forwards()


def test_tables_that_came_before_the_grant_wait_for_it() -> None:
    brain = Standby(square(), BrainSettings(), "one", ElectionSettings())
    for pop in "abcd":
        brain.handle(SwitchHello(pop), 0.0)
    brain.handle(Answered(Won(1, 5, 1.0)), 0.0)
    ups = [SwitchUp(pop, frozenset(), (), {2: True, 3: True}) for pop in "abcd"]
    assert not any(isinstance(command, Program) for up in ups for command in brain.handle(up, 0.0))
    told = [command for pop in "abcd" for command in brain.handle(RoleReply(pop, MASTER, 5), 0.0)]
    assert {command.pop for command in told if isinstance(command, Program)} == set("abcd")
    assert brain.handle(RoleReply("a", MASTER, 4), 0.0) == []


def test_what_only_a_leader_does_with_time_a_follower_does_not() -> None:
    brain = Standby(square(), BrainSettings(), "one", ElectionSettings())
    assert [type(command).__name__ for command in brain.handle(Tick(), 0.0)] == ["Consult"]
    assert brain.handle(Answered(Seen("two", 3)), 0.0)[0].data["leader"] == "two"  # type: ignore[union-attr]
    assert Look() == Look()


# ------------------------------------------------------------------ roles


def test_a_new_master_makes_the_old_one_a_slave() -> None:
    roles, one, two = Roles(), Fenced, MemoryNetwork
    assert roles.may_write(one), "EQUAL from the start: the fence is cooperative"
    assert roles.request(one, MASTER, 3) == roles.request(two, MASTER, 4) == ""
    assert (roles.of(one), roles.of(two)) == (SLAVE, MASTER)
    assert not roles.may_write(one)
    assert roles.request(one, MASTER, 3) == roles.request(one, SLAVE, 3) == STALE
    assert roles.request(one, "equal", 0) == ""
    assert roles.may_write(one), "who asks for EQUAL writes again"


@pytest.mark.parametrize(
    ("generation", "than", "older"),
    [(3, 4, True), (4, 4, False), (5, 4, False), (0, GENERATIONS - 1, False), (GENERATIONS - 1, 0, True)],
)
def test_generations_wrap(generation: int, than: int, older: bool) -> None:
    assert is_older(generation, than) is older
