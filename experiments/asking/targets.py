"""What a target of the timeline means: names, roles, regions, lots → the names that are struck, in order.

Pure: (words, topology, demand shares, seed) → names. Roles look at shortest-delay paths of the
whole network, which are those that the brain installs. Of links, PoPs and control channels alike:

    ams-lon, lon-ams                one, or several with commas
    all, region europe              the links inside a region, or its PoPs
    random(3)                       drawn by the seed; each entry of the timeline draws others
    srlg baltic                     the links of a shared-risk group (RFC 4202)
    busiest link, longest link, …   by the demand that crosses it; by delay
    busiest PoP, brain's PoP, …     by the demand that begins, ends or passes there
    control:ams, control:all, …     the control channels of those PoPs
    leader, follower, all, brain-2, brain of ams    of several brains (``experiments.faults.brains``)
    leader, quorum, etcd-2, …       of the brains' store (``experiments.faults.members``)
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from controller.paths import Paths, shortest
from experiments.faults import members
from experiments.faults.brains import BRAIN_OF, FOLLOWER, LEADER, NAME
from experiments.faults.kind import ALL, BRAIN, CONTROL, CONTROL_CHANNEL, ETCD, LINK, MACHINE, ORDER, POP, PUSH, SWITCH
from topology.errors import InputError, Problem, unknown
from topology.model import Link, Pair, Topology

Shares = Mapping[Pair, float]
"""Share of the demand per ordered pair; sums to 1."""
_Rank = Callable[[Link, Mapping[str, float]], float]
_LINK_ROLES: dict[str, _Rank] = {
    "busiest link": lambda link, demand: demand[link.name],
    "quietest link": lambda link, demand: -demand[link.name],
    "longest link": lambda link, _: link.delay_ms,
    "shortest link": lambda link, _: -link.delay_ms,
}
_POP_ROLES = ("busiest PoP", "quietest PoP", "brain's PoP")
_LOTS = re.compile(r"random\((\d+)\)")
_SETS = ("all", "region NAME", "random(N)")
TARGETS: Mapping[str, str] = {
    BRAIN: "none",
    LINK: f"links: a name, {', '.join(_LINK_ROLES)}, all, region NAME, srlg NAME, random(N), or control:POP",
    CONTROL_CHANNEL: "control channels: control:POP, control:all, control:region NAME, control:random(N)",
    POP: f"PoPs: a name, {', '.join(_POP_ROLES)}, all, region NAME, random(N)",
    SWITCH: "the switches of PoPs: as PoPs",
    MACHINE: "none",
    PUSH: "the PoPs that it touches: as PoPs; all when absent",
    ORDER: "none",
    ETCD: f"members of the brains' store: {', '.join(members.ROLES)}, or a name such as etcd-2",
}
"""What a fault aims at → what can be its target, in words."""


class Lots:
    """Who is drawn. One shuffle of all names for each kind of target; entries take what comes next in it.

    So two entries draw others as long as there are others. Ends of faults draw from the same
    shuffle by themselves: the first ``random(2)`` that heals means the first two that were struck.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._taken: Counter[tuple[str, bool]] = Counter()

    def draw(self, names: Sequence[str], count: int, what: str, restores: bool) -> tuple[str, ...]:
        """Raises InputError when there are not so many."""
        if not 0 < count <= len(names):
            raise InputError(f"random({count}): there are {len(names)} of them to draw from")
        order = random.Random(f"{self._seed} {what}").sample(list(names), len(names))
        begin = self._taken[what, restores]
        self._taken[what, restores] += count
        drawn = {order[(begin + i) % len(order)] for i in range(count)}
        return tuple(name for name in names if name in drawn)


def demand_by_link(paths: Paths, shares: Shares) -> dict[str, float]:
    """Link name → share of the demand that crosses it, both directions together."""
    demand = dict.fromkeys((link.name for link in paths.topology.links), 0.0)
    for (src, dst), share in shares.items():
        for name in paths.links(src, dst):
            demand[name] += share
    return demand


def demand_by_pop(paths: Paths, shares: Shares) -> dict[str, float]:
    """PoP → share of the demand that begins, ends or passes there."""
    demand = dict.fromkeys(paths.topology.names, 0.0)
    for (src, dst), share in shares.items():
        for pop in paths.hops(src, dst):
            demand[pop] += share
    return demand


def resolve(
    words: str, aims_at: str, topology: Topology, shares: Shares, lots: Lots | None = None, *, restores: bool = False
) -> tuple[str, ...]:
    """The names that are struck, each once; control channels as ``control:POP``.

    ``aims_at`` is what the fault's kind wants, ``restores`` whether it ends others. Raises
    InputError with everything that does not exist, naming what does.
    """
    words = _tidy(words)
    if aims_at == BRAIN:
        return (_brain(words, topology),)
    if aims_at == ORDER:
        return (_nothing_else(words, BRAIN),)
    if aims_at == PUSH and not words:
        return topology.names
    if aims_at == ETCD:
        return (_member(words or (ALL if restores else LEADER)),)
    if aims_at == MACHINE:
        return (_nothing_else(words, MACHINE),)
    resolver = _Resolver(topology, shares, lots or Lots(0), restores)
    found: dict[str, None] = {}
    problems: list[Problem] = []
    for part in words.split(","):
        try:
            found |= dict.fromkeys(resolver.part(part.strip(), aims_at))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(found)


