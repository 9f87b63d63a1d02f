"""Companion processes: what a design runs beside its switches and its brain, as frozen data.

A policy names them (``Policy.companions``), each lab knows how to bring each kind up: the emulated
one starts real programs (``experiments.labs.companions``), the modelled one their timers
(``experiments.labs.modelled.companions``). Here nothing is started.
"""

from __future__ import annotations

from typing import Protocol


class Companion(Protocol):
    """One kind of companion with its settings: a frozen dataclass."""

    @property
    def name(self) -> str:
        """What the journal calls it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Abilities of the machine (as ``failstatic doctor`` names them) without which it cannot run for real."""
