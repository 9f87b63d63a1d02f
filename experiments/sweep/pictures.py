"""A sweep as pictures: distributions, survival curves, shares of variance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.report.palette import INK, QUIET, figure, quiet_axes, series
from experiments.report.words import unit
from experiments.survival.estimate import curve
from experiments.sweep.sensitivity import Effect
from experiments.sweep.topics import Topic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, WIDTH, PANEL, BAR = 2, 10.0, 2.5, 0.42
WIDE = 200.0
"""Largest over smallest positive value from which on the axis is logarithmic."""
REST = "#e4e8ec"
LEGEND_INCHES = 0.42
"""Above the axes, and their titles."""
Draw = Callable[["Axes", Topic, Mapping[str, str]], None]


@dataclass(frozen=True, slots=True)
class Bar:
    """A number with what each axis explains of its variance; ``part``: under one policy alone."""

    name: str
    effects: Sequence[Effect]
    part: bool = False


def distributions(topics: Sequence[Topic], colours: Mapping[str, str]) -> Figure:
    """Share of points with at most so much, one line per policy (the empirical distribution function)."""
    return _panels(topics, colours, _distribution)


def survivals(topics: Sequence[Topic], colours: Mapping[str, str]) -> Figure:
    """Share of points where it still lasts after so long (Kaplan-Meier), with 95 % bands."""
    return _panels(topics, colours, _survival)


def shares(bars: Sequence[Bar]) -> Figure:
    """One bar per number, in as many parts as axes explain some of its variance."""
    colours = series(list(dict.fromkeys(effect.axis for bar in bars for effect in bar.effects)))
    drawn = figure(WIDTH, BAR * len(bars) + 1.0)
    axes = drawn.subplots()
    for row, bar in enumerate(bars):
        _bar(axes, row, bar, colours)
        axes.text(-0.012, row, bar.name, ha="right", va="center", fontsize=8.5, color=QUIET if bar.part else INK)
    _legend(axes, {**colours, "together, or none of them": REST})
    axes.set_xlim(0, 1)
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_xlabel("share of the variance", fontsize=8.5)
    quiet_axes(axes)
    return drawn


def _bar(axes: Axes, row: int, bar: Bar, colours: Mapping[str, str]) -> None:
    left = 0.0
    axes.barh(row, 1.0, 0.62, color=REST)
    for effect in bar.effects:
        share = min(effect.share or 0.0, 1.0 - left)
        axes.barh(row, share, 0.62, left=left, color=colours[effect.axis])
        if share >= 0.06:
            axes.text(left + share / 2, row, f"{share:.0%}", ha="center", va="center", color="white", fontsize=8)
        left += share
    if unknown := [effect.axis for effect in bar.effects if effect.share is None]:
        words = f"{', '.join(unknown)}: too few points to tell"
        axes.text(0.992, row, words, ha="right", va="center", color=QUIET, fontsize=7.5)


def _panels(topics: Sequence[Topic], colours: Mapping[str, str], draw: Draw) -> Figure:
    rows = max(1, -(-len(topics) // COLUMNS))
    drawn = figure(WIDTH, PANEL * rows + 0.45)
    panels = drawn.subplots(rows, COLUMNS, squeeze=False, gridspec_kw={"hspace": 0.62, "wspace": 0.16}).ravel()
    for place, axes in enumerate(panels):
        if place >= len(topics):
            axes.set_axis_off()
            continue
        draw(axes, topics[place], colours)
        _frame(axes, topics[place])
    _legend(panels[0], colours, LEGEND_INCHES)
    return drawn


def _distribution(axes: Axes, topic: Topic, colours: Mapping[str, str]) -> None:
    for policy, width in _widths(topic):
        values = np.sort(topic.of(policy).values)
        share = np.append(0.0, np.arange(1, len(values) + 1) / len(values))
        axes.step(np.append(values[:1], values), share, where="post", color=colours[policy], linewidth=width)


def _survival(axes: Axes, topic: Topic, colours: Mapping[str, str]) -> None:
    end = float(topic.values.max(initial=0.0))
    for policy, width in _widths(topic):
        mine = topic.of(policy)
        found = curve(mine.values, mine.over)
        times = np.concatenate(([0.0], found.times, [end]))
        share, low, high = (np.concatenate(([1.0], side, side[-1:])) for side in (found.share, found.low, found.high))
        axes.fill_between(times, low, high, step="post", color=colours[policy], alpha=0.18, linewidth=0)
        axes.step(times, share, where="post", color=colours[policy], linewidth=width)
        still = ~mine.over
        if still.any():
            last = np.unique(mine.values[still])
            at = share[np.maximum(np.searchsorted(times, last, side="right") - 1, 0)]
            axes.plot(last, at, "|", color=colours[policy], markersize=3 + 3 * width, markeredgewidth=0.7)


def _widths(topic: Topic) -> list[tuple[str, float]]:
    """Each line thinner than the one it may lie on."""
    return [(policy, max(1.3, 3.4 - 0.9 * place)) for place, policy in enumerate(topic.policies)]


def _frame(axes: Axes, topic: Topic) -> None:
    positive = topic.values[topic.values > 0]
    if len(positive) and positive.max() / positive.min() > WIDE and not topic.metric.endswith("_pct"):
        axes.set_xscale("symlog", linthresh=float(10 ** np.floor(np.log10(positive.min()))))
        axes.minorticks_off()
    axes.set_ylim(0, 1.03)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_xlabel(unit(topic.metric), fontsize=8.5)
    axes.set_title(topic.metric, loc="left", fontsize=9.5, weight="bold", color=INK, pad=17)
    axes.text(0, 1.03, topic.phase, transform=axes.transAxes, fontsize=8, color=QUIET, va="bottom")
    axes.axhline(0.5, color=QUIET, linewidth=0.4, alpha=0.5)
    quiet_axes(axes)


def _legend(axes: Axes, colours: Mapping[str, str], above_inches: float = 0.08) -> None:
    from matplotlib.patches import Patch
    from matplotlib.transforms import ScaledTranslation

    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    raised = axes.transAxes + ScaledTranslation(0, above_inches, axes.figure.dpi_scale_trans)
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), bbox_transform=raised, ncols=6,
                frameon=False, fontsize=8.5, handlelength=1.0, borderaxespad=0.0)  # fmt: skip
