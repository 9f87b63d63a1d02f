"""How a brain comes back: reconcile, wipe, stale, empty; and the guard that knows missing from empty."""

from __future__ import annotations

import pytest
from core_network import MemoryNetwork

from controller.brain import Brain, BrainSettings
from controller.memory import EMPTY, MEMORIES, STALE, WIPE
from controller.messages import AddFlow, BarrierReply, Command, DeleteFlow, Note, Program, SwitchDown, Tick
from controller.oracle import stale_routes
from experiments.judging.checks import for_policy
from experiments.policies import POLICIES, RETURN, VARIANTS, includes, policy, wrong
from topology.errors import InputError
from topology.load import load

EDGE12 = load("edge12")
FAST = BrainSettings(fast_reroute=True)


def returned(memory: str, settings: BrainSettings = FAST, *, dead: str = "") -> tuple[MemoryNetwork, list[Command]]:
    """A network with a healthy past, its brain started again; what that brain said."""
    network = MemoryNetwork(EDGE12, settings)
    if dead:
        network.dead.add(dead)
        network.start_brain()
    network.sent.clear()
    return network, network.start_brain(memory)


def dark(network: MemoryNetwork) -> int:
    return sum(not journey.delivered for journey in network.journeys().values())


def notes(commands: list[Command], what: str) -> list[Note]:
    return [command for command in commands if isinstance(command, Note) and command.what == what]


def test_wiping_deletes_all_first_and_installs_all_after_the_barrier() -> None:
    network, said = returned(WIPE)
    assert {note.data["pop"] for note in notes(said, "wiping")} == set(EDGE12.names)
    for pop in EDGE12.names:
        first, second = (program for program in network.sent if program.pop == pop)
        assert not any(isinstance(mod, AddFlow) for mod in first.mods)
        assert not any(isinstance(mod, DeleteFlow) for mod in second.mods)
    assert dark(network) == 0
    assert stale_routes(EDGE12, network.snapshot()).stale == 0


def test_between_the_two_halves_of_a_wipe_the_switch_holds_nothing() -> None:
    network = MemoryNetwork(EDGE12, FAST)
    brain = Brain(EDGE12, FAST, WIPE)
    ups = [brain.handle(network.switch_up(pop), 0.0) for pop in EDGE12.names]
    for command in ups[-1]:
        if isinstance(command, Program):
            for mod in command.mods:
                network.switches[command.pop].apply(mod)
    assert not any(switch.flows or switch.groups for switch in network.switches.values())


def test_a_switch_lost_in_the_middle_of_a_wipe_is_installed_when_it_comes_back() -> None:
    network = MemoryNetwork(EDGE12, FAST)
    brain = Brain(EDGE12, FAST, WIPE)
    ups = [brain.handle(network.switch_up(pop), 0.0) for pop in EDGE12.names]
    victim = EDGE12.names[3]
    (token,) = {command.token for command in ups[-1] if isinstance(command, Program) and command.pop == victim}
    assert not [command for command in brain.handle(SwitchDown(victim), 0.1) if isinstance(command, Program)]
    assert brain.handle(BarrierReply(victim, token), 0.2) == []
    back = [command for command in brain.handle(network.switch_up(victim), 0.3) if isinstance(command, Program)]
    assert back == [], "nothing was deleted there, so all is as it should be"


def test_an_unguarded_brain_whose_state_is_empty_deletes_the_network() -> None:
    network, said = returned(EMPTY, BrainSettings(fast_reroute=True, least_kept=0.0))
    assert not notes(said, "refused")
    assert dark(network) == len(list(EDGE12.pairs))


def test_missing_is_not_empty_the_guarded_brain_refuses_and_says_so() -> None:
    network, said = returned(EMPTY)
    (refused,) = notes(said, "refused")
    assert refused.data == {"switches": 12, "kept_pct": 0.0}
    assert network.sent == []
    network.now = 10.0
    network.tell(Tick())
    assert network.sent == []
    assert dark(network) == 0


