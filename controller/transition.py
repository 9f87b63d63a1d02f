"""From what a switch holds to what it should hold: the difference, at once or make-before-break. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controller.messages import AddFlow, AddGroup, DeleteFlow, DeleteGroup, Mod, ModifyGroup
from controller.pipeline import LABELS, Tables
from topology.forwarding import FlowRule, GroupRule, Match


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a switch is known to hold. A flow that was read back is known by its cookie only."""

    flows: Mapping[int, FlowRule | None]
    groups: Mapping[int, GroupRule]

    @classmethod
    def read_back(cls, cookies: Iterable[int], groups: Iterable[GroupRule]) -> Holdings:
        return cls(dict.fromkeys(cookies), {group.id: group for group in groups})

    @classmethod
    def of(cls, tables: Tables) -> Holdings:
        return cls(tables.flows, tables.groups)

    def with_also(self, tables: Tables) -> Holdings:
        """While a transition is under way the switch holds the old and the new."""
        return Holdings({**self.flows, **tables.flows}, {**self.groups, **tables.groups})


@dataclass(frozen=True, slots=True)
class Change:
    """The mods between two states, in the three parts of make-before-break."""

    prepare: tuple[Mod, ...]
    """Groups and label rules: nothing uses what is new yet."""
    switch_over: tuple[Mod, ...]
    """Ingress and guard rules: traffic moves."""
    clean_up: tuple[Mod, ...]
    """What is no longer used."""

    @property
    def at_once(self) -> tuple[Mod, ...]:
        return (*self.prepare, *self.switch_over, *self.clean_up)

    @property
    def stages(self) -> tuple[tuple[Mod, ...], ...]:
        return (self.prepare, self.switch_over, self.clean_up)


def difference(held: Holdings, wanted: Tables) -> Change:
    """Only what differs: flows by cookie (a digest of the rule), groups by id and content."""
    if held.flows is wanted.flows and held.groups is wanted.groups:
        return Change((), (), ())
    added = wanted.flows.keys() - held.flows.keys()
    new = sorted((wanted.flows[cookie] for cookie in added), key=lambda rule: (-rule.table, rule.cookie))
    overwritten = {rule.key for rule in new}
    gone = [
        cookie for cookie in sorted(held.flows.keys() - wanted.flows.keys()) if not _is_in(held, cookie, overwritten)
    ]
    return Change(
        prepare=(*_group_mods(held, wanted), *(AddFlow(rule) for rule in new if rule.table == LABELS)),
        switch_over=tuple(AddFlow(rule) for rule in new if rule.table != LABELS),
        clean_up=(
            *(DeleteFlow(cookie) for cookie in gone),
            *(DeleteGroup(number) for number in held.groups if number not in wanted.groups),
        ),
    )


def _is_in(held: Holdings, cookie: int, keys: set[tuple[int, int, Match]]) -> bool:
    rule = held.flows[cookie]
    return rule is not None and rule.key in keys


def _group_mods(held: Holdings, wanted: Tables) -> list[Mod]:
    mods: list[Mod] = []
    for number, group in wanted.groups.items():
        if number not in held.groups:
            mods.append(AddGroup(group))
        elif held.groups[number] != group:
            mods.append(ModifyGroup(group))
    return mods
