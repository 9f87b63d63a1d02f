"""When who noticed: each timer's first sign in both journals, event by event.

port fell        a switch says that a port of the broken link is down (carrier, or BFD's detection)
port came back   … and up again
brain told       the brain has programmed what a lost link asks for
brain listens    a returned brain is ready to be connected to
switch back      a switch greets it: since then, or since the event where it had not to start
rules expired    at the brain's own PoP: first darkness − (last refresh + the rules' life)
switches gone    the last switch holds no connection to the brain any more (seen every half second)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from experiments.agreement.bounds import BFD_UP, BFD_UP_S, EXPIRY_LAG_S, REACTION_S, START_S, attempts, attempts_s
from experiments.agreement.dark import Dark, intervals
from experiments.agreement.finding import LEFT_OUT, Aspect, Finding, aspect, word
from experiments.agreement.twins import Twins, deeds, phase_of
from experiments.judging.responses import STAMP_ERROR_S
from experiments.judging.story import Event, Line, Story
from experiments.runner import PULSE_S
from topology.model import Pair

NEVER, GONE, LISTENS = "never", "switches gone", "brain listens"
LATE = "the brain listened late, and the phase was over before this"


@dataclass(frozen=True, slots=True)
class Sign:
    """``after_s`` its event; ``bound_s`` is how far two right runs differ, ``why`` says so."""

    after_s: float
    bound_s: float
    why: str


Signs = Mapping[tuple[str, str], Sign]
"""(phase, what of whom) → sign."""


def compare(twins: Twins) -> Aspect:
    """One finding per sign that either journal has."""
    sides = [signs(twins, story) for story in twins.stories]
    found = [
        _finding(placed, *(side.get(placed) for side in sides)) for placed in dict.fromkeys([*sides[0], *sides[1]])
    ]
    late = {one.phase for one in found if one.subject == LISTENS and one.word == LEFT_OUT}
    return aspect("who noticed when", "s")(
        replace(one, word=LEFT_OUT, why=LATE) if one.phase in late and NEVER in one.said else one for one in found
    )


def _finding(placed: tuple[str, str], emulated: Sign | None, modelled: Sign | None) -> Finding:
    said = (_words(emulated), _words(modelled))
    if emulated is None or modelled is None:
        if placed[1] == GONE:
            return Finding(
                *placed, said, LEFT_OUT, why=f"seen every {PULSE_S:g} s only, and not while a proof is taken"
            )
        return Finding(*placed, said, word(False), why="only one of them noticed")
    off_s = abs(emulated.after_s - modelled.after_s)
    agrees, why = off_s <= emulated.bound_s, emulated.why
    if placed[1] == LISTENS and not agrees:
        why = f"the machine starts a brain, not the design; {why}"
    told = word(agrees, comparable=placed[1] != LISTENS)
    return Finding(*placed, said, told, round(off_s, 6), round(emulated.bound_s, 6), why)


def _words(sign: Sign | None) -> str:
    return f"{sign.after_s:.3f} s" if sign else NEVER


def signs(twins: Twins, story: Story) -> Signs:
    """Every sign of one journal. One that would come after the next event may be missing there, and is left out."""
    found: dict[tuple[str, str], Sign] = {}
    asked = deeds(story)
    for number, event in enumerate(asked):
        until_s = min((e.began_s for e in asked[number + 1 :] if _again(e, event)), default=story.end_s)
        phase = phase_of(story, event.done_s)
        for what, sign in _signs(twins, story, event, until_s):
            found.setdefault((phase, what), sign)
    return found


def _again(other: Event, event: Event) -> bool:
    """What follows the other is no longer the event's own doing: the same target, or both about who hears the brain."""
    if not other.links and not event.links:
        return True
    return other.target == event.target or bool(set(other.links) & set(event.links))


def _signs(twins: Twins, story: Story, event: Event, until_s: float) -> Iterator[tuple[str, Sign]]:
    if event.links:
        yield from _ports(twins, story, event, until_s)
        if not event.restores:
            yield from _told(twins, story, event, until_s)
    elif event.restores:
        yield from _back(twins, story, event, until_s)
    else:
        yield from _expired(twins, story, event)
        yield from _gone(story, event, until_s, twins.design.probe_s)


