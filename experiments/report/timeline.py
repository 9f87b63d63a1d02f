"""Pairs down over time, as the far ends saw it: one lane per policy on the same axes, fault windows shaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.judging.folder import Run
from experiments.judging.samples import Floats
from experiments.judging.story import Story
from experiments.report import lanes
from experiments.report.palette import INK, QUIET, figure, quiet_axes, series
from experiments.report.words import amount

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LANE, TOP = 10.0, 1.15, 0.26


def draw(run: Run) -> Figure:
    """The whole comparison at a glance."""
    stories, colours = run.stories, series([story.policy for story in run.stories])
    faults = max((len(lanes.spans(story)) for story in stories), default=0)
    heights = [TOP * (faults + 1.2), *[LANE] * max(len(stories), 1)]
    drawn = figure(WIDTH, sum(heights) + 0.7)
    rows = drawn.subplots(len(heights), 1, gridspec_kw={"height_ratios": heights, "hspace": 0.16})
    if not stories:
        return drawn
    lanes.strip(rows[0], stories[0])
    for axes, story in zip(rows[1:], stories, strict=True):
        _lane(axes, story, colours[story.policy], first=story is stories[0], last=story is stories[-1])
    return drawn


def pairs_down(story: Story) -> tuple[Floats, Floats]:
    """(times, how many pairs lost the probe that should have arrived then), a value per probe interval."""
    samples, delta_s = lanes.as_expected(story), story.interval_s
    times = np.arange(story.start_s, story.end_s, delta_s)
    place = ((samples.due_s[samples.lost] - story.start_s) / delta_s).astype(np.int64)
    return times, np.bincount(np.minimum(place, len(times) - 1), minlength=len(times)).astype(np.float64)


def _lane(axes: Axes, story: Story, colour: str, *, first: bool, last: bool) -> None:
    times, down = pairs_down(story)
    pairs = len(story.samples.pairs)
    lanes.shade(axes, lanes.spans(story))
    lanes.borders(axes, story)
    axes.fill_between(times, down, step="post", color=colour, alpha=0.26, linewidth=0, zorder=2)
    axes.step(times, down, where="post", color=colour, linewidth=1.3, zorder=3, clip_on=False)
    axes.set_xlim(story.start_s, story.end_s)
    axes.set_ylim(0, max(pairs, 1) * 1.04)
    axes.set_yticks([0, pairs])
    quiet_axes(axes)
    axes.tick_params(labelbottom=last)
    axes.text(1.008, 0.97, story.policy, transform=axes.transAxes, color=colour, fontsize=10, weight="bold", va="top")
    axes.text(
        1.008, 0.72, _words(story, down), transform=axes.transAxes, color=QUIET, fontsize=8, va="top", linespacing=1.45
    )
    if last:
        axes.set_xlabel("seconds since the start of the run", fontsize=8.5)
    if first:
        axes.set_title(f"pairs down, of {pairs}", loc="left", fontsize=8.5, color=INK, pad=4)


def _words(story: Story, down: Floats) -> str:
    """What the lane says, in figures: a spike of one interval is easily overlooked."""
    if not len(story.samples):
        return "no probes"
    peak, hole = min(int(down.max(initial=0)), len(story.samples.pairs)), float(down.sum() * story.interval_s)
    outcome, _ = story.outcome
    ending = "" if outcome == "complete" else f"\nrun {outcome}"
    return f"at most {peak} at once\n{amount('blackhole_pair_s', hole)}{ending}"
