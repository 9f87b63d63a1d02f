"""The agent beside the routing daemons: a route changes in a PoP's kernel, the shadow's rules follow.

One thread for all PoPs of a run. It waits for the kernels to say that something changed, lets a
burst of changes pass, asks for all routes of that PoP and writes what differs. It knows nothing of
the brain, and works while there is none. What to write is decided in ``controller.shadow``.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.shadow import Routes, abandons, by_priority, difference, fixed_rules, route_rules
from topology.errors import LabError
from topology.forwarding import FlowRule
from topology.model import Topology
from topology.replica import flowtext, frr, ovs, routes
from topology.replica.namespaces import within
from topology.replica.vswitch import try_all

QUIET_S = 0.003
"""A burst of route changes is over when so long nothing came …"""
BURST_S = 0.02
"""… or after this."""
RETRY_S = 0.5
"""What a switch has refused is tried again: it may be down, or the brain's groups not there yet."""

SETTLED_S = 1.5
"""The first routes may not be the last: some neighbours are found a hello later."""

Told = Callable[[str, int, float], None]
"""``told(pop, routes, took_ms)``: the rules of a PoP follow its routes again, so long after the kernel spoke."""


@dataclass(frozen=True, slots=True)
class _Order:
    """Routes that a switch is to follow, its rules for them, and what it is told."""

    routes: Routes
    rules: tuple[FlowRule, ...]
    lines: tuple[str, ...]


