"""The brain as a whole, over switches in memory."""

from __future__ import annotations

from random import Random

import pytest
from core_network import MemoryNetwork

from controller.brain import Brain, BrainSettings
from controller.messages import (
    AddFlow,
    BarrierReply,
    DeleteFlow,
    Event,
    Note,
    PortStatus,
    Program,
    SwitchDown,
    SwitchUp,
    Tick,
)
from controller.oracle import affected_pairs, stale_routes
from controller.pipeline import GUARD
from controller.repairs import Repairs
from topology.load import load

EDGE12 = load("edge12")


def port_event(network: MemoryNetwork, link_name: str, live: bool) -> list[PortStatus]:
    link = network.topology.link(link_name)
    return [PortStatus(end, network.topology.port(end, link), live, carrier=live) for end in link.ends]


def cut(network: MemoryNetwork, link_name: str) -> None:
    network.dead.add(link_name)
    for event in port_event(network, link_name, live=False):
        network.tell(event)


def heal(network: MemoryNetwork, link_name: str) -> None:
    network.dead.discard(link_name)
    for event in port_event(network, link_name, live=True):
        network.tell(event)
    network.now += 2.0
    network.tell(Tick())


@pytest.mark.parametrize("fast_reroute", [False, True])
def test_every_pair_is_delivered_by_the_shortest_path(fast_reroute: bool) -> None:
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=fast_reroute))
    assert all(journey.delivered for journey in network.journeys().values())
    assert stale_routes(EDGE12, network.snapshot()).stale == 0


@pytest.mark.parametrize("link", [link.name for link in EDGE12.links])
def test_a_cut_is_routed_around_and_a_heal_undoes_it(link: str) -> None:
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True))
    before = {pair: journey.links for pair, journey in network.journeys().items()}
    cut(network, link)
    assert stale_routes(EDGE12, network.snapshot(), network.dead).stale == 0
    heal(network, link)
    assert {pair: journey.links for pair, journey in network.journeys().items()} == before


def planned(network: MemoryNetwork) -> Repairs:
    assert network.brain.plan is not None
    assert network.brain.plan.repairs is not None
    return network.brain.plan.repairs


@pytest.mark.parametrize("link", [link.name for link in EDGE12.links])
def test_a_cut_takes_nothing_away_that_repairs_it(link: str) -> None:
    """Who has not heard of the cut yet still sends by the lost link: its bypass must be whole until all have."""
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True))
    before = planned(network)
    ends = {end: network.topology.port(end, network.topology.link(link)) for end in network.topology.link(link).ends}
    groups = {end: network.switches[end].groups[port] for end, port in ends.items()}
    keys = (2 * EDGE12.link(link).index, 2 * EDGE12.link(link).index + 1)
    cut(network, link)
    assert all(planned(network).links[key] == before.links[key] for key in keys)
    assert {end: network.switches[end].groups[port] for end, port in ends.items()} == groups


@pytest.mark.parametrize("fast_reroute", [False, True])
@pytest.mark.parametrize("victim", [link.name for link in EDGE12.links[::4]])
def test_a_heal_loses_nothing_at_any_moment_of_the_update(victim: str, fast_reroute: bool) -> None:
    """In whatever order the switches of a stage hear of it: every pair is delivered after each single program."""
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=fast_reroute))
    before = {pair: journey.links for pair, journey in network.journeys().items()}
    cut(network, victim)
    network.sent.clear()
    network.dead.discard(victim)
    waiting = [program for event in port_event(network, victim, live=True) for program in programs(network, event)]
    while waiting:
        Random(victim).shuffle(waiting)
        program = waiting.pop()
        for mod in program.mods:
            network.switches[program.pop].apply(mod)
        assert all(journey.delivered for journey in network.journeys().values()), program
        waiting += programs(network, BarrierReply(program.pop, program.token))
        if not waiting:
            network.now += 2.0
            waiting = programs(network, Tick())
    assert {pair: journey.links for pair, journey in network.journeys().items()} == before


def programs(network: MemoryNetwork, event: Event) -> list[Program]:
    """What the brain would send now; nothing of it is done."""
    return [command for command in network.brain.handle(event, network.now) if isinstance(command, Program)]


def test_a_heal_changes_only_what_it_touches() -> None:
    network = MemoryNetwork(EDGE12)
    before = {pop: dict(switch.flows) for pop, switch in network.switches.items()}
    cut(network, EDGE12.links[0].name)
    differing = sum(
        rule != before[pop][key] for pop, switch in network.switches.items() for key, rule in switch.flows.items()
    )
    network.sent.clear()
    heal(network, EDGE12.links[0].name)
    assert sum(len(program.mods) for program in network.sent) == differing


@pytest.mark.parametrize("stop_after", range(6))
def test_a_cut_in_the_middle_of_a_recovery_leaves_no_switch_behind(stop_after: int) -> None:
    """What the brain meant to send and has not is not taken for sent."""
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True))
    first, second = EDGE12.links[0].name, EDGE12.links[9].name
    cut(network, first)
    network.dead.discard(first)
    waiting = [program for event in port_event(network, first, live=True) for program in programs(network, event)]
    for _ in range(stop_after):
        if waiting:
            program = waiting.pop(0)
            for mod in program.mods:
                network.switches[program.pop].apply(mod)
            waiting += programs(network, BarrierReply(program.pop, program.token))
    for program in waiting:  # sent, and on its way
        for mod in program.mods:
            network.switches[program.pop].apply(mod)
    cut(network, second)
    assert stale_routes(EDGE12, network.snapshot(), network.dead).stale == 0
    assert network.brain.plan is not None
    for pop, switch in network.switches.items():
        assert {rule.cookie for rule in switch.flows.values()} >= set(network.brain.wanted(pop).flows)


