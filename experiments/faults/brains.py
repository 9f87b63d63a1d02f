"""Which brains a fault strikes. A role is resolved at the moment of the strike: the journal says who it was.

brain                    the brain; where there are several, what the fault's kind means by it
leader, follower         the one that programs the switches; the first running one that does not
all, brain-2             every one; the one of that name
brain of ams             the one to which that PoP's switch connects (the first, if to several)
"""

from __future__ import annotations

import re

from experiments.faults.kind import ALL, BRAIN, until
from experiments.lab import BrainControl, Lab
from topology.errors import LabError

LEADER, FOLLOWER = "leader", "follower"
BRAIN_OF = "brain of "
NAME = re.compile(r"brain-[1-9]\d*")
LEADER_S = 5.0
"""How long a strike waits for somebody to lead."""


def settled(lab: Lab, targets: tuple[str, ...], *, brain: str = LEADER) -> tuple[str, ...]:
    """``targets`` with a role turned into names; ``brain``: what the plain word means here.

    Raises LabError when nobody plays the role.
    """
    if len(lab.brains) == 1:
        return tuple(lab.brains)
    elected = lab.store is not None or lab.leader() is not None
    role = (brain if elected else ALL) if targets == (BRAIN,) else targets[0]
    if role == ALL:
        return tuple(lab.brains)
    if role.startswith(BRAIN_OF):
        return tuple(name for name, one in lab.brains.items() if role[len(BRAIN_OF) :] in one.charge)[:1]
    if role not in (LEADER, FOLLOWER):
        return targets
    until(lab, lambda: lab.leader() is not None, LEADER_S)
    leader = lab.leader()
    others = (name for name, one in lab.brains.items() if name != leader and one.state() == "running")
    found = leader if role == LEADER else next(others, None)
    if found is None:
        raise LabError(f"no brain is the {role} now")
    return (found,)


def struck(lab: Lab, targets: tuple[str, ...]) -> tuple[BrainControl, ...]:
    """The brains behind settled targets; none behind a role that nobody has been found for."""
    return tuple(brain for name, brain in lab.brains.items() if ALL in targets or name in targets)


def states(brains: tuple[BrainControl, ...]) -> str:
    """``"gone"`` when all are; else each state that there is, once."""
    return " and ".join(sorted({brain.state() for brain in brains}))


def connected(brains: tuple[BrainControl, ...]) -> frozenset[str]:
    """PoPs whose switch holds a connection to any of them."""
    return frozenset().union(*(brain.connected() for brain in brains))


def impossible(target: str, count: int, *, elect: bool) -> str:
    """Why a policy with ``count`` brains, which elect one of them or not, has no such target; empty when it has."""
    if target in (LEADER, FOLLOWER) and count > 1 and not elect:
        return "has brains of which none leads the others"
    if target == FOLLOWER and count == 1:
        return "has one brain, which nobody follows"
    if NAME.fullmatch(target) and not (count > 1 and int(target.partition("-")[2]) <= count):
        return f"has {count} brain{'s' if count > 1 else ''}"
    return ""
