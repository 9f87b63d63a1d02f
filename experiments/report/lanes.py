"""What timeline, heat map and trust charts share: one time axis, shaded fault windows, phase names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from controller.transition import CLEAN_UP
from experiments.faults.kind import BRAIN, CONTROL_CHANNEL, ETCD, MACHINE, ORDER
from experiments.judging.attribution import configured_delay_ms
from experiments.judging.exposure import mended_s
from experiments.judging.responses import said
from experiments.judging.samples import Samples
from experiments.judging.story import Event, Story
from experiments.report.palette import BRAIN_GONE, INK, LINK_BROKEN, ORDERED, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORDS = {
    "brain.kill": "brain killed", "brain.hang": "brain hung", "brain.poweroff": "brain without power",
    "brain.slow": "brain slow", "brain.replan": "planned change",
    "push.poison": "bad push", "push.good": "push", "push.freeze": "pushes frozen",
    "etcd.kill": "store's member killed",
    "link.cut": "cut", "link.silent": "silently cut", "link.degrade": "degraded",
    "control.cut": "cut", "control.silent": "silently cut", "control.degrade": "degraded",
}  # fmt: skip


REPLAN, POISON = "brain.replan", "push.poison"
FEW = 4
"""So many names at most in a label; of more, the first two."""


@dataclass(frozen=True, slots=True)
class Span:
    """A fault while it stood."""

    label: str
    start_s: float
    end_s: float
    colour: str

    @property
    def shades(self) -> bool:
        """Whether the lanes beneath are shaded too: something is broken or away then."""
        return self.colour != ORDERED


def spans(story: Story) -> list[Span]:
    """The faults of a run with their ends; one that nothing healed stands to the end of the run."""
    begun = [event for event in story.events if not event.restores and event.began_s < story.end_s]
    return [
        Span(_label(event, story), event.began_s, min(_until(event, story), story.end_s), _colour(event))
        for event in begun
    ]


def _colour(event: Event) -> str:
    """Grey where the brain is struck, yellow where packets are; a bar alone for what harms nobody by itself."""
    if event.kind == REPLAN or event.aims_at in (ORDER, MACHINE):
        return ORDERED
    return BRAIN_GONE if event.aims_at in (BRAIN, CONTROL_CHANNEL, ETCD) else LINK_BROKEN


def _until(event: Event, story: Story) -> float:
    if event.kind == POISON:
        return mended_s(story, event.began_s)
    if event.kind == REPLAN:
        done = (float(line["t"]) for line in said(story, "programmed") if line.get("reason") == CLEAN_UP)
        return min((at_s for at_s in done if at_s > event.began_s), default=story.end_s)
    ends = (other.done_s for other in story.events if other.restores and _heals(other, event))
    return min((end_s for end_s in ends if end_s > event.began_s), default=story.end_s)


def _heals(end: Event, fault: Event) -> bool:
    """Whatever ends a fault, the journal says that the fault itself was healed: on its last targets, if bit by bit."""
    return end.kind == fault.kind and set(end.target.split(", ")) <= set(fault.target.split(", "))


def _label(event: Event, story: Story) -> str:
    words = WORDS.get(event.kind, event.kind)
    if event.control:
        everybody = len(event.control) == len(story.topology.pops)
        return f"{'all control channels' if everybody else 'control of ' + _some(event.control)} {words}"
    if event.kind == POISON:
        pops = event.target.split(", ")
        return f"{words} {'everywhere' if len(pops) == len(story.topology.pops) else 'to ' + _some(pops)}"
    return f"{_some(event.target.split(', '))} {words}" if event.links and event.kind != REPLAN else words


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= FEW else f"{', '.join(names[:2])} and {len(names) - 2} more"


def as_expected(story: Story) -> Samples:
    """The coarse probes of the run, with the time at which they should have arrived as their due time.

    So a picture shows darkness where the far end saw it: after the cause, never before.
    """
    samples = story.samples
    way_s = np.nan_to_num(configured_delay_ms(story), posinf=0.0) / 1e3
    moved = replace(samples, due_s=samples.due_s + way_s[samples.pair]).take(~samples.fine)
    return moved.take((moved.due_s >= story.start_s) & (moved.due_s < story.end_s))


def shade(axes: Axes, faults: Sequence[Span]) -> None:
    """Behind everything else; links above the brain."""
    for fault in sorted((one for one in faults if one.shades), key=lambda one: one.colour != BRAIN_GONE):
        axes.axvspan(fault.start_s, fault.end_s, color=fault.colour, linewidth=0, zorder=0)


def strip(axes: Axes, story: Story) -> None:
    """Above the lanes: phase names, and a bar per fault."""
    faults = spans(story)
    axes.set_xlim(story.start_s, story.end_s)
    axes.set_ylim(0, len(faults) + 1)
    axes.axis("off")
    for phase in story.phases:
        name = phase.name if phase.length_s > 0.04 * len(phase.name) * story.end_s / 3 else ""
        axes.text(phase.start_s, len(faults) + 0.35, f" {name}", color=QUIET, fontsize=8, va="center")
    for row, fault in enumerate(faults):
        y = len(faults) - 1 - row
        axes.barh(
            y + 0.42, fault.end_s - fault.start_s, left=fault.start_s, height=0.78, color=fault.colour, linewidth=0
        )
        axes.text(fault.start_s, y + 0.4, f" {fault.label}", color=INK, fontsize=8, va="center")


def borders(axes: Axes, story: Story) -> None:
    """A hair line where a phase begins."""
    for phase in story.phases[1:]:
        axes.axvline(phase.start_s, color="#ffffff", linewidth=1.6, zorder=1)
        axes.axvline(phase.start_s, color=QUIET, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
