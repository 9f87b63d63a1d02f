"""Pushes of configuration: what a bad one does to a PoP, and what stages, gates and roll-backs do about it."""

from __future__ import annotations

import os

import pytest
from core_network import MemoryNetwork

from controller.brain import BrainSettings
from controller.edge import BAD_PRIORITY, CRASH, LONGER, WRONG, Config, installed
from controller.memory import EMPTY, WIPE
from controller.messages import Command, Note, Ordered, SwitchDown, Tick
from controller.orders import Freeze, Inbox, Order, Push, Replan, Rollback, Thaw, dump, parse
from controller.paths import METRICS, shortest
from topology import labels
from topology.errors import InputError
from topology.load import load

EDGE12 = load("edge12")
EVERYONE = EDGE12.names
VICTIM = EVERYONE[0]


def healthy() -> MemoryNetwork:
    return MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True))


def order(network: MemoryNetwork, what: Order, after_s: float = 0.0) -> list[Command]:
    network.now += after_s
    return [*network.tell(Ordered(what)), *network.tell(Tick())]


def later(network: MemoryNetwork, seconds: float) -> list[Command]:
    """Tick by tick."""
    said: list[Command] = []
    for _ in range(round(seconds * 10)):
        network.now += 0.1
        said += network.tell(Tick())
    return said


def dark(network: MemoryNetwork) -> set[tuple[str, str]]:
    return {pair for pair, journey in network.journeys().items() if not journey.delivered}


def notes(commands: list[Command], what: str) -> list[Note]:
    return [command for command in commands if isinstance(command, Note) and command.what == what]


def bad(mode: str = CRASH, delay_s: int = 0, harms: tuple[str, ...] = EVERYONE, share: float = 1.0) -> Config:
    return Config(mode, delay_s, share, harms)


def poisoned(network: MemoryNetwork) -> set[str]:
    switches = network.switches.items()
    return {pop for pop, switch in switches if any(rule.priority == BAD_PRIORITY for rule in switch.flows.values())}


def expire(network: MemoryNetwork) -> None:
    """All hard timeouts strike."""
    for switch in network.switches.values():
        switch.flows = {key: rule for key, rule in switch.flows.items() if not rule.hard_timeout_s}


def test_a_crash_takes_the_pops_own_customers_down_and_leaves_transit_alone() -> None:
    network = healthy()
    before = network.journeys()
    order(network, Push(bad(harms=(VICTIM,)), EVERYONE))
    assert dark(network) == {pair for pair in EDGE12.pairs if VICTIM in pair}
    through = [pair for pair, journey in before.items() if VICTIM in [step.pop for step in journey.steps[1:-1]]]
    assert through, "somebody's way leads through the PoP whose service is down"


def test_a_good_push_changes_nothing_that_packets_can_see() -> None:
    network = healthy()
    order(network, Push(Config(), EVERYONE))
    assert {installed(state) for state in network.snapshot().values()} == {1}
    assert not poisoned(network)
    assert not dark(network)
    order(network, Rollback(to_first=True))
    assert {installed(state) for state in network.snapshot().values()} == {0}


def test_a_delayed_crash_comes_without_the_brain() -> None:
    network = healthy()
    order(network, Push(bad(delay_s=5), EVERYONE))
    assert poisoned(network) == set(EVERYONE)
    assert not dark(network)
    expire(network)
    assert dark(network) == set(EDGE12.pairs)


def test_silently_wrong_sends_some_destinations_to_the_wrong_place() -> None:
    network = healthy()
    order(network, Push(bad(WRONG, share=0.5), EVERYONE))
    assert 30 < len(dark(network)) < 100, "about half of 132"


def test_longer_delivers_by_a_detour() -> None:
    network = healthy()
    before = network.journeys()
    order(network, Push(bad(LONGER), EVERYONE))
    after = network.journeys()
    assert not dark(network)
    assert sum(len(after[pair].links) > len(before[pair].links) for pair in before) > 20


@pytest.mark.parametrize("memory", ["reconcile", WIPE, EMPTY])
def test_a_brain_that_comes_back_leaves_the_configuration_as_it_is(memory: str) -> None:
    network = healthy()
    order(network, Push(bad(harms=(VICTIM,)), EVERYONE))
    network.start_brain(memory)
    assert poisoned(network) == {VICTIM}


def test_an_instant_push_is_everywhere_at_once_and_no_gate_stops_it() -> None:
    network = healthy()
    said = order(network, Push(bad(), EVERYONE))
    assert poisoned(network) == set(EVERYONE)
    (stopped,) = notes(said, "push-stopped")
    assert stopped.data["reached"] == 12
    assert network.brain.rollout.last_known_good == 0


def test_a_staged_push_stops_at_its_first_gate_when_a_crash_is_seen() -> None:
    network = healthy()
    order(network, Push(bad(), EVERYONE, (0.01, 0.05, 0.25, 1.0), gate_s=2.0))
    assert poisoned(network) == {VICTIM}
    said = later(network, 10)
    assert notes(said, "push-stopped")[0].data == {"version": 1, "reached": 1, "crashed": [VICTIM]}
    assert poisoned(network) == {VICTIM}
    assert dark(network) == {pair for pair in EDGE12.pairs if VICTIM in pair}


