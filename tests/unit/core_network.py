"""A network whose switches hold what a brain told them, all in memory: shared by the core's tests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from controller.brain import Brain, BrainSettings
from controller.memory import RECONCILE
from controller.messages import (
    AddFlow,
    AddGroup,
    BarrierReply,
    Command,
    DeleteFlow,
    DeleteGroup,
    DeleteOwned,
    Event,
    Mod,
    ModifyGroup,
    Program,
    SwitchUp,
)
from topology.forwarding import OWNER, FlowRule, GroupRule, SwitchState
from topology.model import HOST_PORT, Topology
from topology.walk import Journey, journey, prepare


@dataclass
class MemorySwitch:
    """The tables of one switch, changed by mods as Open vSwitch would."""

    flows: dict[tuple[object, ...], FlowRule]
    groups: dict[int, GroupRule]

    def apply(self, mod: Mod) -> None:
        match mod:
            case AddFlow(rule):
                self.flows[rule.key] = rule
            case DeleteFlow(cookie):
                self.flows = {key: rule for key, rule in self.flows.items() if rule.cookie != cookie}
            case DeleteOwned(owner):
                self.flows = {key: rule for key, rule in self.flows.items() if rule.owner != owner}
            case AddGroup(group):
                assert group.id not in self.groups, f"group {group.id} exists: OpenFlow answers GROUP_EXISTS"
                self.groups[group.id] = group
            case ModifyGroup(group):
                assert group.id in self.groups, f"no group {group.id}: OpenFlow answers UNKNOWN_GROUP"
                self.groups[group.id] = group
            case DeleteGroup(number):
                del self.groups[number]


class MemoryNetwork:
    """All switches of a topology and one brain; barriers are answered at once."""

    def __init__(self, topology: Topology, settings: BrainSettings | None = None) -> None:
        self.topology, self.settings = topology, settings or BrainSettings()
        self.switches = {pop: MemorySwitch({}, {}) for pop in topology.names}
        self.dead: set[str] = set()
        self.sent: list[Program] = []
        self.now = 0.0
        self.start_brain()

    def start_brain(self, memory: str = RECONCILE) -> list[Command]:
        """A new brain, and what it says to all switches."""
        self.brain = Brain(self.topology, self.settings, memory)
        return [command for pop in self.topology.names for command in self.tell(self.switch_up(pop))]

    def switch_up(self, pop: str) -> SwitchUp:
        switch = self.switches[pop]
        ports = {port: link.name not in self.dead for port, link in self.topology.ports(pop).items()}
        without = frozenset(port for port, live in ports.items() if not live)
        cookies = frozenset(rule.cookie for rule in switch.flows.values() if rule.cookie >> 48 == OWNER)
        return SwitchUp(pop, cookies, tuple(switch.groups.values()), ports, without)

    def tell(self, event: Event) -> list[Command]:
        """One event to the brain; what it says is done, and its barriers answered."""
        commands = self.brain.handle(event, self.now)
        for command in commands:
            if isinstance(command, Program):
                self.sent.append(command)
                for mod in command.mods:
                    self.switches[command.pop].apply(mod)
        for command in commands:
            if isinstance(command, Program):
                commands = [*commands, *self.tell(BarrierReply(command.pop, command.token))]
        return commands

    def snapshot(self, dead: Collection[str] = ()) -> dict[str, SwitchState]:
        gone = {*self.dead, *dead}
        return {
            pop: SwitchState(
                tuple(switch.flows.values()),
                tuple(switch.groups.values()),
                frozenset({HOST_PORT, *(p for p, link in self.topology.ports(pop).items() if link.name not in gone)}),
            )
            for pop, switch in self.switches.items()
        }

    def journeys(self, dead: Collection[str] = ()) -> dict[tuple[str, str], Journey]:
        """Every pair's packet, with these links dead as well."""
        switches = prepare(self.snapshot(dead))
        return {pair: journey(self.topology, switches, *pair, {*self.dead, *dead}) for pair in self.topology.pairs}
