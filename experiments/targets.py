"""What a target of the timeline means: a role or a name → one link, or one control channel.

Pure: (words, topology, demand shares) → name. Roles look at shortest-delay paths of the whole
network, which are those that the brain installs.

    ams-lon, lon-ams                the backbone link between two PoPs
    busiest link, quietest link     by the demand that crosses it
    longest link, shortest link     by delay
    control:ams                     the control channel between the brain and a PoP
    leader, follower, all, brain-2  of several brains (``experiments.faults.brains``)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from controller.paths import Paths, shortest
from experiments.faults.brains import ALL, FOLLOWER, LEADER, NAME
from experiments.faults.kind import BRAIN, CONTROL
from topology.errors import InputError, unknown
from topology.model import Link, Pair, Topology

Shares = Mapping[Pair, float]
"""Share of the demand per ordered pair; sums to 1."""
_Rank = Callable[[Link, Mapping[str, float]], float]
_ROLES: dict[str, _Rank] = {
    "busiest link": lambda link, demand: demand[link.name],
    "quietest link": lambda link, demand: -demand[link.name],
    "longest link": lambda link, _: link.delay_ms,
    "shortest link": lambda link, _: -link.delay_ms,
}


def demand_by_link(paths: Paths, shares: Shares) -> dict[str, float]:
    """Link name → share of the demand that crosses it, both directions together."""
    demand = dict.fromkeys((link.name for link in paths.topology.links), 0.0)
    for (src, dst), share in shares.items():
        for name in paths.links(src, dst):
            demand[name] += share
    return demand


def resolve(words: str, aims_at: str, topology: Topology, shares: Shares) -> str:
    """The target's one name; raises InputError, naming what exists.

    ``aims_at`` is what the fault's kind wants: ``"brain"`` or ``"link"``.
    """
    words = " ".join(words.split()).removeprefix("the ")
    if aims_at == BRAIN:
        return _brain(words)
    if words.startswith(CONTROL):
        return CONTROL + topology.pop(words[len(CONTROL) :].strip()).name
    if words in _ROLES:
        demand = demand_by_link(shortest(topology), shares)
        return max(topology.links, key=lambda link: (_ROLES[words](link, demand), -link.index)).name
    return _link(words, topology)


def _brain(words: str) -> str:
    """A role stays one: who plays it is known when the fault strikes."""
    if words in ("", BRAIN, LEADER, FOLLOWER, ALL) or NAME.fullmatch(words):
        return words or BRAIN
    several = f"and where there are several '{LEADER}', '{FOLLOWER}', '{ALL}' or a name such as 'brain-2'"
    raise InputError(
        f"this fault strikes the brain and takes no other target than '{BRAIN}', {several}; found '{words}'"
    )


def _link(words: str, topology: Topology) -> str:
    if not words:
        raise InputError(
            f"which link? 'target' is missing: a name such as {topology.links[0].name}, or a role: {_roles()}"
        )
    try:
        return topology.link(words).name
    except InputError:
        names = [*_ROLES, *(link.name for link in topology.links)]
        raise InputError(unknown("link", words, names) + f"; or {CONTROL}POP") from None


def _roles() -> str:
    return ", ".join(_ROLES)
