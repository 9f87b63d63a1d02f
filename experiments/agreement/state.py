"""What the switches held and what the faults could show: stale entries at the end of each phase, and every proof."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.agreement.finding import LEFT_OUT, Aspect, Finding, aspect, word
from experiments.agreement.twins import Twins, phase_of
from experiments.judging.story import Event, Line, Story

COUNTS = ("entries", "harmless", "longer", "blackhole", "loop", "missing")
ALL = "all switches"


def tables(twins: Twins) -> Aspect:
    """How far the tables were from the oracle's when each phase ended."""
    return aspect("stale routes", "%")(_tables(twins, phase.name) for phase, _ in twins.phases)


def _tables(twins: Twins, phase: str) -> Finding:
    emulated, modelled = (_last(story, phase) for story in twins.stories)
    if emulated is None or modelled is None:
        told = ("read" if emulated else "not read", "read" if modelled else "not read")
        return Finding(phase, ALL, told, LEFT_OUT, why="one run left it out, because it would have delayed a fault")
    waits = twins.unsettled(phase, (float(emulated["t"]), float(modelled["t"])))
    said = (_words(emulated), _words(modelled))
    off = round(abs(_stale_pct(emulated) - _stale_pct(modelled)), 4)
    why = f"{waits} may strike until then" if waits and said[0] != said[1] else "the same rules on the same network"
    return Finding(phase, ALL, said, word(said[0] == said[1], comparable=not waits), off, 0.0, why)


def _last(story: Story, phase: str) -> Line | None:
    return next((line for line in reversed(story.of("tables")) if line.get("of") == phase), None)


def _counts(line: Line) -> dict[str, int]:
    return {name: int(line.get(name) or 0) for name in COUNTS}


def _words(line: Line) -> str:
    counts = _counts(line)
    stale = [f"{counts[name]} {name}" for name in COUNTS[1:] if counts[name]]
    return f"of {counts['entries']} entries {', '.join(stale) or 'none is stale'}"


def _stale_pct(line: Line) -> float:
    counts = _counts(line)
    return 100 * sum(counts[name] for name in COUNTS[1:]) / max(counts["entries"], 1)


def proofs(twins: Twins) -> Aspect:
    """What every fault could show: whether it held, and all facts that are states rather than numbers."""
    return aspect("proofs")(_proofs(twins))


def _proofs(twins: Twins) -> Iterator[Finding]:
    for events in twins.events:
        said = (_shown(twins.emulated, events[0]), _shown(twins.modelled, events[1]))
        phase = phase_of(twins.emulated, events[0].done_s)
        yield Finding(phase, events[0].name, said, word(said[0] == said[1]))


def _shown(story: Story, event: Event) -> str:
    held = {True: "held", False: "did not hold", None: "no proof"}[event.held]
    line = _proof(story, event)
    states = {name: value for name, value in (line or {}).get("evidence", {}).items() if not _number(value)}
    return ", ".join([held, *(f"{name} {_plain(name, value)}" for name, value in states.items())])


def _proof(story: Story, event: Event) -> Line | None:
    """The first of this kind and target after the event."""
    mine = (line for line in story.of("proof") if (line["fault"], line["target"]) == (event.kind, event.target))
    return next((line for line in mine if float(line["t"]) >= event.began_s), None)


def _number(value: object) -> bool:
    """Counts and measurements differ from run to run; the fact's own judgement of them counts."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(name: str, value: object) -> str:
    """Who is elected is chance; that somebody is, is not."""
    if name.endswith("leader"):
        return "one" if value else "none"
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)
