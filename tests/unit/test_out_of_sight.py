"""PoPs that the brain cannot tell anything for a while, and that forward as they last were told."""

from __future__ import annotations

import pytest
from core_network import MemoryNetwork
from test_brain import EDGE12, cut, heal
from test_rollout import bad, dark, expire, later, notes, order, poisoned

from controller.brain import BrainSettings
from controller.edge import CRASH, LONGER
from controller.memory import RECONCILE
from controller.messages import AddFlow, BarrierReply, Event, Ordered, Program, SwitchDown, Tick
from controller.orders import Freeze, Push, Replan, Rollback, Thaw
from controller.pipeline import LABELS
from controller.unknown import DEAD
from topology import labels

VICTIM = "sin"


def network(**settings: object) -> MemoryNetwork:
    return MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True, **settings))  # type: ignore[arg-type]


def back(net: MemoryNetwork, pop: str) -> None:
    net.tell(net.switch_up(pop))
    later(net, 3)


def test_paths_are_not_changed_under_other_labels_while_one_cannot_follow() -> None:
    net = network()
    net.tell(SwitchDown(VICTIM))
    (refused,) = notes(order(net, Replan("hops")), "replan-refused")
    assert refused.data == {"why": f"out of sight: {VICTIM}"}
    later(net, 5)
    assert not dark(net)


def test_a_change_of_labels_waits_for_one_that_is_lost_on_the_way() -> None:
    net = network()
    for program in programs(net, Ordered(Replan("hops"))):
        if program.pop != VICTIM:
            net.tell(BarrierReply(program.pop, program.token))
    net.tell(SwitchDown(VICTIM))
    later(net, 5)
    assert not dark(net)
    back(net, VICTIM)
    assert not dark(net)
    assert used_versions(net) == {labels.VERSION_BIT}


@pytest.mark.parametrize("moved", [False, True], ids=["before the others moved", "after"])
def test_one_that_is_back_in_the_middle_of_a_change_of_labels_joins_the_others(moved: bool) -> None:
    """No moment in which it knows the labels of one version only, before or after the traffic has moved."""
    net = network()
    under_way = programs(net, Ordered(Replan("hops")))
    for program in under_way:
        if moved or program.pop != VICTIM:
            under_way += programs(net, BarrierReply(program.pop, program.token))
    old = net.journeys() if not moved else None
    net.tell(SwitchDown(VICTIM))
    waiting = programs(net, net.switch_up(VICTIM))
    assert not dark(net)
    assert old is None or net.journeys() == old, "nothing moves by itself"
    known = {rule.match.mpls_label for rule in net.switches[VICTIM].flows.values() if rule.table == LABELS}
    own = EDGE12.pop(VICTIM).index
    assert {labels.node(own, 0), labels.node(own, 1)} <= known, "what is on its way still arrives"
    later(net, 2)
    assert not dark(net), "it goes on when the one that is back has answered"
    for program in waiting:
        net.tell(BarrierReply(program.pop, program.token))
    later(net, 3)
    assert not dark(net)
    assert used_versions(net) == {labels.VERSION_BIT}
    assert not net.brain.handle(net.switch_up(VICTIM), net.now)[0].data["mods"]  # type: ignore[union-attr]


def programs(net: MemoryNetwork, event: Event) -> list[Program]:
    """What the brain sends for this event; in force, and not answered."""
    sent = [command for command in net.brain.handle(event, net.now) if isinstance(command, Program)]
    for program in sent:
        for mod in program.mods:
            net.switches[program.pop].apply(mod)
    return sent


def used_versions(net: MemoryNetwork) -> set[int]:
    return {label & labels.VERSION_BIT for j in net.journeys().values() for step in j.steps for label in step.stack}