def _ports(twins: Twins, story: Story, event: Event, until_s: float) -> Iterator[tuple[str, Sign]]:
    """Not those of a switch that goes down itself: whether it tells of them before is a matter of milliseconds."""
    seen: set[tuple[str, int]] = set()
    silent = () if event.restores else event.pops
    for line in _between(story, "port", event.began_s, until_s):
        place = (str(line["pop"]), int(line["port"]))
        mine = line.get("link") in event.links and bool(line["live"]) == event.restores
        if not mine or place[0] in silent or place in seen:
            continue
        seen.add(place)
        bound_s, why = _port_bound(twins, event, str(line.get("cause")))
        words = "came back" if event.restores else "fell"
        cause = f" ({line.get('cause')})"
        yield f"port {place[1]} of {place[0]} {words}{cause}", Sign(line["t"] - event.began_s, bound_s, why)


def _port_bound(twins: Twins, event: Event, cause: str) -> tuple[float, str]:
    if event.restores and twins.design.bfd_s:
        return BFD_UP_S, BFD_UP
    if cause == "bfd":
        interval_s = twins.design.bfd_s
        return interval_s + STAMP_ERROR_S, "one BFD interval: when the last packet came (RFC 5880 §6.8.4), and stamps"
    return STAMP_ERROR_S, "carrier: 2–6 ms measured; stamps of different processes"


def _told(twins: Twins, story: Story, event: Event, until_s: float) -> Iterator[tuple[str, Sign]]:
    lines = _between(story, "brain", event.began_s, until_s)
    done = next((line for line in lines if line.get("what") == "programmed" and line.get("reason") == "failure"), None)
    if done is not None:
        interval_s = twins.design.bfd_s
        why = f"a living brain's reaction, ≤ {REACTION_S * 1e3:.0f} ms on an idle machine; one BFD interval"
        yield "brain told", Sign(done["t"] - event.began_s, interval_s + REACTION_S + STAMP_ERROR_S, why)


def _back(twins: Twins, story: Story, event: Event, until_s: float) -> Iterator[tuple[str, Sign]]:
    """When the brain listens; and the first greeting of each switch, since then if it had to start."""
    lines = _between(story, "brain", event.began_s, until_s)
    ready = next((float(line["t"]) for line in lines if line.get("what") == "ready"), None)
    if ready is not None:
        why = "0.4–0.6 s on two idle cores, 1.2–1.6 s beside switches that carry probes: both measured"
        yield LISTENS, Sign(ready - event.began_s, START_S, why)
    since_s, words = (event.began_s, "") if ready is None else (ready, ", after the brain listens")
    bound_s = attempts_s(twins.design, twins.round_trip_s) + STAMP_ERROR_S
    seen: set[str] = set()
    for line in lines:
        if line.get("what") == "hello" and line["pop"] not in seen:
            seen.add(str(line["pop"]))
            yield f"switch {line['pop']} back{words}", Sign(line["t"] - since_s, bound_s, attempts(twins.design))


def _expired(twins: Twins, story: Story, event: Event) -> Iterator[tuple[str, Sign]]:
    """At the brain's own PoP, which hears a refresh, and whose answer is heard, without delay."""
    home, life_s = story.topology.brain, twins.design.guard_s
    if (event.control and home not in event.control) or twins.design.igp_detection_s:
        return  # it heard on; or others' routes take over, and nothing goes dark
    lines = _between(story, "brain", story.start_s, event.began_s + life_s)
    applied = [float(line["t"]) for line in lines if line.get("what") == "applied" and line["pop"] == home]
    dark_s = [d.start_s for p, d in _all_dark(story) if p[0] == home and d.start_s >= event.began_s]
    if life_s and applied and dark_s:
        after_s = min(dark_s) - applied[-1] - life_s
        why = f"Open vSwitch expires rules up to {EXPIRY_LAG_S:g} s late (max-revalidator); two probe intervals"
        yield f"rules of {home} expired, after their life", Sign(after_s, EXPIRY_LAG_S + twins.resolution_s, why)


def _all_dark(story: Story) -> Iterator[tuple[Pair, Dark]]:
    return ((pair, dark) for pair, found in intervals(story).items() for dark in found)


def _gone(story: Story, event: Event, until_s: float, probe_s: float) -> Iterator[tuple[str, Sign]]:
    pulses = [line for line in _between(story, "pulse", event.began_s, until_s) if line.get("connected") is not None]
    gone = next((line for line in pulses if line["connected"] == 0), None)
    if gone is not None:
        why = f"inactivity probe: between one and two intervals of {probe_s:g} s; seen every {PULSE_S:g} s"
        quick = gone["t"] - event.began_s < probe_s
        bound_s = 2 * PULSE_S if quick else probe_s + 2 * PULSE_S
        yield GONE, Sign(gone["t"] - event.began_s, bound_s, why)


def _between(story: Story, event: str, from_s: float, until_s: float) -> list[Line]:
    return [line for line in story.of(event) if from_s <= float(line["t"]) < until_s]
