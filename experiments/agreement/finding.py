"""One comparison of one thing, and all comparisons of one aspect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

AGREE, DISAGREE, LEFT_OUT = "agree", "disagree", "left out"


@dataclass(frozen=True, slots=True)
class Finding:
    """What both say of one subject (a pair, a port, a fault) in one phase."""

    phase: str
    subject: str
    said: tuple[str, str]
    """By the emulated run, by the modelled one."""
    word: str = AGREE
    """``agree``, ``disagree``, or ``left out`` (not comparable: ``why``)."""
    off: float | None = None
    """By how much they differ, in the aspect's unit; None where there is no more or less."""
    bound: float | None = None
    why: str = ""
    """Where the bound comes from, or why it was left out."""


@dataclass(frozen=True, slots=True)
class Aspect:
    """Everything of one sort. ``unit`` is that of ``off`` and ``bound``."""

    name: str
    findings: tuple[Finding, ...]
    unit: str = ""

    def of(self, word: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.word == word)

    @property
    def compared(self) -> int:
        return len(self.findings) - len(self.of(LEFT_OUT))

    @property
    def worst(self) -> Finding | None:
        """The difference that fills its bound most, of all that were compared."""
        known = [finding for finding in self.findings if finding.off is not None and finding.word != LEFT_OUT]
        return max(known, key=_filled, default=None)


def _filled(finding: Finding) -> tuple[float, float]:
    off, bound = finding.off or 0.0, finding.bound or 0.0
    return (off / bound if bound else float("inf") if off else 0.0, off)


def word(agrees: bool, *, comparable: bool = True) -> str:
    return AGREE if agrees else DISAGREE if comparable else LEFT_OUT


def aspect(name: str, unit: str = "") -> Callable[[Iterable[Finding]], Aspect]:
    """``aspect("paths")(findings)``."""
    return lambda findings: Aspect(name, tuple(findings), unit)