def _tidy(words: str) -> str:
    return " ".join(words.split()).removeprefix("the ")


def _brain(words: str, topology: Topology) -> str:
    """A role stays one: who plays it is known when the fault strikes."""
    if words.startswith(BRAIN_OF):
        return BRAIN_OF + topology.pop(words[len(BRAIN_OF) :].strip()).name
    if words in ("", BRAIN, LEADER, FOLLOWER, ALL) or NAME.fullmatch(words):
        return words or BRAIN
    several = f"and where there are several '{LEADER}', '{FOLLOWER}', '{ALL}' or a name such as 'brain-2'"
    raise InputError(
        f"this fault strikes the brain and takes no other target than '{BRAIN}', {several}; found '{words}'"
    )


def _nothing_else(words: str, only: str) -> str:
    if words not in ("", only):
        raise InputError(f"this fault strikes the {only} and takes no other target than '{only}'; found '{words}'")
    return only


def _member(words: str) -> str:
    """Of the brains' store; a role stays one, as with brains."""
    if words in members.ROLES or members.NAME.fullmatch(words):
        return words
    known = ", ".join(f"'{role}'" for role in members.ROLES)
    raise InputError(f"this fault strikes the brains' store: {known} or a name such as 'etcd-2'; found '{words}'")


class _Resolver:
    """Everything that the parts of a target are looked up in."""

    def __init__(self, topology: Topology, shares: Shares, lots: Lots, restores: bool) -> None:
        self.topology, self.shares = topology, shares
        self._lots, self._restores = lots, restores

    def part(self, words: str, aims_at: str) -> Iterable[str]:
        words = _tidy(words)
        if aims_at == CONTROL_CHANNEL or (aims_at == LINK and words.startswith(CONTROL)):
            pops = self._pops(_tidy(words.removeprefix(CONTROL)), CONTROL_CHANNEL)
            return (CONTROL + pop for pop in pops)
        return self._links(words) if aims_at == LINK else self._pops(words, POP)

    def _links(self, words: str) -> Iterable[str]:
        every = tuple(link.name for link in self.topology.links)
        if not words:
            raise InputError(f"which link? 'target' is missing: a name such as {every[0]}, or {', '.join(_LINK_ROLES)}")
        if (several := self._several(words, every, LINK)) is not None:
            return several
        if words.startswith("srlg "):
            return self._risk_group(words.removeprefix("srlg ").strip())
        if words in _LINK_ROLES:
            rank, demand = _LINK_ROLES[words], demand_by_link(shortest(self.topology), self.shares)
            return (max(self.topology.links, key=lambda link: (rank(link, demand), -link.index)).name,)
        try:
            return (self.topology.link(words).name,)
        except InputError:
            known = [*_LINK_ROLES, *_SETS, "srlg NAME", "control:POP", *every]
            raise InputError(unknown("link", words, known)) from None

    def _pops(self, words: str, what: str) -> Iterable[str]:
        every = self.topology.names
        if not words:
            raise InputError(f"which PoP? 'target' is missing: a name such as {every[0]}, or {', '.join(_POP_ROLES)}")
        if (several := self._several(words, every, what)) is not None:
            return several
        role = {known.casefold(): known for known in _POP_ROLES}.get(words.casefold())
        if role is not None:
            return (self._pop_role(role),)
        if words not in every:
            raise InputError(unknown("PoP", words, [*_POP_ROLES, *_SETS, *every]))
        return (words,)

    def _pop_role(self, role: str) -> str:
        if role == "brain's PoP":
            return self.topology.brain
        demand = demand_by_pop(shortest(self.topology), self.shares)
        sign = 1 if role.startswith("busiest") else -1
        return max(self.topology.pops, key=lambda pop: (sign * demand[pop.name], -pop.index)).name

    def _several(self, words: str, every: Sequence[str], what: str) -> Iterable[str] | None:
        """``all``, ``region NAME``, ``random(N)``; None when it is none of them."""
        if words == "all":
            return every
        if words.startswith("region "):
            return tuple(self._region(words.removeprefix("region ").strip(), what))
        lot = _LOTS.fullmatch(words.replace(" ", ""))
        return self._lots.draw(every, int(lot[1]), what, self._restores) if lot else None

    def _region(self, name: str, what: str) -> Iterator[str]:
        inside = {pop.name for pop in self.topology.pops if pop.region.casefold() == name.casefold()}
        if not inside:
            raise InputError(unknown("region", name, self.topology.regions()))
        links = [link.name for link in self.topology.links if inside.issuperset(link.ends)]
        if what == LINK and not links:
            raise InputError(f"no link lies inside region {name}")
        yield from links if what == LINK else (pop for pop in self.topology.names if pop in inside)

    def _risk_group(self, name: str) -> tuple[str, ...]:
        groups = {group for link in self.topology.links for group in link.risk_groups}
        if not groups:
            raise InputError(f"srlg {name}: this topology has no shared-risk groups (risk_groups of its links)")
        if name not in groups:
            raise InputError(unknown("shared-risk group", name, sorted(groups)))
        return tuple(link.name for link in self.topology.links if name in link.risk_groups)
