"""A comparison as people read it: rows of text for the terminal and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from experiments.comparison.compare import GONE, Comparison, Row
from experiments.comparison.difference import CONFIDENCE, ENOUGH
from experiments.comparison.sample import WHOLE, Sample
from experiments.report.columns import MARKS
from experiments.report.words import MISSING, amount

VERDICTS = {
    "pass": "Nothing became worse by more than the runs scatter.",
    "fail": "Something became worse by more than the runs scatter.",
    "unknown": f"Inconclusive: at least {ENOUGH} runs on each side must be believed, and what the first set knows be "
    "known in the second.",
}
TONES = {"worse": "bad", GONE: "unsure", "better": "good", "same": "quiet", "too few runs": "unsure"}


@dataclass(frozen=True, slots=True)
class Words:
    """One row, all text."""

    word: str
    tone: str
    metric: str
    where: str
    before: str
    after: str
    change: str
    interval: str


def row_words(row: Row) -> Words:
    key, found = row.key, row.difference
    where = f"{key.policy} · {key.phase if key.phase != WHOLE else 'whole run'}"
    before, after = (amount(key.metric, median(side) if side else None) for side in (found.before, found.after))
    interval = f"{amount(key.metric, found.low)} … {amount(key.metric, found.high)}" if found.enough else MISSING
    change = amount(key.metric, found.change)
    return Words(row.word, TONES[row.word], key.metric, where, before, after, change, interval)


def page_of(comparison: Comparison, before: Sequence[Sample], after: Sequence[Sample]) -> str:
    """The whole comparison as one HTML file."""
    from experiments.comparison.picture import draw
    from experiments.report.pages import drawing, page

    context = {
        "question": before[0].question,
        "verdict": comparison.verdict,
        "words": VERDICTS[comparison.verdict],
        "marks": MARKS,
        "doubts": comparison.doubts,
        "before": [sample.run for sample in before],
        "after": [sample.run for sample in after],
        "rows": [row_words(row) for row in comparison.rows],
        "chance": f"{len(comparison.rows) * (1 - CONFIDENCE) / 2:.1f}",
        "picture": drawing(draw(comparison.rows), "comparison"),
    }
    return page("comparison.html.j2", context, folder=Path(__file__).parent)