def test_while_two_versions_are_in_use_the_heartbeat_keeps_both_alive() -> None:
    net = network(guard_timeout_s=3, refresh_s=1.0, withdraws=True)
    net.brain.handle(Ordered(Replan("hops")), net.now)
    net.now += 1.5
    kept = [command for command in net.brain.handle(Tick(), net.now) if isinstance(command, Program)]
    own = EDGE12.pop(VICTIM).index
    rules = {mod.rule for program in kept if program.pop == VICTIM for mod in program.mods if isinstance(mod, AddFlow)}
    delivered = {rule.match.mpls_label for rule in rules if rule.table == LABELS}
    assert {labels.node(own, 0), labels.node(own, 1)} <= delivered


@pytest.mark.parametrize("pop", EDGE12.names)
def test_a_link_that_is_back_is_not_used_where_one_that_forwards_cannot_follow(pop: str) -> None:
    for link in ("sin-bom", "dxb-fra"):
        net = network()
        cut(net, link)
        net.tell(SwitchDown(pop))
        heal(net, link)
        later(net, 2)
        assert not dark(net), link
        back(net, pop)
        assert not dark(net), link
        assert net.brain.plan is not None
        assert not net.brain.plan.paths.dead


@pytest.mark.parametrize("pop", EDGE12.names)
def test_a_failure_takes_no_link_along_that_was_put_off(pop: str) -> None:
    net = network()
    cut(net, "sin-bom")
    net.tell(SwitchDown(pop))
    heal(net, "sin-bom")
    cut(net, "lhr-fra")
    later(net, 2)
    assert not [pair for pair, journey in net.journeys(net.dead).items() if journey.outcome == "loop"]


def test_a_pop_that_counts_as_dead_keeps_nobody_waiting() -> None:
    net = network(unknown_means=DEAD)
    net.tell(SwitchDown("scl"))
    later(net, 3)
    cut(net, "sin-bom")
    heal(net, "sin-bom")
    later(net, 2)
    assert net.brain.plan is not None
    assert "sin-bom" not in net.brain.plan.paths.dead


def test_packets_sent_astray_go_astray_by_the_labels_in_use() -> None:
    net = network()
    order(net, Push(bad(LONGER), EDGE12.names))
    assert not dark(net)
    net.tell(Ordered(Replan("hops")))
    later(net, 3)
    assert not dark(net), "a longer way, and no hole"
    assert poisoned(net) == set(EDGE12.names)


def test_a_brain_that_has_forgotten_what_was_pushed_can_roll_it_back() -> None:
    net = network()
    order(net, Push(bad(), EDGE12.names))
    net.start_brain(RECONCILE)
    assert poisoned(net) == set(EDGE12.names), "it leaves alone what it does not know"
    order(net, Rollback(True))
    later(net, 1)
    assert not poisoned(net)
    assert not dark(net)


def test_a_switch_that_started_anew_gets_its_version_again() -> None:
    net = network()
    order(net, Push(bad(harms=(VICTIM,)), EDGE12.names))
    net.tell(SwitchDown(VICTIM))
    net.switches[VICTIM].flows, net.switches[VICTIM].groups = {}, {}
    back(net, VICTIM)
    assert poisoned(net) == {VICTIM}


def test_a_thaw_does_not_let_the_frozen_push_go_on() -> None:
    net = network()
    order(net, Push(bad(CRASH, delay_s=60), EDGE12.names, stages=(0.1, 1.0), gate_s=1.0))
    reached = poisoned(net)
    assert len(reached) == 2
    order(net, Freeze())
    later(net, 5)
    order(net, Thaw())
    later(net, 5)
    assert poisoned(net) == reached


def test_a_gate_that_has_seen_nobody_stays_shut() -> None:
    net = network()
    first = EDGE12.names[0]
    net.tell(SwitchDown(first))
    order(net, Push(bad(CRASH), EDGE12.names, stages=(0.01, 1.0), gate_s=1.0))
    later(net, 5)
    assert not poisoned(net)
    expire(net)
    net.tell(net.switch_up(first))
    later(net, 5)
    assert poisoned(net) == {first}, "it crashed, and the gate saw it"
