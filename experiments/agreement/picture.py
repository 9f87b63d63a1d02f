"""Dark intervals of both backends side by side: a lane per pair, packets above, model below; one panel per policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.agreement.compare import Whole
from experiments.agreement.dark import Dark, intervals
from experiments.agreement.finding import DISAGREE
from experiments.agreement.twins import Twins
from experiments.report import lanes
from experiments.report.palette import BAD, INK, QUIET, SERIES, figure, quiet_axes
from topology.model import Pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LANE, PANEL = 10.0, 0.17, 0.75
MOST = 36
"""Pairs of one policy; more would not be told apart."""
EMULATED, MODELLED = SERIES[0], SERIES[1]
Lanes = list[tuple[Pair, tuple[list[Dark], list[Dark]]]]


def draw(twins: Sequence[Twins], whole: Whole) -> Figure:
    """Policies below one another, on the same axis of time."""
    chosen = [_lanes(one, _wrong(whole, one.policy)) for one in twins]
    heights = [PANEL + LANE * max(len(found), 1) for found in chosen] or [PANEL]
    drawn = figure(WIDTH, sum(heights) + 0.6)
    panels = drawn.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights, "hspace": 0.12}
    )[:, 0]
    for axes, one, found in zip(panels, twins, chosen, strict=False):
        _panel(axes, one, found, _wrong(whole, one.policy))
    panels[-1].set_xlabel("seconds since the start of the run", fontsize=8.5)
    return drawn


def _wrong(whole: Whole, policy: str) -> frozenset[str]:
    """Pairs that disagree in any aspect, as ``a→b``."""
    found = (one for one in whole.policies if one.policy == policy)
    return frozenset(f.subject for one in found for aspect in one.aspects for f in aspect.of(DISAGREE))


def _lanes(twins: Twins, wrong: frozenset[str]) -> Lanes:
    """What disagrees first, then who was dark longest; the picture has an end, agreement.json has none."""
    emulated, modelled = (intervals(story) for story in twins.stories)
    dark = [pair for pair in twins.pairs if pair in emulated or pair in modelled]
    found = {pair: (emulated.get(pair, []), modelled.get(pair, [])) for pair in dark}

    def rank(pair: Pair) -> tuple[bool, float, Pair]:
        return ("→".join(pair) not in wrong, -sum(one.length_s for side in found[pair] for one in side), pair)

    return [(pair, found[pair]) for pair in sorted(dark, key=rank)[:MOST]]


def _panel(axes: Axes, twins: Twins, found: Lanes, wrong: frozenset[str]) -> None:
    lanes.shade(axes, lanes.spans(twins.emulated))
    for row, (_, sides) in enumerate(found):
        for side, colour, y in zip(sides, (EMULATED, MODELLED), (row - 0.2, row + 0.2), strict=True):
            spans = [(one.start_s, one.length_s) for one in side]
            axes.broken_barh(spans, (y - 0.17, 0.34), facecolors=colour, linewidth=0, zorder=2)
    axes.set_xlim(twins.emulated.start_s, twins.emulated.end_s)
    axes.set_ylim(max(len(found), 1) - 0.5, -0.5)
    labels = ["→".join(pair) for pair, _ in found]
    axes.set_yticks(range(len(found)), labels, fontsize=6.5)
    for tick, label in zip(axes.get_yticklabels(), labels, strict=True):
        tick.set_color(BAD if label in wrong else QUIET)
    quiet_axes(axes)
    axes.set_title(twins.policy, loc="left", fontsize=10, weight="bold", color=INK, pad=5)
    if found:
        for x, colour, words in ((0.86, EMULATED, "emulated"), (0.93, MODELLED, "modelled")):
            axes.text(x, 1.0, words, transform=axes.transAxes, color=colour, fontsize=8, va="bottom", weight="bold")
    else:
        axes.text(0.5, 0.5, "no pair was dark in either run", transform=axes.transAxes, color=QUIET, ha="center")
