"""The agent between kernels and switches: what it writes when, and what it does when a switch refuses."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from controller import shadow_agent
from controller.shadow_agent import ShadowAgent
from topology import addressing
from topology.errors import LabError
from topology.model import Link, Pop, Topology

DEADLINE_S = 5.0
DELAY_S = 0.1


class Machine:
    """Kernels and switches of three PoPs in a triangle, in memory."""

    def __init__(self, home: Path) -> None:
        pops = tuple(Pop(i, name, name, "X", 0.0, 0.0, 1.0) for i, name in enumerate("abc"))
        ends = (("a", "b"), ("b", "c"), ("c", "a"))
        links = tuple(Link(i, a, b, 1e6, 1.0, 1.0) for i, (a, b) in enumerate(ends))
        self.topology = Topology("triangle", pops, links, "a")
        self.home = home
        self.ways: dict[str, dict[str, str]] = {}
        """PoP → destination → neighbour."""
        self.down: set[str] = set()
        self.written: dict[str, list[str]] = {}
        self.bells: dict[int, socket.socket] = {}
        self.told: list[tuple[str, int]] = []
        for pop in self.topology.names:
            (home / pop).mkdir()
            self.direct(pop)

    def direct(self, pop: str) -> None:
        self.ways[pop] = {other: other for other in self.topology.names if other != pop}

    def feed(self, pid: int) -> socket.socket:
        ours, self.bells[pid] = socket.socketpair()
        ours.setblocking(False)
        return ours

    def ring(self, pop: str) -> None:
        self.bells[self.topology.pop(pop).index].send(b"x")

    def try_all(self, commands: Mapping[str, list[str]]) -> dict[str, str | LabError]:
        return {pop: self.run(pop, command) for pop, command in commands.items()}

    def run(self, pop: str, command: list[str]) -> str | LabError:
        if "ip" in command:
            return json.dumps(list(self.routes(pop)))
        if pop in self.down:
            return LabError("OFPBAC_BAD_OUT_GROUP")
        self.written.setdefault(pop, []).append(Path(command[-1]).read_text())
        return ""

    def routes(self, pop: str) -> Iterator[dict[str, str]]:
        for end, neighbour in self.ways[pop].items():
            port = next(port for port, name in self.topology.neighbours(pop).items() if name == neighbour)
            loopback = addressing.router_id(self.topology.pop(end).index)
            yield {"dst": loopback, "dev": addressing.router_interface(pop, port)}

    def agent(self) -> ShadowAgent:
        pids = {pop.name: pop.index for pop in self.topology.pops}
        return ShadowAgent(
            self.topology, self.home, pids, lambda pop, routes, _: self.told.append((pop, routes)), DELAY_S
        )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setattr(shadow_agent, "try_all", made.try_all)
    monkeypatch.setattr(shadow_agent.routes, "feed", made.feed)
    monkeypatch.setattr(shadow_agent, "RETRY_S", 0.01)
    monkeypatch.setattr(shadow_agent, "SETTLED_S", 0.0)
    return made


@pytest.fixture
def agent(machine: Machine) -> Iterator[ShadowAgent]:
    made = machine.agent()
    yield made
    made.stop()
    for bell in machine.bells.values():
        bell.close()


def until(condition: object) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_switch_gets_its_foundation_and_its_routes_at_once(machine: Machine, agent: ShadowAgent) -> None:
    agent.start()
    assert agent.complete()
    for pop in machine.topology.names:
        (text,) = machine.written[pop]
        assert "nw_proto=89" in text, "the daemons' own packets"
        assert "table=3" in text
        assert text.count("dec_mpls_ttl") == 4


def test_a_changed_route_changes_its_rules_and_no_others(machine: Machine, agent: ShadowAgent) -> None:
    agent.start()
    machine.ways["a"]["b"] = "c"
    machine.ring("a")
    until(lambda: len(machine.written["a"]) == 2)
    lines = machine.written["a"][1].splitlines()
    assert [line.split(",")[0:2] for line in lines] == [["add table=3", "priority=50"], ["add table=3", "priority=100"]]
    assert all("mpls_label=64001" in line for line in lines)
    assert len(machine.written["b"]) == 1


def test_a_lost_route_is_deleted(machine: Machine, agent: ShadowAgent) -> None:
    agent.start()
    del machine.ways["a"]["b"]
    machine.ring("a")
    until(lambda: len(machine.written["a"]) == 2)
    assert all(line.startswith("delete_strict table=3") for line in machine.written["a"][1].splitlines())
    assert not agent.complete()


def test_a_switch_that_refuses_gets_everything_when_it_is_back(machine: Machine, agent: ShadowAgent) -> None:
    agent.start()
    machine.down.add("a")
    del machine.ways["a"]["b"]
    machine.ring("a")
    until(lambda: "a" in agent.refused)
    machine.direct("a")
    machine.down.clear()
    until(agent.complete)
    assert "nw_proto=89" in machine.written["a"][-1]
    assert machine.written["a"][-1].count("dec_mpls_ttl") == 4


def test_a_machine_that_has_no_room_for_a_moment_ends_no_agent(
    machine: Machine, agent: ShadowAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.start()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shadow_agent, "try_all", full)
        del machine.ways["a"]["b"]
        machine.ring("a")
        until(lambda: "a" in agent.refused)
        assert "No space left" in agent.refused["a"]
    machine.direct("a")
    until(agent.complete)


def test_who_loses_a_neighbour_changes_after_the_others(machine: Machine, agent: ShadowAgent) -> None:
    agent.start()
    machine.ways["a"]["b"], machine.ways["b"]["a"] = "c", "c"
    machine.ways["c"]["a"] = "a"
    machine.ring("a")
    rung_s = time.monotonic()
    until(lambda: len(machine.written["a"]) == 2)
    assert time.monotonic() - rung_s >= DELAY_S


def test_a_neighbour_that_is_back_in_time_was_never_lost(machine: Machine, agent: ShadowAgent) -> None:
    agent.start()
    machine.ways["a"]["b"] = "c"
    machine.ring("a")
    time.sleep(DELAY_S / 4)
    machine.direct("a")
    machine.ring("a")
    time.sleep(2 * DELAY_S)
    assert len(machine.written["a"]) == 1


def test_news_of_nothing_new_writes_nothing(machine: Machine, agent: ShadowAgent) -> None:
    agent.start()
    machine.ring("a")
    machine.ways["b"]["a"] = "c"
    machine.ring("b")
    until(lambda: len(machine.written["b"]) == 2)
    assert len(machine.written["a"]) == 1
    assert machine.told[-1] == ("b", 2)
