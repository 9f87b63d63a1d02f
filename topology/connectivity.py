"""What holds a network together: its pieces, its bridges, its cut PoPs.

Pure graph questions over PoP names; ``load`` refuses a network in pieces, ``generate`` adds
links until no single loss can split it, a spec can warn of bridges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    """Bridges and articulation points by depth-first search and low points (Hopcroft & Tarjan 1973).

    Assumes no parallel links, as everywhere here. Iterative: a chain of PoPs may be long.
    """
    neighbours: dict[str, list[str]] = {name: [] for name in names}
    for a, b in ends:
        neighbours[a].append(b)
        neighbours[b].append(a)
    seen: dict[str, int] = {}
    low: dict[str, int] = {}
    weak_links: set[Pair] = set()
    weak_names: set[str] = set()
    for start in names:
        if start in seen:
            continue
        seen[start] = low[start] = len(seen)
        children_of_start = 0
        stack = [(start, "", iter(neighbours[start]))]
        while stack:
            name, parent, others = stack[-1]
            other = next((other for other in others if other != parent), None)
            if other is None:
                stack.pop()
                if not stack:
                    continue
                low[parent] = min(low[parent], low[name])
                if low[name] > seen[parent]:
                    weak_links.add((parent, name))
                if parent != start and low[name] >= seen[parent]:
                    weak_names.add(parent)
                children_of_start += parent == start
            elif other in seen:
                low[name] = min(low[name], seen[other])
            else:
                seen[other] = low[other] = len(seen)
                stack.append((other, name, iter(neighbours[other])))
        if children_of_start > 1:
            weak_names.add(start)
    return weak_links, weak_names