class ShadowAgent:
    """``start`` it once the switches know their brain, because telling them flushes all rules.

    After ``stop`` the rules stay.
    """

    def __init__(self, topology: Topology, rundir: Path, pids: Mapping[str, int], told: Told, delay_s: float) -> None:
        """``pids``: PoP → a process in its network namespace; ``delay_s``: ``Igp.local_delay_ms``."""
        self._delay_s = delay_s
        self._topology, self._rundir, self._pids, self._told = topology, rundir, pids, told
        self._held: dict[str, tuple[FlowRule, ...]] = dict.fromkeys(topology.names, ())
        self._changed_s = time.monotonic()
        self._routes: dict[str, Routes] = {}
        """PoP → the routes that its rules follow."""
        self._due_s: dict[str, float] = {}
        """PoP that has lost a neighbour → when its rules may follow."""
        self._refused: dict[str, str] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="shadow agent", daemon=True)

    def start(self) -> None:
        """Raises LabError."""
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        for pop, pid in self._pids.items():
            self._selector.register(routes.feed(pid), selectors.EVENT_READ, pop)
            self._refused[pop] = "not written yet"
        self._follow(self._pids, time.monotonic())
        self._thread.start()

    @property
    def refused(self) -> Mapping[str, str]:
        """PoPs whose rules do not follow their routes, and why."""
        return dict(self._refused)

    def complete(self) -> bool:
        """Whether every PoP has a route to every other, its switch the rules for them, and none has changed lately."""
        rules = 2 * (len(self._topology.pops) - 1)
        found = not self._refused and all(len(held) == rules for held in self._held.values())
        return found and time.monotonic() > self._changed_s + SETTLED_S

    def stop(self) -> None:
        """Safe to call twice, and when it was never started."""
        if self._thread.is_alive():
            self._waker.send(b"x")
            self._thread.join()
        for key in list((self._selector.get_map() or {}).values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        self._wake.close()
        self._waker.close()

    # ---------------------------------------------------------- the thread

    def _run(self) -> None:
        while True:
            ready = self._selector.select(self._patience_s())
            if any(key.data is None for key, _ in ready):
                return
            spoke_s = time.monotonic()
            pops = self._burst({key.data for key, _ in ready})
            due = [pop for pop, due_s in self._due_s.items() if due_s <= spoke_s]
            asked = {*pops, *due, *(() if ready else self._refused)}
            try:
                self._follow(asked, spoke_s)
            except OSError as error:  # no descriptor, no room: the machine's, and it may pass
                self._refused |= dict.fromkeys(asked, str(error))

    def _patience_s(self) -> float | None:
        """Until something is to be done though nothing is heard; None: for ever."""
        waits = [due_s - time.monotonic() for due_s in self._due_s.values()] + [RETRY_S] * bool(self._refused)
        return max(0.0, min(waits)) if waits else None

    def _burst(self, pops: set[str]) -> list[str]:
        """All PoPs that speak now, and those that join them before it is quiet."""
        ends_s = time.monotonic() + BURST_S
        while pops and time.monotonic() < ends_s:
            more = [key for key, _ in self._selector.select(QUIET_S) if key.data is not None]
            if not more:
                break
            for key in more:
                routes.drain(key.fileobj)  # type: ignore[arg-type]
            pops |= {key.data for key in more}
        return sorted(pops)

    def _follow(self, pops: Iterable[str], spoke_s: float) -> None:
        """Ask for the routes and write what differs: all ask, then all write, so that nobody is far behind.

        A switch that refuses is asked again later.
        """
        asked = try_all({pop: within(self._pids[pop], frr.routes_command()) for pop in sorted(pops)})
        orders = dict(filter(None, (self._order(pop, answer) for pop, answer in asked.items())))
        for pop, answer in try_all({pop: self._writing(pop, order.lines) for pop, order in orders.items()}).items():
            if isinstance(answer, LabError):
                self._refused[pop] = str(answer)
                continue
            self._refused.pop(pop, None)
            self._routes[pop] = orders[pop].routes
            self._held[pop], self._changed_s = orders[pop].rules, time.monotonic()
            self._told(pop, len(orders[pop].rules) // 2, round((time.monotonic() - spoke_s) * 1e3, 3))

    def _order(self, pop: str, answer: str | LabError) -> tuple[str, _Order] | None:
        """What its switch is to be told; None where there is nothing to tell, or no answer."""
        try:
            if isinstance(answer, LabError):
                raise answer
            known = routes.parse(answer, self._topology, pop)
        except LabError as error:
            self._refused[pop] = str(error)
            return None
        if self._waits(pop, known):
            return None
        new = route_rules(self._topology, pop, known)
        gone, added = difference(self._held[pop], new)
        # until it is known what has been written, all of it may have been
        self._held[pop] = tuple(dict.fromkeys((*self._held[pop], *new)))
        if pop in self._refused:
            return pop, _Order(known, new, (*self._foundation(pop), *_lines(gone, sorted(new, key=by_priority))))
        return (pop, _Order(known, new, tuple(_lines(gone, added)))) if gone or added else None

    def _waits(self, pop: str, known: Routes) -> bool:
        """Whether it repairs locally for now; called again when that is over."""
        if pop in self._refused or not abandons(self._routes.get(pop, {}), known):
            self._due_s.pop(pop, None)
            return False
        if time.monotonic() < self._due_s.setdefault(pop, time.monotonic() + self._delay_s):
            return True
        del self._due_s[pop]
        return False

    def _foundation(self, pop: str) -> Iterator[str]:
        """What depends on no route: the daemon's own packets, and the way into the shadow."""
        yield from frr.plumbing_flows(self._topology, pop)
        yield from map(flowtext.flow_text, fixed_rules(self._topology, pop))

    def _writing(self, pop: str, lines: Iterable[str]) -> ovs.Command:
        """Line by line, up to the first that is refused."""
        place = ovs.Place(self._rundir, pop)
        file = place.home / "shadow.flows"
        file.write_text("\n".join(lines))
        return ovs.add_flows(place, file)


def _lines(gone: Iterable[FlowRule], added: Iterable[FlowRule]) -> Iterator[str]:
    yield from (f"delete_strict {flowtext.key_text(rule)}" for rule in gone)
    yield from (f"add {flowtext.flow_text(rule)}" for rule in added)