def test_stages_grow_as_told_and_each_waits_for_its_gate() -> None:
    network = healthy()
    said = order(network, Push(bad(WRONG), EVERYONE, (0.01, 0.05, 0.25, 1.0), gate_s=2.0))
    assert notes(said, "push")[0].data["stages"] == [1, 2, 9], "5 % of 12 is the same PoP as 1 %"
    sizes = [len(poisoned(network))]
    for _ in range(3):
        later(network, 2.2)
        sizes.append(len(poisoned(network)))
    assert sizes == [1, 3, 12, 12], "nobody reports what is silently wrong"
    assert network.brain.rollout.last_known_good == 1


def test_a_gate_shorter_than_the_delay_lets_the_bad_version_become_the_last_known_good() -> None:
    network = healthy()
    said = order(network, Push(bad(delay_s=5), EVERYONE, (0.05, 1.0), gate_s=1.0))
    said += later(network, 3)
    assert notes(said, "push-accepted")
    expire(network)
    later(network, 3)
    assert dark(network) == set(EDGE12.pairs)
    (rollback,) = notes(order(network, Rollback()), "rollback")
    assert rollback.data == {"version": 1, "mode": CRASH}
    assert dark(network) == set(EDGE12.pairs), "the last known good is the bad one"
    order(network, Rollback(to_first=True))
    assert not dark(network)


def test_a_gate_longer_than_the_delay_sees_it_in_time() -> None:
    network = healthy()
    order(network, Push(bad(delay_s=2), EVERYONE, (0.05, 1.0), gate_s=3.0))
    said = later(network, 5)
    assert notes(said, "push-stopped")
    assert poisoned(network) == {VICTIM}


def test_a_good_version_goes_out_in_stages_past_pops_that_still_have_the_bad_one() -> None:
    network = healthy()
    order(network, Push(bad(), EVERYONE))
    later(network, 1.0)
    said = order(network, Push(Config(), EVERYONE, (0.1, 1.0), gate_s=1.0))
    said += later(network, 3.0)
    assert notes(said, "push-accepted")
    assert not dark(network)


def test_canaries_of_another_class_see_nothing() -> None:
    network = healthy()
    *canaries, last, least = EVERYONE
    order(network, Push(bad(harms=(last, least)), (*canaries, last, least), (0.05, 0.25, 1.0), gate_s=1.0))
    assert not dark(network)
    said = later(network, 6)
    assert poisoned(network) == {last, least}
    assert notes(said, "push-stopped")[0].data["crashed"] == sorted((last, least))


def test_roll_back_restores_everything_and_freeze_stops_everything_but_that() -> None:
    network = healthy()
    order(network, Push(bad(WRONG), EVERYONE, (0.05, 1.0), gate_s=1.0))
    assert notes(order(network, Freeze()), "push-frozen")
    later(network, 5)
    assert poisoned(network) == {VICTIM}
    assert notes(order(network, Push(bad(), EVERYONE)), "push-refused")
    order(network, Rollback())
    assert not poisoned(network)
    order(network, Thaw())
    assert notes(order(network, Push(bad(harms=(VICTIM,)), EVERYONE)), "push")


def test_a_pop_that_is_away_gets_the_version_when_it_comes_back() -> None:
    network = healthy()
    network.tell(SwitchDown(VICTIM))
    order(network, Push(bad(), EVERYONE))
    assert VICTIM not in poisoned(network)
    network.tell(network.switch_up(VICTIM))
    assert VICTIM in poisoned(network)


def test_a_planned_change_of_every_path_loses_nothing_at_any_moment() -> None:
    network = healthy()
    said = network.tell(Ordered(Replan("hops")))
    assert notes(said, "replan")
    assert not dark(network)
    later(network, 3)
    used = {label & labels.VERSION_BIT for j in network.journeys().values() for step in j.steps for label in step.stack}
    assert used == {labels.VERSION_BIT}, "every packet goes by the other version"
    assert not dark(network)
    fewest = shortest(EDGE12, costs=METRICS["hops"])
    lengths = {pair: len(journey.links) for pair, journey in network.journeys().items()}
    assert lengths == {pair: len(fewest.links(*pair)) for pair in EDGE12.pairs}


def test_orders_survive_the_wire() -> None:
    push = Push(bad(WRONG, 3, ("ams",), 0.5), ("ams", "lon"), (0.5, 1.0), 2.0)
    for each in (push, Freeze(), Thaw(), Rollback(to_first=True), Replan("hops")):
        assert parse(dump(each)) == each


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "not an order"),
        ('{"kind": "puhs"}', "unknown order 'puhs'; did you mean 'push'"),
        ('{"kind": "replan", "metric": "beauty"}', "unknown metric 'beauty'"),
        ('{"kind": "freeze", "hard": true}', "an order 'freeze' has no hard"),
        ('{"kind": "push", "config": {"mode": "evil"}, "order_": []}', "has no order_"),
    ],
)
def test_what_is_no_order_is_told(line: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        parse(line)


def test_the_inbox_gives_whole_lines_and_never_waits() -> None:
    reader, writer = os.pipe()
    inbox = Inbox(reader)
    assert list(inbox.take()) == []
    os.write(writer, b"one\ntw")
    assert list(inbox.take()) == ["one"]
    os.write(writer, b"o\n")
    assert list(inbox.take()) == ["two"]
    os.close(writer)
    assert list(inbox.take()) == []
    assert list(inbox.take()) == []
    os.close(reader)
