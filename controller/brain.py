"""The brain: a pure machine from events and time to commands. No clock, no socket, no Ryu.

    gather      wait until every switch has been read back (or ``settle_s`` have passed): a
                brain that returns must know the network before it changes it
    reconcile   send each switch only what differs from the plan, the heartbeat rules last
                (other ways to come back: ``controller.memory``)
    react       a link lost: change what it touches, at once;
                a link back: make before break, in the order in which nothing loops
    refresh     keep the heartbeat rules alive, on reconciled switches only

Link state comes from the switches alone (``controller.linkstate``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from controller import memory as memories
from controller import paths as shortest_paths
from controller import unknown as beliefs
from controller.batches import Batches
from controller.linkstate import LinkState
from controller.messages import (
    AddFlow,
    BarrierReply,
    Command,
    Event,
    Mod,
    Note,
    Ordered,
    PortStatus,
    SwitchDown,
    SwitchUp,
    Tick,
)
from controller.orders import Replan
from controller.paths import METRICS, Costs
from controller.pipeline import Plan, Tables, heartbeat_rules, same_tables
from controller.planner import Planner, View
from controller.rollout import Rollout
from controller.settings import BrainSettings
from controller.transition import CLEAN_UP, SWITCH_OVER, Change, Holdings, Stage, clean_up, difference, stages
from topology import labels
from topology.forwarding import FlowRule
from topology.model import Topology

__all__ = ["Brain", "BrainSettings"]


class Brain:
    """One brain for a whole topology; ``handle`` is its only entrance."""

    def __init__(self, topology: Topology, settings: BrainSettings, memory: str = memories.RECONCILE) -> None:
        """``memory``: how it begins. Raises InputError for an unknown one."""
        self.topology, self.settings = topology, settings
        self.memory = memories.known(memory)
        self._planner = Planner(topology, settings, memory)
        self.pops = self._planner.pops
        """Whose switches it programs."""
        self._unwiped = set(self.pops) if memory == memories.WIPE else set()
        self._believed_until = float("-inf")
        self.plan: Plan | None = None
        self._wanted: dict[str, Tables] = {}
        self.links = LinkState(topology, settings.settle_s)
        self._holdings: dict[str, Holdings] = {}
        self._reconciled: set[str] = set()
        self._first_up: float | None = None
        self._refreshed = float("-inf")
        self._batches = Batches()
        self.rollout = Rollout(topology, self.pops, lambda: self.plan.version if self.plan else 0)
        self._metric = Costs()
        self._stages: list[tuple[str, Stage]] = []
        self._awaited: set[int] = set()
        """Tokens of what the next stage waits for."""
        self._stage_due = 0.0
        self._former: Plan | None = None
        """The plan before the present update, if it had the other version of the labels."""
        self._put_off: tuple[View, frozenset[str]] | None = None
        """The last view in which an update was put off, and who was out of sight then."""

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take one event at time ``now`` (s, any monotonic clock); return what is to be sent."""
        match event:
            case SwitchUp():
                commands = self._switch_up(event, now)
            case SwitchDown(pop):
                commands = self._switch_down(pop, now)
            case PortStatus():
                self.links.port(event)
                commands = self._links_changed(now)
            case BarrierReply(pop, token):
                commands = self._acknowledged(pop, token, now)
            case Tick():
                commands = self._tick(now)
            case Ordered(order):
                commands = self._replan(order, now) if isinstance(order, Replan) else iter(())
            case _:
                return []  # who leads is no question where there is one brain
        return [*commands, *self.rollout.handle(event, now)]

    def wanted(self, pop: str) -> Tables:
        """What the switch at ``pop`` should hold by the present plan."""
        assert self.plan is not None
        found = self._wanted.get(pop)
        if found is None:
            found = self._wanted[pop] = self._planner.tables(self.plan, pop)
        return found

    # ---------------------------------------------------------- events

    def _switch_up(self, event: SwitchUp, now: float) -> Iterator[Command]:
        self._first_up = now if self._first_up is None else self._first_up
        self.links.connected(event, now)
        self._holdings[event.pop] = Holdings.read_back(event.cookies, event.groups)
        if self.plan is None:
            yield from self._gather(now)
        else:
            yield from self._links_changed(now)
            yield from self._reconcile([event.pop], now)

    def _switch_down(self, pop: str, now: float) -> Iterator[Command]:
        self.links.disconnected(pop)
        self._holdings.pop(pop, None)
        self._reconciled.discard(pop)
        for token in self._batches.tokens():
            yield from self._acknowledged(pop, token, now)

    def _tick(self, now: float) -> Iterator[Command]:
        if self.plan is None:
            yield from self._gather(now)
            return
        yield from self._links_changed(now)
        yield from self._next_stage(now)
        yield from self._refresh(now)

    # ---------------------------------------------------------- gather, reconcile, refresh

    def _gather(self, now: float) -> Iterator[Command]:
        """Plan for the first time, once the whole network is in view or waiting is over."""
        complete = len(self._holdings) == len(self.pops)
        if self._first_up is None or not (complete or now >= self._first_up + self.settings.settle_s):
            return
        plan = self._planner.plan(self._remembered(now), 0, None)
        self._adopt(max(plan, replace(plan, version=1), key=self._in_use))
        found = {"switches": len(self._holdings), "dead": sorted(plan.paths.dead), "memory": self.memory}
        yield Note("gathered", found)
        yield from self._reconcile(list(self._holdings), now)

    def _remembered(self, now: float) -> View:
        """What to begin with: what the switches report, or an old snapshot."""
        if self.memory != memories.STALE:
            return self._view(now)
        self._believed_until = now + self.settings.stale_s
        return View(frozenset(), self._metric)

    def _in_use(self, plan: Plan) -> int:
        """How many rules of ``plan`` the switches hold already: coming back is no reason for a new version."""
        return sum(
            len(held.flows.keys() & self._planner.tables(plan, pop).flows.keys())
            for pop, held in self._holdings.items()
            if held.flows
        )

    def _reconcile(self, pops: Sequence[str], now: float) -> Iterator[Command]:
        kept = memories.remaining((self._holdings[pop], self.wanted(pop)) for pop in pops)
        if kept < self.settings.least_kept:
            yield Note("refused", {"switches": len(pops), "kept_pct": round(100 * kept, 1)})
            return
        for pop in pops:
            if pop in self._unwiped:
                yield from self._wipe(pop, now)
            else:
                yield from self._correct(pop, now)

    def _correct(self, pop: str, now: float) -> Iterator[Command]:
        held, wanted = self._holdings[pop], self.wanted(pop)
        change, joins = difference(held, wanted), self._outgoing is not None
        mods = self._join(pop, change) if joins else change.at_once
        self._holdings[pop] = held.after(mods, wanted) if joins else Holdings.of(wanted)
        self._reconciled.add(pop)
        yield Note("reconciling", {"pop": pop, "mods": len(mods)})
        yield from self._batches.send({pop: mods}, "reconcile", now)
        if joins:
            self._await_newest()

    def _join(self, pop: str, change: Change) -> tuple[Mod, ...]:
        """What a switch that is back while labels of two versions are in use is told now; the rest, with the others."""
        later = {SWITCH_OVER: change.switch_over, CLEAN_UP: change.clean_up}
        left = [(reason, {**stage, pop: later.get(reason, ())}) for reason, stage in self._stages]
        self._stages = left if left[-1][0] == CLEAN_UP else [*left, (CLEAN_UP, {pop: change.clean_up})]
        moves_later = any(reason == SWITCH_OVER for reason, _ in self._stages)
        return change.prepare if moves_later else (*change.prepare, *change.switch_over)

    def _wipe(self, pop: str, now: float) -> Iterator[Command]:
        """Delete all that is ours; what belongs there is sent when the switch has answered."""
        self._unwiped.discard(pop)
        mods = difference(self._holdings[pop], memories.NOTHING).at_once
        if not mods:
            yield from self._correct(pop, now)
            return
        self._holdings[pop] = Holdings.of(memories.NOTHING)
        yield Note("wiping", {"pop": pop, "mods": len(mods)})
        yield from self._batches.send({pop: mods}, "wipe", now)

    def _refresh(self, now: float) -> Iterator[Command]:
        due = self.settings.guard_timeout_s and now >= self._refreshed + self.settings.refresh_s
        if self.plan and due and self.memory != memories.EMPTY:
            self._refreshed = now
            plans = [plan for plan in (self._outgoing, self.plan) if plan]
            mods: Stage = {pop: _heartbeat(plans, pop) for pop in sorted(self._reconciled)}
            yield from self._batches.send(mods, "refresh", now)

    # ---------------------------------------------------------- link changes

    def _links_changed(self, now: float) -> Iterator[Command]:
        if self.plan is None or now < self._believed_until:
            return
        view, before = self._view(now), self.plan.paths
        went, came = view.dead - before.dead, before.dead - view.dead
        if went:
            yield Note("links", {"went": sorted(went), "came": sorted(came)})
            urgent = replace(view, dead=view.dead | came) if self._unseen() else view
            yield from self._at_once(self._planner.plan(urgent, self.plan.version, self.plan), now)
        elif (came or view.costs != before.costs) and not self._stages and self._put_off != (view, self._unseen()):
            plan = self._planner.plan(view, self.plan.version, self.plan)
            if self._needs(self._unseen(), plan):
                self._put_off = (view, self._unseen())
                yield Note("put-off", {"came": sorted(came), "unseen": sorted(self._unseen())})
                return
            avoiding = Note("avoiding", {"pops": sorted(view.costs.avoided)})
            yield Note("links", {"went": [], "came": sorted(came)}) if came else avoiding
            yield from self._in_stages(plan, now)

    def _unseen(self) -> frozenset[str]:
        """PoPs that cannot be told anything now, and forward as they last were told."""
        return frozenset(self.pops) - self._reconciled

    def _needs(self, unseen: Collection[str], plan: Plan) -> bool:
        """Whether one of them would have to forward otherwise: ordered updates loop where one does not follow.

        A link lost cannot wait for them; a link back can.
        """
        assert self.plan is not None
        rows = [self.topology.pop(pop).index for pop in unseen]
        return bool((plan.paths.next_hop[rows] != self.plan.paths.next_hop[rows]).any())

    def _view(self, now: float) -> View:
        """The network as the switches report it, and as the policy takes it where they report nothing."""
        unknown = [pop for pop in self.pops if pop not in self._holdings]
        belief = beliefs.belief(self.topology, unknown, self.settings.unknown_means)
        return View(self.links.dead(now) | belief.dead, replace(self._metric, avoided=belief.avoided))

    def _replan(self, order: Replan, now: float) -> Iterator[Command]:
        """Every path of the network at once, under the other version bit: no packet sees a mixture."""
        if self.plan is None or self._stages or self._unseen():
            unseen = f"out of sight: {', '.join(sorted(self._unseen()))}"
            why = "still gathering" if self.plan is None else "an update is under way" if self._stages else unseen
            yield Note("replan-refused", {"why": why})
            return
        self._metric = METRICS[order.metric]
        version = 1 - self.plan.version
        yield Note("replan", {"metric": order.metric, "version": version})
        yield from self._in_stages(self._planner.plan(self._view(now), version, self.plan), now)

    def _at_once(self, plan: Plan, now: float) -> Iterator[Command]:
        """A failure: traffic is being lost, so nothing is waited for."""
        self._adopt(plan)
        changes = {pop: difference(self._holdings[pop], self.wanted(pop)) for pop in sorted(self._reconciled)}
        if self._outgoing is None:
            self._stages, self._awaited = [], set()
            urgent = {pop: change.at_once for pop, change in changes.items()}
        else:  # what has left under the other version still needs its rules
            self._stages, self._awaited, self._stage_due = clean_up(changes), set(), now + self.settings.drain_s
            urgent = {pop: (*change.prepare, *change.switch_over) for pop, change in changes.items()}
            yield from self.rollout.relabel()
        for pop, mods in urgent.items():
            wanted = self.wanted(pop)
            self._holdings[pop] = self._holdings[pop].after(mods, wanted) if self._stages else Holdings.of(wanted)
        yield from self._batches.send(urgent, "failure", now)

    def _in_stages(self, plan: Plan, now: float) -> Iterator[Command]:
        """Make before break. What is new under a label that is in use waits for those nearer to the destination.

        Under the other version bit nothing is in use yet, and all of it is prepared in one stage.
        """
        assert self.plan is not None
        same = plan.version == self.plan.version
        order = shortest_paths.update_order(self.plan.paths, plan.paths) if same else None
        self._former, self._put_off = None if same else self.plan, None
        self._adopt(plan)
        changes = {pop: difference(self._holdings[pop], self.wanted(pop)) for pop in sorted(self._reconciled)}
        self._stages = stages(changes, lambda pop, rule: self._rank(order, pop, rule))
        self._stage_due, self._awaited = now, set()
        yield from self._next_stage(now)

    @property
    def _outgoing(self) -> Plan | None:
        """While labels of two versions are in use: the plan of the other one."""
        return self._former if self._stages else None

    def _await_newest(self) -> None:
        """The next stage waits for what was just sent, if anything was."""
        if self._batches.newest in self._batches:
            self._awaited.add(self._batches.newest)

    def _rank(self, order: NDArray[np.int64] | None, pop: str, rule: FlowRule) -> int:
        """In which step of ``order`` this rule changes; 0, at the beginning, whatever does not forward by node SID."""
        index = labels.node_index(rule.match.mpls_label)
        return 0 if order is None or index is None else int(order[self.topology.pop(pop).index, index])

    def _next_stage(self, now: float) -> Iterator[Command]:
        """Send the next stage when the last one's barriers are all in; the clean-up after ``drain_s``.

        From one version of the labels to the other all go together: who is out of sight is waited for.
        """
        if not self._stages or self._awaited or now < self._stage_due:
            return
        if self._outgoing and self._unseen():
            return
        reason, stage = self._stages.pop(0)
        current = {pop: mods for pop, mods in stage.items() if pop in self._reconciled}
        for pop, mods in current.items():
            self._holdings[pop] = self._holdings[pop].after(mods, self.wanted(pop))
        if not self._stages:
            self._holdings |= {pop: Holdings.of(self.wanted(pop)) for pop in self._reconciled}
        yield from self._batches.send(current, reason, now)
        self._await_newest()
        if reason == SWITCH_OVER and self._former:
            yield from self.rollout.relabel()

    # ---------------------------------------------------------- planning

    def _adopt(self, plan: Plan) -> None:
        """Make ``plan`` the present one; tables that it does not change are kept, not built again."""
        old = self.plan
        self._wanted = {pop: held for pop, held in self._wanted.items() if same_tables(old, plan, pop)} if old else {}
        self.plan = plan

    # ---------------------------------------------------------- answers

    def _acknowledged(self, pop: str, token: int, now: float) -> Iterator[Command]:
        batch = self._batches.answered(pop, token)
        if batch is None:
            return
        if batch.reason != "refresh":
            yield batch.done(now)
        if batch.reason == "wipe" and pop in self._holdings:
            yield from self._correct(pop, now)
        if token in self._awaited:
            self._awaited.discard(token)
            if self._stages and not self._awaited:
                self._stage_due = now + (self.settings.drain_s if self._stages[0][0] == CLEAN_UP else 0.0)
                yield from self._next_stage(now)


def _heartbeat(plans: Collection[Plan], pop: str) -> tuple[AddFlow, ...]:
    return tuple(AddFlow(rule) for rule in dict.fromkeys(rule for plan in plans for rule in heartbeat_rules(plan, pop)))
