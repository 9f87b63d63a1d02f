"""Which members of the brains' store a fault strikes: roles are resolved when it strikes, as in ``brains``.

leader, follower         the one that the others follow; the first running one that is not
quorum                   the leader and as many others as it takes that the rest cannot decide
all, etcd-2              every one; the one of that name
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set

from experiments.faults.brains import FOLLOWER, LEADER
from experiments.faults.kind import ALL, until
from experiments.lab import Lab, MemberControl, StoreControl
from topology.errors import LabError

QUORUM = "quorum"
ROLES = (LEADER, FOLLOWER, QUORUM, ALL)
NAME = re.compile(r"etcd-[1-9]\d*")
LEADER_S = 10.0
"""How long a strike waits for the store to have a leader, and a proof for it to have lost or found one."""

Settled = Callable[[str | None, Set[str]], bool]
"""Of the store's leader and of the members that answer: whether this is what was waited for."""


def store(lab: Lab) -> StoreControl:
    """Raises LabError where there is none."""
    if lab.store is None:
        raise LabError("this policy's brains have no store that could be struck")
    return lab.store


def settled(lab: Lab, targets: tuple[str, ...]) -> tuple[str, ...]:
    """``targets`` with a role turned into names. Raises LabError when nobody plays it."""
    struck = store(lab)
    if targets == (ALL,):
        return tuple(struck.members)
    if targets[0] not in ROLES:
        return targets
    until(lab, lambda: struck.leader() is not None, LEADER_S)
    if (leader := struck.leader()) is None:
        raise LabError("the store has no leader now")
    others = [name for name, one in struck.members.items() if name != leader and one.state() == "running"]
    too_few = needed(struck) - 1
    found = {LEADER: [leader], FOLLOWER: others[:1], QUORUM: [leader, *others[: len(others) - too_few]]}
    return tuple(found[targets[0]])


def settling(lab: Lab, struck: StoreControl, done: Settled) -> tuple[str | None, Set[str]]:
    """The leader and who answers as soon as they are ``done``, or as they were last when the time is over.

    The reading that was waited for is the one that is told: a member that is slow to answer the next question (of
    another, of the leader) takes nothing back.
    """
    last: tuple[str | None, Set[str]] = (None, frozenset())

    def look() -> bool:
        nonlocal last
        last = (struck.leader(), frozenset(struck.answering()))
        return done(*last)

    until(lab, look, LEADER_S)
    return last


def needed(struck: StoreControl) -> int:
    """How many members it takes to decide anything."""
    return len(struck.members) // 2 + 1


def members(lab: Lab, targets: tuple[str, ...]) -> tuple[MemberControl, ...]:
    """Those of settled targets; none behind a role."""
    return tuple(member for name, member in store(lab).members.items() if name in targets)


def impossible(target: str, count: int) -> str:
    """Why a policy whose store has ``count`` members (0: no store) has no such target; empty when it has."""
    if count == 0:
        return "has no store that elects anybody"
    if NAME.fullmatch(target) and int(target.partition("-")[2]) > count:
        return f"has a store of {count} members"
    return ""
