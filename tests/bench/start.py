"""From nothing to every pair answering with all rules in, and from there to nothing again; beside stock Mininet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from bench import stock
from bench.bench import Site
from bench.figures import Figure
from bench.holding import Facts, holding, told

from experiments.labs.emulated import EmulatedLab, Outfit
from experiments.policies import policy
from topology.errors import LabError
from topology.load import load
from topology.replica.inside import Inside
from topology.replica.vswitch import wait_for

TOPOLOGY = "edge12"
START_MOST_S, STOP_MOST_S = 4.0, 1.0
DEADLINE_S = 60.0
GRACE_S = 20.0


def measure(site: Site) -> Iterator[Figure]:
    ours: list[float] = []
    for name, grace_s, words in (("fail-static", 0.0, "killed"), ("fast-reroute", GRACE_S, "closed in good order")):
        starts, stops, steps = [], [], ""
        for repetition in range(site.n):
            site.say(f"{name}, {repetition + 1} of {site.n}")
            took_s, stop_s, steps = _life(site, name, grace_s)
            starts.append(took_s)
            stops.append(stop_s)
        yield Figure(f"{TOPOLOGY}, {name}: from nothing to ready", "s", starts, most=START_MOST_S, note=steps)
        yield Figure(f"{TOPOLOGY}, {name}: tear-down, {words}", "s", stops, most=STOP_MOST_S)
        ours = ours or [median(starts), median(stops)]
    for kind in stock.kinds(site.machine):
        yield from _stock(site, kind, *ours)


def _life(site: Site, name: str, grace_s: float) -> tuple[float, float, str]:
    """(seconds to start, seconds to end, what the start was made of)."""
    begun = time.monotonic()
    with holding(site, f"start-{name}", lambda inside: _build(site, name, inside), DEADLINE_S) as (sandbox, facts):
        took_s = facts["ready_s"] - max(begun, facts["forked_s"])
        ending = time.monotonic()
        sandbox.stop(grace_s=grace_s)
        return took_s, time.monotonic() - ending, facts["steps"]


def _build(site: Site, name: str, inside: Inside) -> tuple[Facts, Callable[[], object]]:
    """In the sandbox: the lab as a run builds it. Ready is: every pair answered, and every barrier is back."""
    journal: list[dict[str, Any]] = []
    record = lambda event, **data: journal.append({"event": event, "at_s": time.monotonic(), **data})  # noqa: E731
    topology = load(TOPOLOGY)
    lab = EmulatedLab(
        topology,
        policy(name),
        inside=inside,
        outfit=Outfit(site.machine),
        record=record,
        folder=inside.rundir,
    )
    lab.build()
    built_s = time.monotonic()
    wait_for(lambda: len(_programmed(journal)) == len(topology.pops), DEADLINE_S, "all rules")
    converged = next(line for line in journal if line["event"] == "converged")
    if converged["silent_pairs"]:
        raise LabError(f"{converged['silent_pairs']} pairs do not answer")
    steps = ", ".join(f"{line['step']} {line['took_s']:.2f}" for line in journal if line["event"] == "build")
    return {"ready_s": max(built_s, *_programmed(journal)), "steps": steps}, lab.close


def _programmed(journal: list[dict[str, Any]]) -> list[float]:
    """When each switch's first programme was in force."""
    return [
        line["at_s"] for line in list(journal) if line.get("what") == "programmed" and line["reason"] == "reconcile"
    ]


def _stock(site: Site, kind: str, our_start_s: float, our_stop_s: float) -> Iterator[Figure]:
    """Once: it takes a minute."""
    site.say(f"stock Mininet, {kind}: about a minute, for the spanning tree")
    facts = told(site, f"stock-{kind}", lambda inside: stock.live(inside, site.machine, kind, TOPOLOGY), 300.0)
    words = f"stock Mininet ({kind}) and Ryu's STP switch"
    note = json.dumps(facts["steps"]).translate(str.maketrans("", "", '{}"'))
    yield Figure(f"{TOPOLOGY}, {words}: to every pair answering", "s", [facts["ready_s"]], note=note)
    yield Figure(f"{TOPOLOGY}, {words}: net.stop()", "s", [facts["stop_s"]])
    yield Figure(f"start: {words} / ours", "times", [facts["ready_s"] / our_start_s])
    yield Figure(f"tear-down: {words} / ours", "times", [facts["stop_s"] / our_stop_s])
