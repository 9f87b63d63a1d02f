"""Every run as a dot: before on the left, after on the right, the medians as bars; one small panel per number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.comparison.compare import Row
from experiments.comparison.sample import WHOLE
from experiments.report.palette import BAD, GOOD, INK, QUIET, UNSURE, figure, quiet_axes
from experiments.report.words import unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"worse": BAD, "better": GOOD, "same": QUIET, "too few runs": UNSURE}
COLUMNS, MOST = 4, 16


def draw(rows: Sequence[Row]) -> Figure:
    """The first MOST rows: the worst come first."""
    shown = rows[:MOST]
    lines = -(-len(shown) // COLUMNS)
    drawn = figure(10.0, 2.1 * lines)
    panels = drawn.subplots(lines, COLUMNS, squeeze=False, gridspec_kw={"hspace": 0.75, "wspace": 0.45}).ravel()
    for axes, row in zip(panels, shown, strict=False):
        _panel(axes, row)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    return drawn


def _panel(axes: Axes, row: Row) -> None:
    colour = COLOURS[row.word]
    for place, (values, ink) in enumerate(((row.difference.before, QUIET), (row.difference.after, colour))):
        if not values:
            continue
        spread = place + np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else [place]
        axes.plot(spread, values, "o", markersize=4, color=ink, alpha=0.75, markeredgewidth=0)
        axes.plot([place - 0.25, place + 0.25], [float(np.median(values))] * 2, color=ink, linewidth=1.8)
    quiet_axes(axes)
    axes.set_xlim(-0.5, 1.5)
    axes.set_xticks([0, 1], ["before", "after"])
    axes.set_ylabel(unit(row.key.metric), fontsize=8)
    axes.margins(y=0.25)
    where = row.key.phase if row.key.phase != WHOLE else "whole run"
    axes.set_title(f"{row.key.metric}\n{row.key.policy} · {where}", fontsize=7.5, loc="left", color=INK)
    axes.text(1.0, 1.0, row.word, transform=axes.transAxes, ha="right", va="top", fontsize=7.5, color=colour)
