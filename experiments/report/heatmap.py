"""Pair × time: which pairs lost how much, when. One panel per policy, pairs grouped by where they start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.judging import windows
from experiments.judging.folder import Run
from experiments.judging.samples import Floats
from experiments.judging.story import Story
from experiments.report import lanes
from experiments.report.palette import INK, QUIET, figure, quiet_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

CELL_S = 0.25
WIDTH, PANEL = 10.0, 2.5


def draw(run: Run) -> Figure:
    stories = run.stories
    drawn = figure(WIDTH, PANEL * max(len(stories), 1) + 0.8)
    rows = drawn.subplots(max(len(stories), 1), 1, sharex=True, squeeze=False, gridspec_kw={"hspace": 0.16})[:, 0]
    image = None
    for axes, story in zip(rows, stories, strict=False):
        if len(story.samples):
            image = _panel(axes, story, drawn_colours())
        axes.set_title(story.policy, loc="left", fontsize=10, weight="bold", color=INK, pad=5)
    if image is not None:
        rows[-1].set_xlabel("seconds since the start of the run", fontsize=8.5)
        bar = drawn.colorbar(image, ax=list(rows), fraction=0.012, pad=0.015, aspect=30, shrink=0.5, anchor=(0, 1))
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.set_ticks([0, 0.5, 1], labels=["0", "50 %", "100 %"])
        bar.ax.tick_params(length=0, labelsize=8)
        bar.ax.set_title("lost", fontsize=8, color=QUIET, loc="left")
    return drawn


def drawn_colours() -> Colormap:
    """White where nothing was lost; grey where nothing is known."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("lost", ["#fbfbfa", "#f3c58f", "#d55e00", "#5c1e00"])
    colours.set_bad("#c9ced4")
    return colours


def losses(story: Story) -> tuple[Floats, list[int]]:
    """([pair, cell] share lost, NaN where nothing was sent; the pairs in order of rows)."""
    samples = lanes.as_expected(story)
    counted = windows.count(samples, np.ones(len(samples), dtype=np.bool_), story.start_s, story.end_s, CELL_S)
    share = np.divide(counted.lost, counted.sent, out=np.full(counted.sent.shape, np.nan), where=counted.known)
    place = {name: number for number, name in enumerate(story.topology.names)}
    rows = sorted(range(len(samples.pairs)), key=lambda row: tuple(place[pop] for pop in samples.pairs[row]))
    return share[rows], rows


def _panel(axes: Axes, story: Story, colours: Colormap) -> AxesImage:
    share, rows = losses(story)
    extent = (story.start_s, story.end_s, len(rows), 0)
    image = axes.imshow(share, aspect="auto", interpolation="nearest", cmap=colours, vmin=0, vmax=1, extent=extent)
    sources = [story.samples.pairs[row][0] for row in rows]
    firsts = [row for row in range(len(sources)) if row == 0 or sources[row] != sources[row - 1]]
    middles = [(first + after) / 2 for first, after in zip(firsts, [*firsts[1:], len(sources)], strict=True)]
    axes.set_yticks(middles, [f"{sources[first]} →" for first in firsts], fontsize=min(8.0, 190 / max(len(firsts), 1)))
    for first in firsts[1:]:
        axes.axhline(first, color="#ffffff", linewidth=0.7)
    for span in lanes.spans(story):
        for at_s in (span.start_s, span.end_s):
            axes.axvline(at_s, color=INK, linewidth=0.6, linestyle=(0, (1, 2)))
    quiet_axes(axes)
    return image
