"""What a returning brain remembers, and the guard against one that remembers too little. Pure.

A brain keeps its desired state somewhere: in its inventory, in a snapshot on disk, in a store. What it
does to the network when it comes back follows from what it finds there:

    reconcile  the inventory, and link state learned anew: only what differs is changed
    wipe       the same, but nothing is trusted that is there: all rules are deleted, then installed
    stale      a snapshot from when the network was built, every link up: installed first, corrected later
    empty      nothing. Missing is not empty (Orion, NSDI'21): a guarded brain refuses to delete the world
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.pipeline import Tables
from controller.transition import Holdings
from topology.errors import InputError, unknown

RECONCILE, WIPE, STALE, EMPTY = "reconcile", "wipe", "stale", "empty"
MEMORIES = (RECONCILE, WIPE, STALE, EMPTY)
NOTHING = Tables({}, {})


def known(name: str) -> str:
    """The name itself. Raises InputError, listing the known ones."""
    if name not in MEMORIES:
        raise InputError(unknown("memory", name, MEMORIES))
    return name


def remaining(tables: Iterable[tuple[Holdings, Tables]]) -> float:
    """Rules wanted over rules held, over several switches (0…); 1 where nothing is held."""
    pairs = list(tables)
    held = sum(len(holdings.flows) for holdings, _ in pairs)
    return sum(len(wanted.flows) for _, wanted in pairs) / held if held else 1.0
