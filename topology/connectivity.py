"""What holds a network together: its pieces, its bridges, its cut PoPs.

Pure graph questions over PoP names; ``load`` refuses a network in pieces, ``generate`` adds
links until no single loss can split it, a spec can warn of bridges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from topology.model import Link, Pair, Topology


def pieces(names: Iterable[str], ends: Iterable[Pair]) -> tuple[tuple[str, ...], ...]:
    """The connected components, the largest first, names in the given order."""
    order = list(names)
    parent = {name: name for name in order}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for a, b in ends:
        parent[root(a)] = root(b)
    found: dict[str, list[str]] = {}
    for name in order:
        found.setdefault(root(name), []).append(name)
    return tuple(tuple(piece) for piece in sorted(found.values(), key=len, reverse=True))


def bridges(topology: Topology) -> tuple[Link, ...]:
    """Links whose loss alone splits the network."""
    found, _ = _weak_points(topology.names, [link.ends for link in topology.links])
    return tuple(link for link in topology.links if found & {link.ends, link.ends[::-1]})


def bridge_ends(names: Sequence[str], ends: Sequence[Pair]) -> set[Pair]:
    """The same for bare names and ends, each one way round."""
    return _weak_points(names, ends)[0]


def cut_pops(topology: Topology) -> tuple[str, ...]:
    """PoPs whose loss alone splits the rest."""
    return cut_names(topology.names, [link.ends for link in topology.links])


def cut_names(names: Sequence[str], ends: Sequence[Pair]) -> tuple[str, ...]:
    """The same for bare names and ends."""
    _, found = _weak_points(names, ends)
    return tuple(name for name in names if name in found)


def pieces_without(gone: str, names: Sequence[str], ends: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    """What is left, in pieces, when one PoP is lost."""
    return pieces((name for name in names if name != gone), (pair for pair in ends if gone not in pair))


def two_connected(topology: Topology) -> bool:
    """True when neither the loss of one link nor that of one PoP splits the network."""
    return not bridges(topology) and not cut_pops(topology)


def _weak_points(names: Sequence[str], ends: Sequence[Pair]) -> tuple[set[Pair], set[str]]:
    """Bridges and articulation points, by low points (Hopcroft & Tarjan 1973), in linear time.

    Assumes no parallel links, as everywhere here.
    """
    neighbours: dict[str, list[str]] = {name: [] for name in names}
    for a, b in ends:
        neighbours[a].append(b)
        neighbours[b].append(a)
    parents = _depth_first(neighbours)
    rank = {name: position for position, name in enumerate(parents)}
    low = _low_points(neighbours, parents, rank)
    tree = [(parent, name) for name, parent in parents.items() if parent is not None]
    weak_links = {(parent, name) for parent, name in tree if low[name] > rank[parent]}
    branches = Counter(parent for parent, _ in tree)
    weak_names = {parent for parent, name in tree if low[name] >= rank[parent] and parents[parent] is not None}
    return weak_links, weak_names | {name for name in names if parents[name] is None and branches[name] > 1}


def _depth_first(neighbours: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """PoP → its parent in a depth-first forest (None: a root), in the order of discovery."""
    parents: dict[str, str | None] = {}
    for root in neighbours:
        waiting: list[tuple[str | None, str]] = [(None, root)]
        while waiting:
            parent, name = waiting.pop()
            if name not in parents:
                parents[name] = parent
                waiting += [(name, other) for other in neighbours[name] if other not in parents]
    return parents


def _low_points(
    neighbours: Mapping[str, Sequence[str]], parents: Mapping[str, str | None], rank: Mapping[str, int]
) -> dict[str, int]:
    """PoP → the earliest PoP that its subtree reaches without the link to its parent."""
    low: dict[str, int] = {}
    for name in reversed(list(parents)):  # children before parents
        others = [other for other in neighbours[name] if other != parents[name]]
        low[name] = min([rank[name], *(min(rank[other], low.get(other, rank[other])) for other in others)])
    return low
