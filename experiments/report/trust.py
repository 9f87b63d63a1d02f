"""Measured − configured delay on control pairs, second by second: the fidelity figure as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.judging.folder import Run
from experiments.report import lanes
from experiments.report.palette import BAD, INK, QUIET, figure, quiet_axes, series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LANE = 10.0, 0.95


def draw(run: Run, fidelity: Mapping[str, Any]) -> Figure:
    """``fidelity`` is that part of the summary."""
    names = [story.policy for story in run.stories]
    colours = series(names)
    drawn = figure(WIDTH, LANE * max(len(names), 1) + 0.9)
    rows = drawn.subplots(max(len(names), 1), 1, sharex=True, sharey=True, squeeze=False, gridspec_kw={"hspace": 0.3})[
        :, 0
    ]
    for axes, story in zip(rows, run.stories, strict=False):
        lanes.shade(axes, lanes.spans(story))
        _lane(axes, fidelity["policies"][story.policy], story.start_s, colours[story.policy], fidelity["bounds"])
        axes.set_xlim(story.start_s, story.end_s)
        axes.text(
            1.008, 0.1, story.policy, transform=axes.transAxes, color=colours[story.policy], weight="bold", va="center"
        )
    if names:
        rows[0].set_title(
            "ms, control pairs: median and 99th percentile of each second", loc="left", fontsize=8.5, color=INK
        )
        rows[-1].set_xlabel("seconds since the start of the run", fontsize=8.5)
    return drawn


def _lane(axes: Axes, figures: Mapping[str, Any], start_s: float, colour: str, bounds: Mapping[str, float]) -> None:
    seconds = figures["seconds"]
    middles = [start_s + place + 0.5 for place in range(len(seconds["p50_ms"]))]
    axes.plot(middles, _gaps(seconds["p99_ms"]), color=colour, linewidth=1.0, alpha=0.6, marker=".", markersize=3)
    axes.plot(middles, _gaps(seconds["p50_ms"]), color=colour, linewidth=1.6)
    axes.axhline(bounds["delay_error_p99_ms"], color=BAD, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.axhline(0, color=QUIET, linewidth=0.6)
    known = [value for value in seconds["p99_ms"] if value is not None]
    axes.set_ylim(top=max(1.15 * bounds["delay_error_p99_ms"], 1.1 * max(known, default=0.0)))
    axes.text(1.008, bounds["delay_error_p99_ms"], "bound of p99", color=BAD, fontsize=7.5, va="center",
              transform=axes.get_yaxis_transform())  # fmt: skip
    quiet_axes(axes)


def _gaps(values: list[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
