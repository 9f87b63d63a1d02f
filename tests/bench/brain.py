"""How long the brain thinks: all paths, bypasses and rules at once, and one link lost or back.

It is the real brain, with fast reroute, entered by its only door; what it would send is counted and
not sent. So the figure is what stands between the last switch's hello (or the port event) and the
moment when all messages are ready to go.
"""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from bench.bench import Site
from bench.figures import Figure

from controller.__main__ import collect_rarely
from controller.brain import Brain, BrainSettings
from controller.messages import BarrierReply, Command, Event, PortStatus, Program, SwitchUp, Tick
from topology.geography import BACKBONE_PATH_FACTOR, delay_ms, great_circle_km
from topology.load import load
from topology.model import Link, Topology

SIZES = (12, 30, 100, 330)
POPS, LINKS = 330, 1000
ALL_MOST_MS, CHANGE_MOST_MS = 1000.0, 100.0
CHANGES = 5
"""Links that are lost and come back, one after the other, per repetition."""
SETTINGS = BrainSettings(fast_reroute=True)


def measure(site: Site) -> Iterator[Figure]:
    yield from _topology(site, thousand_links(), "330 PoPs, 1,000 links")
    yield from _topology(site, load(f"cities:{POPS}"), f"cities:{POPS}")
    yield _growth(site)


def thousand_links() -> Topology:
    """The PoPs of ``cities:330`` and their Gabriel graph, filled up to 1,000 links with the shortest missing."""
    base = load(f"cities:{POPS}")
    joined = {frozenset(link.ends) for link in base.links}
    lengths = {
        (a.name, b.name): great_circle_km((a.lat, a.lon), (b.lat, b.lon))
        for a, b in combinations(base.pops, 2)
        if frozenset((a.name, b.name)) not in joined
    }
    links = list(base.links)
    for a, b in sorted(lengths, key=lambda pair: (lengths[pair], pair))[: LINKS - len(links)]:
        one, other = ((base.pop(name).lat, base.pop(name).lon) for name in (a, b))
        length_km = BACKBONE_PATH_FACTOR * lengths[a, b]
        links.append(Link(len(links), a, b, links[0].capacity_bps, length_km, delay_ms(one, other)))
    return replace(base, name="thousand", links=tuple(links))


def _topology(site: Site, topology: Topology, words: str) -> Iterator[Figure]:
    begun, lost, back = [], [], []
    for repetition in range(site.n):
        site.say(f"{words}, {repetition + 1} of {site.n}")
        brain, took_ms, commands = started(topology)
        begun.append(took_ms)
        chosen = random.Random(repetition).sample(topology.links, CHANGES)
        for number, link in enumerate(chosen):
            gone_ms, here_ms = _lose_and_regain(brain, link, 100.0 * (number + 1))
            lost.append(gone_ms)
            back.append(here_ms)
    note = f"{len(topology.links)} links, {_mods(commands)} rules and groups"
    yield Figure(f"brain, {words}: paths, backups, rules", "ms", begun, most=ALL_MOST_MS, note=note)
    yield Figure(f"brain, {words}: a link lost", "ms", lost, most=CHANGE_MOST_MS)
    yield Figure(f"brain, {words}: a link back", "ms", back, most=CHANGE_MOST_MS, note="first stage of three")


def started(topology: Topology) -> tuple[Brain, float, list[Command]]:
    """A brain whose switches are all programmed; how long the whole plan took (ms), and what it ordered."""
    gc.collect()
    collect_rarely()  # as the controller process does when it is about to begin
    brain = Brain(topology, SETTINGS)
    hellos = [SwitchUp(pop, frozenset(), (), dict.fromkeys(topology.ports(pop), True)) for pop in topology.names]
    for hello in hellos[:-1]:
        brain.handle(hello, 0.0)
    took_ms, commands = _timed(brain, [hellos[-1]], 0.0)
    _acknowledge(brain, commands, 0.0)
    return brain, took_ms, commands


def _lose_and_regain(brain: Brain, link: Link, now: float) -> tuple[float, float]:
    """Both ends tell, as they would; ms until all that follows at once is ready to be sent."""
    lost_ms, commands = _timed(brain, _told(brain.topology, link, False), now)
    _acknowledge(brain, commands, now)
    back_ms, commands = _timed(brain, _told(brain.topology, link, True), now + 10)
    _acknowledge(brain, commands, now + 10)
    _acknowledge(brain, brain.handle(Tick(), now + 20), now + 20)  # the clean-up, after the drain
    return lost_ms, back_ms


def _told(topology: Topology, link: Link, live: bool) -> list[Event]:
    return [PortStatus(end, topology.port(end, link), live, carrier=live) for end in link.ends]


def _timed(brain: Brain, events: Sequence[Event], now: float) -> tuple[float, list[Command]]:
    begun = time.perf_counter()
    commands = [command for event in events for command in brain.handle(event, now)]
    return 1e3 * (time.perf_counter() - begun), commands


def _acknowledge(brain: Brain, commands: Sequence[Command], now: float) -> None:
    """Answer all barriers, and those of what follows."""
    waiting = [command for command in commands if isinstance(command, Program)]
    while waiting:
        program = waiting.pop()
        answer = brain.handle(BarrierReply(program.pop, program.token), now)
        waiting += [command for command in answer if isinstance(command, Program)]


def _mods(commands: Sequence[Command]) -> int:
    return sum(len(command.mods) for command in commands if isinstance(command, Program))


def _growth(site: Site) -> Figure:
    """The slope of log time over log N: 2 would be no more than the rules themselves grow."""
    exponents, times = [], []
    for repetition in range(site.n):
        site.say(f"growth, {repetition + 1} of {site.n}")
        times = [started(load(f"cities:{size}"))[1] for size in SIZES]
        exponents.append(slope([math.log(size) for size in SIZES], [math.log(took) for took in times]))
    note = ", ".join(f"N = {size}: {took:.3g} ms" for size, took in zip(SIZES, times, strict=True))
    return Figure("brain, cities:N: growth exponent of all rules over N", "", exponents, note=note)


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Of the straight line through these points by least squares."""
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x_mean) ** 2 for x in xs)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / spread
