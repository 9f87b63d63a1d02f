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
    every = topology.links
    return tuple(
        link for link in every if len(pieces(topology.names, (other.ends for other in every if other is not link))) > 1
    )


def cut_pops(topology: Topology) -> tuple[str, ...]:
    """PoPs whose loss alone splits the rest."""
    return cut_names(topology.names, [link.ends for link in topology.links])


def cut_names(names: Sequence[str], ends: Sequence[Pair]) -> tuple[str, ...]:
    """The same for bare names and ends (articulation points)."""
    return tuple(name for name in names if len(pieces_without(name, names, ends)) > 1)


def pieces_without(gone: str, names: Sequence[str], ends: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    """What is left, in pieces, when one PoP is lost."""
    return pieces((name for name in names if name != gone), (pair for pair in ends if gone not in pair))


def two_connected(topology: Topology) -> bool:
    """True when neither the loss of one link nor that of one PoP splits the network."""
    return not bridges(topology) and not cut_pops(topology)
