"""Bridges and cut PoPs against their definition: take it away and count the pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from topology.connectivity import bridges, cut_pops, pieces, pieces_without, two_connected
from topology.model import Link, Pop, Topology

NAMES = tuple("abcdefg")


def network(ends: list[tuple[str, str]]) -> Topology:
    pops = tuple(Pop(index, name, name, "", 0, 0, 1) for index, name in enumerate(NAMES))
    return Topology("t", pops, tuple(Link(index, a, b, 1e9, 1, 1) for index, (a, b) in enumerate(ends)), "a")


some_ends = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda ends: ends[0] != ends[1]),
    unique_by=frozenset,
    max_size=14,
)


@given(some_ends)
def test_a_bridge_is_a_link_whose_loss_makes_one_piece_more(ends: list[tuple[str, str]]) -> None:
    topology, whole = network(ends), len(pieces(NAMES, ends))
    expected = [link for link in topology.links if len(pieces(NAMES, set(ends) - {link.ends})) > whole]
    assert list(bridges(topology)) == expected


@given(some_ends)
def test_a_cut_pop_is_one_whose_loss_splits_its_piece(ends: list[tuple[str, str]]) -> None:
    whole = pieces(NAMES, ends)
    alone = {piece[0] for piece in whole if len(piece) == 1}
    expected = [name for name in NAMES if name not in alone and len(pieces_without(name, NAMES, ends)) > len(whole)]
    assert list(cut_pops(network(ends))) == expected


def test_ring_and_chain() -> None:
    chain = list(pairwise(NAMES))
    assert [link.name for link in bridges(network(chain))] == ["a-b", "b-c", "c-d", "d-e", "e-f", "f-g"]
    assert cut_pops(network(chain)) == tuple("bcdef")
    assert two_connected(network([*chain, ("g", "a")]))


def test_pieces_are_told_largest_first() -> None:
    assert pieces("abcde", [("a", "b"), ("c", "d"), ("d", "e")]) == (("c", "d", "e"), ("a", "b"))
