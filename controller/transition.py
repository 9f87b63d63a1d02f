"""From what a switch holds to what it should hold: the difference, at once or make-before-break. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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

    def after(self, mods: Iterable[Mod], wanted: Tables) -> Holdings:
        """What it holds when ``mods``, on the way to ``wanted``, are done: some of the old and some of the new."""
        flows, groups = dict(self.flows), dict(self.groups)
        old = ((cookie, flows[cookie]) for cookie in flows.keys() - wanted.flows.keys())
        cookies = {rule.key: cookie for cookie, rule in old if rule is not None}
        for mod in mods:
            match mod:
                case AddFlow(rule):
                    flows.pop(cookies.get(rule.key, rule.cookie), None)
                    flows[rule.cookie] = rule
                case DeleteFlow(cookie):
                    flows.pop(cookie, None)
                case AddGroup(group) | ModifyGroup(group):
                    groups[group.id] = group
                case DeleteGroup(number):
                    groups.pop(number, None)
        return Holdings(flows, groups)


@dataclass(frozen=True, slots=True)
class Change:
    """The mods between two states, in the three parts of make-before-break."""

    prepare: tuple[Mod, ...]
    """Groups and label rules."""
    switch_over: tuple[Mod, ...]
    """Ingress and heartbeat rules: traffic moves."""
    clean_up: tuple[Mod, ...]
    """What is no longer used."""

    @property
    def at_once(self) -> tuple[Mod, ...]:
        return (*self.prepare, *self.switch_over, *self.clean_up)


Stage = dict[str, tuple[Mod, ...]]
"""What each switch is told in one stage of an update."""
PREPARE, STEP, SWITCH_OVER, CLEAN_UP = "prepare", "step", "switch-over", "clean-up"


def stages(changes: Mapping[str, Change], rank: Callable[[str, FlowRule], int]) -> list[tuple[str, Stage]]:
    """The parts of make-before-break, each with its name, without those in which nothing is to be done.

    ``rank(pop, rule)`` is 0 for a label rule that may come at any time before the ingress; the others
    follow step by step.
    """
    steps: dict[int, dict[str, list[Mod]]] = {}
    for pop, change in changes.items():
        for mod in change.prepare:
            number = rank(pop, mod.rule) if isinstance(mod, AddFlow) else 0
            steps.setdefault(number, {}).setdefault(pop, []).append(mod)
    return [
        *(
            (STEP if number else PREPARE, {pop: tuple(mods) for pop, mods in steps[number].items()})
            for number in sorted(steps)
        ),
        *_last_stage(SWITCH_OVER, {pop: change.switch_over for pop, change in changes.items()}),
        *clean_up(changes),
    ]


def clean_up(changes: Mapping[str, Change]) -> list[tuple[str, Stage]]:
    """The last part alone, where the others are not waited for."""
    return _last_stage(CLEAN_UP, {pop: change.clean_up for pop, change in changes.items()})


def _last_stage(name: str, mods: Stage) -> list[tuple[str, Stage]]:
    stage = {pop: part for pop, part in mods.items() if part}
    return [(name, stage)] if stage else []


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
