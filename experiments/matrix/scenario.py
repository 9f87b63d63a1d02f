"""The words of a fault → the standard timeline on which it is tried. Pure.

    with a brain    steady 0–4 s · struck 4–16 s · healed 16–30 s
    headless        steady 0–4 s · headless 4–10 s · struck 10–22 s · healed 22–26 s · returned 26–42 s

What strikes the brain itself is tried with a brain in both: it takes it away. A hung brain is noticed after up to
ten seconds (two inactivity probes of Open vSwitch), so faults stand for twelve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.faults import FAULTS, Repeated
from experiments.faults.kind import (
    BRAIN,
    CONTROL_CHANNEL,
    ETCD,
    LINK,
    MACHINE,
    ORDER,
    POP,
    PUSH,
    SWITCH,
)
from topology.errors import InputError

STEADY, HEADLESS, STRUCK, HEALED, RETURNED = "steady", "headless", "struck", "healed", "returned"
FIRST_S, STANDS_S, HEADLESS_S, MENDED_S, AFTER_S = 4, 12, 6, 4, 14
"""Until anything happens; how long the fault stands, how long the brain is gone before it, and the heal before the
brain; then room for a return, which may take ten seconds."""
PROBE_INTERVAL = "50 ms"
AT = "@"
ENDED_BY = {
    BRAIN: "brain.return",
    ETCD: "etcd.return",
    LINK: "link.heal",
    CONTROL_CHANNEL: "control.heal",
    POP: "pop.return",
    SWITCH: "switch.return",
    MACHINE: "machine.calm",
    PUSH: "push.rollback",
}
"""What a kind aims at → the kind that ends it."""
LASTS_NOT = frozenset({"brain.replan", "push.good", "push.freeze"})
"""Over by themselves, or until the run ends."""
USUAL = {LINK: "busiest link", CONTROL_CHANNEL: "all", POP: "busiest PoP", SWITCH: "busiest PoP"}
"""What is struck when nothing is said."""
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "link.degrade": {"extra_delay": "100 ms", "loss": "5 %"},
    "control.degrade": {"extra_delay": "500 ms"},
    "pop.overload": {"loss": "5 %"},
}
"""Of kinds that are nothing without any."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A column: a kind and what it strikes."""

    kind: str
    target: str
    words: str
    """As the user wrote it."""

    @property
    def aims_at(self) -> str:
        return str(FAULTS[self.kind].aims_at)

    @property
    def settings(self) -> dict[str, Any]:
        lasting = {"lasting": f"{STANDS_S} s"} if "lasting" in FAULTS[self.kind].settings else {}
        return {**lasting, **SETTINGS.get(self.kind, {})}

    @property
    def ended_by(self) -> str | None:
        over = issubclass(FAULTS[self.kind], Repeated) or self.kind in LASTS_NOT
        return None if over else ENDED_BY.get(self.aims_at)


def fault(words: str) -> Fault:
    """``link.cut`` or ``link.cut@lhr-iad``. Raises InputError for what is not known, and for an end of faults."""
    kind, _, target = (part.strip() for part in words.partition(AT))
    struck = FAULTS[kind]
    if kind in ENDED_BY.values():
        raise InputError(f"'{kind}' ends faults; it comes by itself after each")
    return Fault(kind, target or USUAL.get(struck.aims_at, ""), words.strip())


def impossible(tried: Fault, *, headless: bool) -> str:
    """Why it cannot be tried while no brain lives; empty when it can."""
    asks = tried.aims_at in (PUSH, ORDER)
    return "there is no brain that could obey" if headless and asks else ""


def experiment(tried: Fault, *, headless: bool) -> dict[str, Any]:
    """Phases, timeline, end and traffic of the spec."""
    alone = headless and tried.aims_at not in (BRAIN, ETCD)
    struck_s = FIRST_S + (HEADLESS_S if alone else 0)
    healed_s = struck_s + STANDS_S
    returned_s = healed_s + (MENDED_S if alone else 0)
    phases = [_phase(STEADY, 0), _phase(STRUCK, struck_s), _phase(HEALED, healed_s)]
    timeline = [_strike(struck_s, tried.kind, tried.target, tried.settings)]
    if tried.ended_by:
        target = tried.target if tried.aims_at not in (BRAIN, PUSH, ETCD) else ("all" if tried.aims_at == ETCD else "")
        timeline.append(_strike(healed_s, tried.ended_by, target))
    if alone:
        phases = [phases[0], _phase(HEADLESS, FIRST_S), *phases[1:], _phase(RETURNED, returned_s)]
        timeline = [_strike(FIRST_S, "brain.kill", "all"), *timeline, _strike(returned_s, "brain.return")]
    phases[-1] = {**phases[-1], "tables_every": "1 s"}
    traffic = {"probe_interval": PROBE_INTERVAL, "fine_pairs": 0, "bulk_flows": 0}
    return {"end": f"{returned_s + AFTER_S} s", "traffic": traffic, "phases": phases, "timeline": timeline}


def _phase(name: str, at_s: int) -> dict[str, Any]:
    return {"name": name, "at": f"{at_s} s"}


def _strike(at_s: int, kind: str, target: str = "", settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"at": f"{at_s} s", "fault": kind, "target": target}
    return {**entry, "with": dict(settings)} if settings else entry
