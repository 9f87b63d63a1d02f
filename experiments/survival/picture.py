"""A study as pictures: survival curves with bands, and what the headless budgets came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.report.palette import INK, QUIET, figure, quiet_axes, series
from experiments.survival.table import UNITS_H, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, ROOM, MOST_CUTS = 3, 2.35, 12
TICKS_H = {
    "1 min": UNITS_H["min"],
    "1 h": 1.0,
    "1 d": 24.0,
    "1 month": UNITS_H["a"] / 12,
    "1 a": UNITS_H["a"],
    "10 a": 10 * UNITS_H["a"],
}


def survival(lines: Sequence[Line]) -> Figure:
    """A panel per network: the share of lives that have kept the promise so far."""
    return _panels(lines, _curves)


def budgets(lines: Sequence[Line]) -> Figure:
    """A panel per network: how many cuts each design survived, as shares of all lives."""
    return _panels([line for line in lines if line.budget_cuts.value is not None], _bars)


def _panels(lines: Sequence[Line], draw) -> Figure:  # type: ignore[no-untyped-def]
    names = list(dict.fromkeys(line.topology for line in lines))
    colours = series(list(dict.fromkeys(line.policy for line in lines)))
    rows = max(1, -(-len(names) // COLUMNS))
    drawn = figure(10.0, ROOM * rows + 0.4)
    panels = drawn.subplots(rows, COLUMNS, squeeze=False, gridspec_kw={"hspace": 0.55, "wspace": 0.22}).ravel()
    for place, axes in enumerate(panels):
        if place >= len(names):
            axes.set_axis_off()
            continue
        draw(axes, [line for line in lines if line.topology == names[place]], colours)
        quiet_axes(axes)
        axes.set_title(names[place], loc="left", fontsize=9, color=INK)
    if names:
        handles, labels = panels[0].get_legend_handles_labels()
        drawn.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0.12, 0.9 + 0.02 / rows),
            ncols=6,
            frameon=False,
            fontsize=8.5,
        )
    return drawn


def _curves(axes: Axes, lines: Sequence[Line], colours: dict[str, str]) -> None:
    horizon_h = lines[0].horizon_h
    ticks = {name: at for name, at in TICKS_H.items() if at <= horizon_h}
    for line in lines:
        curve = line.survival
        times = np.concatenate(([UNITS_H["min"]], curve.times, [horizon_h]))
        share, low, high = (np.concatenate(([1.0], side, side[-1:])) for side in (curve.share, curve.low, curve.high))
        axes.fill_between(times, low, high, step="post", color=colours[line.policy], alpha=0.22, linewidth=0)
        axes.step(times, share, where="post", color=colours[line.policy], linewidth=1.4, label=line.policy)
    axes.set_xscale("log")
    axes.set_xlim(UNITS_H["min"], horizon_h)
    axes.set_xticks(list(ticks.values()), list(ticks))
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.axhline(0.5, color=QUIET, linewidth=0.5, alpha=0.5)


def _bars(axes: Axes, lines: Sequence[Line], colours: dict[str, str]) -> None:
    width = 0.84 / len(lines)
    for place, line in enumerate(lines):
        reached = np.searchsorted(line.budget.times, np.arange(MOST_CUTS + 1), side="right")
        lasting = np.concatenate(([1.0], line.budget.share))[reached]
        ended = np.concatenate(([1.0], lasting[:-1])) - lasting
        at = np.arange(MOST_CUTS + 1) - 0.42 + width * (place + 0.5)
        axes.bar(at, ended, width, color=colours[line.policy], label=line.policy)
    axes.set_xticks(range(0, MOST_CUTS + 1, 2))
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
