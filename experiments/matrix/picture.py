"""The matrix as pictures: heat, and how many pairs were down when, a small panel per cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.faults.kind import BRAIN
from experiments.matrix import scenario
from experiments.matrix.scenario import STRUCK
from experiments.matrix.table import BEST, MEASURED, WORST, Cell, Found
from experiments.matrix.work import STEP_S
from experiments.report.heatmap import drawn_colours
from experiments.report.palette import BRAIN_GONE, INK, LINK_BROKEN, QUIET, RULE, figure, quiet_axes, series
from topology.units import parse_time_s

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABEL, CELL_WIDTH, CELL_HEIGHT, HEAD = 1.3, 1.2, 0.52, 0.7
EMPTY = "#f1f3f5"
"""Nothing is known."""
MARKS = {BEST: " ▲", WORST: " ▼", "": ""}
DARK = 0.72
"""Cells hotter than this have white words."""
Every = Mapping[tuple[str, str], Found]
Titled = tuple[str, Mapping[str, Sequence[Cell]]]
"""A table's title, and its columns by fault."""
HEAT = 0.72
"""Of the colours: the darkest would hide what the cell says."""


def heats(tables: Sequence[Titled], policies: Sequence[str]) -> Figure:
    """Tables below each other: policies down, faults across."""
    height = HEAD + 0.36 * len(policies)
    widest = max((len(columns) for _, columns in tables), default=1)
    drawn = figure(LABEL + CELL_WIDTH * widest, height * max(len(tables), 1))
    rows = max(len(tables), 1)
    panels = drawn.subplots(rows, 1, squeeze=False, gridspec_kw={"hspace": 0.3, "top": 1 - HEAD / height / rows})[:, 0]
    for axes, (title, columns) in zip(panels, tables, strict=bool(tables)):
        _heat(axes, list(columns.values()))
        axes.set_yticks(range(len(policies)), policies, fontsize=9, color=INK)
        axes.set_xticks(range(len(columns)), list(map(_two_lines, columns)), fontsize=8, color=INK)
        axes.xaxis.tick_top()
        axes.set_title(title, loc="left", fontsize=10, weight="bold", color=INK, pad=8)
        axes.tick_params(length=0)
    return drawn


def _heat(axes: Axes, columns: Sequence[Sequence[Cell]]) -> None:
    values = np.array([[np.nan if cell.heat is None else cell.heat for cell in column] for column in columns]).T
    colours = drawn_colours()
    colours.set_bad(EMPTY)
    axes.imshow(values * HEAT, aspect="auto", cmap=colours, vmin=0, vmax=1)
    for x, column in enumerate(columns):
        for y, cell in enumerate(column):
            dark = cell.heat is not None and cell.heat > DARK
            words = cell.words + MARKS[cell.mark]
            axes.text(x, y, words, ha="center", va="center", fontsize=8, color="white" if dark else INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(columns[0]) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=3)
    axes.tick_params(which="minor", length=0)


def multiples(every: Every, policies: Sequence[str], faults: Sequence[str], *, headless: bool) -> Figure:
    """Pairs down over time, a row per policy and a column per fault; fault windows shaded."""
    colours = series(policies)
    drawn = figure(LABEL + CELL_WIDTH * len(faults), HEAD + CELL_HEIGHT * len(policies))
    grid = {"hspace": 0.28, "wspace": 0.1}
    panels = drawn.subplots(len(policies), len(faults), squeeze=False, sharey=True, gridspec_kw=grid)
    for row, policy in enumerate(policies):
        for column, fault in enumerate(faults):
            axes = panels[row, column]
            _panel(axes, every[policy, fault], colours[policy], headless=headless)
            axes.tick_params(labelbottom=row == len(policies) - 1, labelleft=False, labelsize=7)
            if row == 0:
                axes.set_title(_two_lines(fault), fontsize=8, color=INK, loc="left", pad=4)
        panels[row, 0].text(-0.08, 0.5, policy, transform=panels[row, 0].transAxes, ha="right", va="center",
                            fontsize=9, weight="bold", color=colours[policy])  # fmt: skip
    panels[-1, 0].set_xlabel("seconds", fontsize=7.5, loc="left")
    return drawn


def _panel(axes: Axes, one: Found, colour: str, *, headless: bool) -> None:
    axes.set_ylim(0, 1.04)
    quiet_axes(axes)
    axes.spines["bottom"].set_color(RULE)
    if one.state != MEASURED:
        axes.set_xticks([])
        axes.text(0.5, 0.5, one.state, transform=axes.transAxes, ha="center", va="center", fontsize=8, color=QUIET)
        return
    for start_s, end_s, shade in _shades(one.fault, headless=headless):
        axes.axvspan(start_s, end_s, color=shade, linewidth=0, zorder=0)
    times = np.arange(len(one.down)) * STEP_S
    axes.fill_between(times, one.down, step="post", color=colour, alpha=0.3, linewidth=0)
    axes.step(times, one.down, where="post", color=colour, linewidth=1.0, clip_on=False)
    axes.set_xlim(0, len(one.down) * STEP_S)


def _shades(words: str, *, headless: bool) -> list[tuple[float, float, str]]:
    """Begin, end and colour of what was broken: while no brain lives, and while the fault stands."""
    tried = scenario.fault(words)
    phases = scenario.experiment(tried, headless=headless)["phases"]
    at_s = {phase["name"]: parse_time_s(phase["at"]) for phase in phases}
    fault = (at_s[STRUCK], at_s[scenario.HEALED], BRAIN_GONE if tried.aims_at == BRAIN else LINK_BROKEN)
    gone = (at_s[scenario.HEADLESS], at_s[scenario.RETURNED], BRAIN_GONE) if scenario.HEADLESS in at_s else None
    return [gone, fault] if gone else [fault]


def _two_lines(words: str) -> str:
    return words.replace("@", "\n@", 1)