def test_the_guard_lets_a_pop_without_any_link_be_reconciled() -> None:
    network = MemoryNetwork(EDGE12, FAST)
    lonely = EDGE12.names[0]
    network.dead |= {link.name for link in EDGE12.ports(lonely).values()}
    assert not notes(network.start_brain(), "refused")
    assert stale_routes(EDGE12, network.snapshot(), network.dead).stale == 0


def test_a_stale_snapshot_is_believed_for_a_while_and_then_the_switches_are() -> None:
    link = EDGE12.links[0].name
    network, said = returned(STALE, BrainSettings(stale_s=3.0), dead=link)
    assert notes(said, "gathered")[0].data["dead"] == []
    assert dark(network) > 0, "it routes over the link that was lost before it died"
    network.now = 2.9
    network.tell(Tick())
    assert dark(network) > 0
    network.now = 3.1
    network.tell(Tick())
    assert dark(network) == 0
    assert stale_routes(EDGE12, network.snapshot(), network.dead).stale == 0


def test_a_first_start_is_the_same_whatever_it_would_remember() -> None:
    for memory in MEMORIES:
        settings = BrainSettings(fast_reroute=True, returns=memory)
        assert dark(MemoryNetwork(EDGE12, settings)) == 0


def test_policies_are_composed_of_a_design_and_a_return() -> None:
    for base in POLICIES:
        for back in [name for name, variant in VARIANTS.items() if variant.axis == RETURN]:
            composed = policy(f"{base}+{back}")
            assert composed.name == f"{base}+{back}"
            assert composed.switch == POLICIES[base].switch
    assert policy("fail-static+empty").brain.least_kept > 0
    assert policy("fail-static+empty-unguarded").brain.least_kept == 0
    assert policy("fast-reroute+wipe").brain.fast_reroute


def test_an_unknown_part_of_a_policy_lists_the_known() -> None:
    assert "did you mean 'fast-reroute'?" in wrong("fast-rerout+wipe")
    assert wrong("fast-reroute+wip") == (
        "unknown variant 'wip'; did you mean 'wipe'? Known: empty, empty-unguarded, probe-10s, probe-15s, probe-5s, "
        "reconcile, stale, unknown-dead, unknown-orion, unknown-static, wipe"
    )
    with pytest.raises(InputError, match="Known: empty"):
        policy("fast-reroute+")
    assert not wrong("fast-reroute+wipe")
    assert not wrong("fast-reroute+unknown-orion+wipe")


def test_a_check_on_a_design_is_about_all_its_returns_unless_it_names_one() -> None:
    assert includes("fast-reroute", "fast-reroute")
    assert includes("fast-reroute", "fast-reroute+wipe")
    assert includes("fast-reroute+wipe", "fast-reroute+wipe")
    assert not includes("fast-reroute+wipe", "fast-reroute")
    assert includes("fast-reroute+reconcile", "fast-reroute")
    assert not includes("fast-reroute+reconcile", "fast-reroute+wipe")
    assert not includes("fail-static", "fast-reroute")
    assert includes("fail-static+unknown-dead", "fail-static+wipe+unknown-dead")
    assert includes("fail-static+reconcile", "fail-static+unknown-dead")
    assert includes("fail-static+unknown-static", "fail-static+wipe")
    assert not includes("fail-static+unknown-static", "fail-static+unknown-dead")
    assert not includes("fail-static+unknown-dead", "fail-static+wipe")
    items = [{"metric": "return_lost", "policies": ["fast-reroute+reconcile"], "max": 0}]
    assert len(for_policy(items, "fast-reroute")) == 1
    assert not for_policy(items, "fast-reroute+wipe")


def test_variants_of_several_axes_go_together_and_two_of_one_do_not() -> None:
    both = policy("fail-static+stale+probe-10s")
    assert (both.brain.returns, both.switch.inactivity_probe_ms) == (STALE, 10_000)
    assert includes("fail-static+probe-10s", both.name)
    assert includes("fail-static+stale", both.name)
    assert not includes("fail-static+reconcile", both.name)
    assert includes("fail-static+reconcile", "fail-static+probe-5s")
    assert "two variants of one axis" in wrong("fail-static+wipe+stale")
