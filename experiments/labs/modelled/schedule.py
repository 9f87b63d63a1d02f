"""When the probes of each pair are due, as arrays: the prober's schedule on the model's clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topology.model import Pair
from traffic.samples import due_ns
from traffic.schedule import FINE, ProbePlan, Wheel

Ints = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """The probes of one pair on one wheel: slot numbers and due times (ns after the run's zero)."""

    pair: Pair
    fine: bool
    slots: Ints
    due_ns: Ints


def streams(plan: ProbePlan) -> tuple[Stream, ...]:
    """Coarse ones first, in the order of the plan."""
    return (*_wheel(plan.coarse, False), *_wheel(plan.fine, True))


def _wheel(wheel: Wheel, fine: bool) -> Iterator[Stream]:
    count = len(wheel.pairs)
    for number, pair in enumerate(wheel.pairs):
        slots = np.arange(number, wheel.slots, count, dtype=np.int64)
        yield Stream(pair, fine, slots + FINE * fine, due_ns(wheel, slots))
