"""A switch: what it was told, what it forgot again, which of its ports live; each change leaves its mark in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from controller.messages import AddFlow, AddGroup, DeleteFlow, DeleteGroup, DeleteOwned, Mod, ModifyGroup
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.history import Past, Track
from experiments.labs.modelled.tables import State
from experiments.labs.modelled.timers import EXPIRY_LAG_S, PORT_REACTION_S
from topology.forwarding import FlowRule, GroupRule, Match, SwitchState, ToGroup
from topology.model import HOST_PORT
from topology.roles import Roles

if TYPE_CHECKING:
    from experiments.labs.modelled.bfd import Session

PortChange = Callable[["Port", str], None]
"""Told of a port whose carrier or liveness changed, with the cause: ``carrier`` or ``bfd``."""
Refusal = tuple[Mod, str]
"""What a switch did not do, and OpenFlow's name for the reason."""
_Key = tuple[int, int, Match]


class Port:
    """One end of a backbone link. ``carrier`` is the kernel's view, ``live`` what the switch forwards by."""

    def __init__(self, clock: Clock, switch: ModelSwitch, number: int, link: str, changed: PortChange) -> None:
        self.switch, self.number, self.link = switch, number, link
        self.carrier = True
        self.bfd: Session | None = None
        self.live, self.announced = True, True
        self._clock, self._changed = clock, changed

    def touch(self) -> None:
        """Carrier or BFD have changed: the switch reacts in a moment."""
        self._clock.after(PORT_REACTION_S, self.settle)

    def settle(self) -> None:
        """Take over what is so now; a switch that has crashed looks when it is back."""
        if not self.switch.up:
            return
        live = self.carrier and (self.bfd is None or self.bfd.up)
        if (live, self.carrier) == (self.live, self.announced):
            return
        cause = "carrier" if self.carrier != self.announced and live == self.carrier else "bfd"
        changed, self.live, self.announced = live != self.live, live, self.carrier
        if changed:
            self.switch.port_changed(self.number, live)
        self._changed(self, cause if changed else "")


class ModelSwitch:
    """``track`` holds its states; rules as OpenFlow 1.3 changes them."""

    def __init__(self, clock: Clock, past: Past, pop: str) -> None:
        self.pop, self.up = pop, True
        self.ports: dict[int, Port] = {}
        self.flows: dict[_Key, FlowRule] = {}
        self.groups: dict[int, GroupRule] = {}
        self.roles = Roles()
        self.told_power: list[Callable[[], None]] = []
        """Told when it has crashed, and when it runs again."""
        self._clock = clock
        self._expires: dict[_Key, float] = {}
        self._known: dict[object, State] = {}
        """States that it has been in: it often comes back to one, and what was looked up holds again."""
        self.track: Track[State] = Track(past, State(SwitchState((), (), frozenset({HOST_PORT}))))

    def crash(self) -> None:
        """The process is gone, and with it all that it was told."""
        self.up = False
        for table in (self.flows, self.groups, self._expires):
            table.clear()
        self.roles = Roles()
        self._become(State(SwitchState()))
        self._tell_power()

    def restart(self) -> None:
        """It runs again, with empty tables, and finds its ports as they are."""
        self.up = True
        for port in self.ports.values():
            port.settle()
        self.open()
        self._tell_power()

    def _tell_power(self) -> None:
        for tell in self.told_power:
            tell()

    def open(self) -> None:
        """All ports are there: forward by those that live."""
        live = (number for number, port in self.ports.items() if port.live)
        self._become(State(replace(self.track.last.state, live_ports=frozenset({HOST_PORT, *live}))))

    def become(self, rules: Iterable[FlowRule]) -> None:
        """Forget all that was told, and do as these rules say."""
        self.flows, self.groups = {rule.key: rule for rule in rules}, {}
        self._expires.clear()
        self._renew()

    def port_changed(self, number: int, live: bool) -> None:
        before = self.track.last
        ports = before.state.live_ports
        ports = ports | {number} if live else ports - {number}
        self._become(State(replace(before.state, live_ports=ports), before))

    def apply(self, mods: Iterable[Mod]) -> list[Refusal]:
        """All in order, in force together; returns what was refused."""
        refused: list[Refusal] = []
        changed = False
        for mod in mods:
            match mod:
                case AddFlow(rule):
                    changed |= self._add(rule, mod, refused)
                case DeleteFlow(cookie):
                    changed |= self._drop([key for key, rule in self.flows.items() if rule.cookie == cookie])
                case DeleteOwned(owner):
                    changed |= self._drop([key for key, rule in self.flows.items() if rule.owner == owner])
                case DeleteGroup(number):
                    changed |= self._drop_group(number)
                case AddGroup(group) | ModifyGroup(group):
                    changed |= self._set_group(group, mod, refused)
        if changed:
            self._renew()
        return refused

    def _add(self, rule: FlowRule, mod: Mod, refused: list[Refusal]) -> bool:
        if any(isinstance(action, ToGroup) and action.group not in self.groups for action in rule.actions):
            refused.append((mod, "OFPBAC_BAD_OUT_GROUP"))
            return False
        self._expires.pop(rule.key, None)
        if rule.hard_timeout_s:
            due_s = self._expires[rule.key] = self._clock.now + rule.hard_timeout_s + EXPIRY_LAG_S
            self._clock.at(due_s, lambda: self._expire(rule.key, due_s))
        if self.flows.get(rule.key) == rule:
            return False
        self.flows[rule.key] = rule
        return True

    def _expire(self, key: _Key, due_s: float) -> None:
        if self._expires.get(key) == due_s and self._drop([key]):
            self._renew()

    def _drop(self, keys: Iterable[_Key]) -> bool:
        gone = [self.flows.pop(key) for key in keys if key in self.flows]
        for rule in gone:
            self._expires.pop(rule.key, None)
        return bool(gone)

    def _set_group(self, group: GroupRule, mod: Mod, refused: list[Refusal]) -> bool:
        there = group.id in self.groups
        if there == isinstance(mod, AddGroup):
            refused.append((mod, "OFPGMFC_GROUP_EXISTS" if there else "OFPGMFC_UNKNOWN_GROUP"))
            return False
        self.groups[group.id] = group
        return True

    def _drop_group(self, number: int) -> bool:
        """Its flows go with it (OpenFlow 1.3, 6.5)."""
        if self.groups.pop(number, None) is None:
            return False
        self._drop([key for key, rule in self.flows.items() if ToGroup(number) in rule.actions])
        return True

    def _renew(self) -> None:
        live = self.track.last.state.live_ports
        self._become(State(SwitchState(tuple(self.flows.values()), tuple(self.groups.values()), live)))

    def _become(self, state: State) -> None:
        self.track.set(self._clock.now, self._known.setdefault(state.identity, state))