def test_a_returning_brain_changes_nothing_when_nothing_changed() -> None:
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True))
    network.sent.clear()
    network.start_brain()
    assert network.sent == []


def test_a_returning_brain_keeps_the_version_that_is_in_use() -> None:
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True))
    cut(network, EDGE12.links[0].name)
    heal(network, EDGE12.links[0].name)
    network.sent.clear()
    network.start_brain()
    assert network.sent == []


def test_a_returning_brain_repairs_what_changed_while_it_was_gone() -> None:
    network = MemoryNetwork(EDGE12)
    network.dead.add(EDGE12.links[3].name)
    assert stale_routes(EDGE12, network.snapshot(), network.dead).blackhole > 0
    network.start_brain()
    assert stale_routes(EDGE12, network.snapshot(), network.dead).stale == 0


def test_a_returning_brain_waits_for_the_whole_network_before_it_acts() -> None:
    brain = Brain(EDGE12, BrainSettings(settle_s=3.0))
    first, *_ = EDGE12.names
    assert brain.handle(SwitchUp(first, frozenset(), (), {}), 0.0) == []
    assert brain.handle(Tick(), 2.9) == []
    sent = brain.handle(Tick(), 3.0)
    assert {command.pop for command in sent if isinstance(command, Program)} == {first}


def test_foreign_rules_with_our_mark_are_deleted() -> None:
    network = MemoryNetwork(EDGE12)
    pop = EDGE12.names[0]
    up = network.switch_up(pop)
    network.tell(SwitchDown(pop))
    stranger = (0xFA57 << 48) | 1
    commands = network.tell(SwitchUp(pop, up.cookies | {stranger}, up.groups, up.ports))
    (program,) = (command for command in commands if isinstance(command, Program))
    assert program.mods == (DeleteFlow(stranger),)


def test_the_guard_is_refreshed_on_reconciled_switches_only_and_comes_last() -> None:
    network = MemoryNetwork(EDGE12, BrainSettings(guard_timeout_s=3))
    for program in network.sent:
        tables = [mod.rule.table for mod in program.mods if isinstance(mod, AddFlow)]
        assert tables == sorted(tables, reverse=True)
    network.sent.clear()
    gone = EDGE12.names[5]
    network.tell(SwitchDown(gone))
    network.now = 10.0
    network.tell(Tick())
    assert {program.pop for program in network.sent} == set(EDGE12.names) - {gone}
    rules = {mod.rule for program in network.sent for mod in program.mods if isinstance(mod, AddFlow)}
    assert {(rule.table, rule.hard_timeout_s) for rule in rules} == {(GUARD, 3)}
    network.sent.clear()
    network.tell(Tick())
    assert network.sent == [], "once per refresh interval"


def test_a_port_that_was_never_live_is_down_only_after_the_settling_time() -> None:
    """BFD takes about a second to come up; a brain must not reroute the world meanwhile."""
    brain = Brain(EDGE12, BrainSettings(settle_s=3.0))
    for pop in EDGE12.names:
        brain.handle(SwitchUp(pop, frozenset(), (), dict.fromkeys(EDGE12.ports(pop), False)), 0.0)
    assert brain.plan is not None
    assert brain.plan.paths.dead == frozenset()
    for pop in EDGE12.names[1:]:
        for port in EDGE12.ports(pop):
            brain.handle(PortStatus(pop, port, live=True), 1.0)
    brain.handle(Tick(), 2.9)
    assert brain.plan.paths.dead == frozenset()
    brain.handle(Tick(), 3.1)
    assert brain.plan.paths.dead == {link.name for link in EDGE12.ports(EDGE12.names[0]).values()}


def test_programming_is_noted_when_the_last_barrier_is_in() -> None:
    brain = Brain(EDGE12, BrainSettings(settle_s=0.0))
    (first, second, *_) = EDGE12.names
    sent = brain.handle(SwitchUp(first, frozenset(), (), {}), 1.0)
    (program,) = (command for command in sent if isinstance(command, Program))
    assert brain.handle(SwitchDown(second), 1.1) == []
    (note,) = brain.handle(BarrierReply(first, program.token), 1.25)
    assert isinstance(note, Note)
    assert note.what == "programmed"
    assert note.data["took_ms"] == pytest.approx(250)


def test_the_pairs_that_a_cut_hits_are_those_that_go_dark_without_repair() -> None:
    network = MemoryNetwork(EDGE12)
    for link in EDGE12.links:
        dark = {pair for pair, journey in network.journeys([link.name]).items() if not journey.delivered}
        assert dark == affected_pairs(EDGE12, [link.name])


def test_a_pop_without_its_rules_is_a_broken_design() -> None:
    victim = EDGE12.names[-1]
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True, withheld=1))
    dark = {pair for pair, journey in network.journeys().items() if not journey.delivered}
    assert {pair for pair in EDGE12.pairs if victim in pair} <= dark
