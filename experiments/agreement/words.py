"""An agreement as people read it: rows of text for the terminal and the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.agreement.compare import MEANING, Agreement, Whole
from experiments.agreement.finding import AGREE, DISAGREE, LEFT_OUT, Aspect, Finding
from experiments.judging.checks import FAIL, PASS, UNKNOWN
from experiments.judging.folder import Run
from experiments.report.columns import MARKS
from experiments.report.words import MISSING, THIN, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VERDICTS = {
    PASS: "Both backends tell the same story, within the bounds stated.",
    FAIL: "The backends disagree, and the emulated run can be believed: one of them is wrong.",
    UNKNOWN: "Inconclusive: the emulated run cannot be believed, so nothing that differs proves anything.",
}
SHOWN = 20
"""Disagreements of one aspect in the terminal; the files hold all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One aspect of one policy, all text."""

    aspect: str
    compared: str
    agree: str
    disagree: str
    left_out: str
    worst: str
    bound: str
    tone: str


def rows(one: Agreement) -> list[Row]:
    """Aspects of which there was nothing to compare are left out."""
    return [_row(aspect) for aspect in one.aspects if aspect.findings]


def _row(aspect: Aspect) -> Row:
    wrong, out = len(aspect.of(DISAGREE)), len(aspect.of(LEFT_OUT))
    worst = aspect.worst
    tone = "bad" if wrong else "unsure" if not aspect.compared else "good"
    counts = (str(aspect.compared), str(len(aspect.of(AGREE))), str(wrong), str(out) if out else "")
    if worst is None:
        return Row(aspect.name, *counts, MISSING, MISSING, tone)
    where = f"{_amount(aspect, worst.off)} ({worst.subject}, {worst.phase})" if worst.off else "0"
    return Row(aspect.name, *counts, where, _amount(aspect, worst.bound), tone)


def _amount(aspect: Aspect, value: float | None) -> str:
    if value is None:
        return MISSING
    if aspect.unit == "s":
        return f"{number(round(1e3 * value, 1))}{THIN}ms" if value < 1 else f"{value:.2f}{THIN}s"
    return f"{number(value)}{THIN}{aspect.unit}"


def sentence(aspect: str, found: Finding) -> str:
    """``dark intervals, cut: lon→ams: emulated 2.020–4.020 s, modelled not dark; off 2 (bound 0.04: two …)``."""
    emulated, modelled = found.said
    off = "" if found.off is None else f"; off {found.off:g}, bound {found.bound:g}"
    why = f" ({found.why})" if found.why else ""
    return f"{aspect}, {found.phase}: {found.subject}: emulated {emulated}, modelled {modelled}{off}{why}"


def remarks(one: Agreement) -> Iterator[tuple[str, str]]:
    """(verdict, words): why nothing is proven, then every disagreement, at most SHOWN of each aspect."""
    yield from ((UNKNOWN, f"nothing is proven: {reason}") for reason in one.reasons)
    for aspect in one.aspects:
        wrong = aspect.of(DISAGREE)
        yield from ((FAIL, sentence(aspect.name, found)) for found in wrong[:SHOWN])
        if len(wrong) > SHOWN:
            yield FAIL, f"{aspect.name}: … and {len(wrong) - SHOWN} more, in the page and agreement.json"


def page_of(whole: Whole, runs: tuple[Run, Run], picture: Figure) -> str:
    """The whole answer as one HTML file."""
    from experiments.report.pages import drawing, page

    context = {
        "whole": whole,
        "meaning": MEANING,
        "words": VERDICTS[whole.verdict],
        "marks": MARKS,
        "rows": {one.policy: rows(one) for one in whole.policies},
        "out": {one.policy: [(a.name, f) for a in one.aspects for f in a.of(LEFT_OUT)] for one in whole.policies},
        "signs": {one.policy: _signs(one) for one in whole.policies},
        "runs": [(str(run.manifest.get("backend") or ""), run.path, run.manifest.get("commit") or "") for run in runs],
        "picture": drawing(picture, "agreement"),
    }
    return page("agreement.html.j2", context, folder=Path(__file__).parent)


def _signs(one: Agreement) -> list[Finding]:
    return [found for aspect in one.aspects if aspect.name == "who noticed when" for found in aspect.findings]
