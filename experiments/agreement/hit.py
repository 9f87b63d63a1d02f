"""Whom each phase hit: the pairs that lost probes in it are the same, as far as the bounds of borders allow.

A pair that was dark in a phase for longer than the borders of that darkness are uncertain must have lost something
in the other run's phase too; a shorter piece may have fallen to the phase before or after, or have been none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from experiments.agreement.dark import Dark, Matches
from experiments.agreement.finding import Aspect, Finding, aspect, word
from experiments.agreement.losses import PlacedPair
from experiments.agreement.twins import Twins
from experiments.judging.attribution import phase_numbers
from experiments.judging.story import Phase, Story

HIT, SPARED = "hit", "not hit"


def compare(twins: Twins, found: Matches, lossy: Collection[PlacedPair]) -> Aspect:
    """One finding per phase and pair that either run hit."""
    hit = [_hit(story) for story in twins.stories]
    sure = [set(_sure(twins, found, side)) | set(lossy) for side in (0, 1)]
    everyone = sorted(set(hit[0]) | set(hit[1]))
    return aspect("pairs hit")(
        _finding(placed, [placed in side for side in hit], [placed in side for side in sure]) for placed in everyone
    )


def _finding(placed: PlacedPair, hit: list[bool], sure: list[bool]) -> Finding:
    (src, dst), phase = placed
    agrees = hit[0] == hit[1] or not (sure[0] if hit[0] else sure[1])
    why = "" if hit[0] == hit[1] else "dark for no longer than its borders are uncertain"
    said = (HIT if hit[0] else SPARED, HIT if hit[1] else SPARED)
    return Finding(phase, f"{src}→{dst}", said, word(agrees), why=why)


def _hit(story: Story) -> set[PlacedPair]:
    """Pairs with a lost coarse probe that belongs to the phase."""
    samples, number = story.samples, phase_numbers(story)
    lost = samples.lost & ~samples.fine & (number >= 0)
    rows = np.unique(np.stack([samples.pair[lost], number[lost]], axis=1), axis=0)
    return {(samples.pairs[pair], story.phases[place].name) for pair, place in rows.tolist()}


def _sure(twins: Twins, found: Matches, side: int) -> Iterator[PlacedPair]:
    story = twins.stories[side]
    for pair, matched in found.items():
        for one in matched:
            dark = one.emulated if side == 0 else one.modelled
            if dark is not None:
                yield from ((pair, phase.name) for phase in story.phases if _within_s(dark, phase) > one.bound.s)


def _within_s(dark: Dark, phase: Phase) -> float:
    return min(dark.end_s, phase.end_s) - max(dark.start_s, phase.start_s)
