"""One measurement of the collection, and what it is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.figures import Figure
from bench.runs import Runs

from topology.replica.machine import Machine


@dataclass(frozen=True, slots=True)
class Site:
    """``n`` is how often to repeat, ``say`` tells what goes on, ``runs`` are shared by all who ask for the same."""

    n: int
    machine: Machine
    runs: Runs
    say: Callable[[str], None]


Measure = Callable[[Site], Iterable[Figure]]


@dataclass(frozen=True, slots=True)
class Bench:
    """``n`` and ``takes`` (seconds for that many) are what it does when nobody says otherwise."""

    name: str
    about: str
    n: int
    takes: float
    measure: Measure
