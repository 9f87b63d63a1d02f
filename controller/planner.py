"""From what is believed of the network to the plan, and from the plan to one switch's tables. Pure.

What the policy decides about plans is in here: repairs or none, one network or a slice of it, rules withheld.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from controller import memory as memories
from controller import paths as shortest_paths
from controller.paths import Costs, Paths
from controller.pipeline import LABELS, Plan, Tables, tables
from controller.protection import repairs
from controller.repairs import Repairs
from controller.settings import BrainSettings
from controller.slices import slices
from controller.stitching import stitching, within
from topology.model import Topology


@dataclass(frozen=True, slots=True)
class View:
    """What paths are computed over."""

    dead: frozenset[str]
    """Links that count as down."""
    costs: Costs


class Planner:
    """One brain's; keeps nothing that a plan would depend on."""

    def __init__(self, topology: Topology, settings: BrainSettings, memory: str) -> None:
        self._topology, self._settings, self._memory = topology, settings, memory
        self._slices = slices(topology, settings.slices)
        self.pops = self._slices.members(settings.slice)
        """Whose switches the brain programs."""

    def plan(self, view: View, version: int, old: Plan | None) -> Plan:
        """Of ``old``, repairs that still hold are kept, not searched again."""
        paths = shortest_paths.shortest(self._topology, view.dead, view.costs)
        settings = self._settings
        found = self._repairs(paths, old)
        whole = Plan(paths, found, version, settings.guard_timeout_s, settings.withdraws, settings.steering)
        return whole if settings.slices == 1 else self._sliced(whole)

    def tables(self, plan: Plan, pop: str) -> Tables:
        """What the switch at ``pop`` should hold by this plan."""
        if self._memory == memories.EMPTY:
            return memories.NOTHING
        full = tables(plan, pop)
        if self._topology.pop(pop).index < len(self._topology.pops) - self._settings.withheld:
            return full
        return Tables({cookie: rule for cookie, rule in full.flows.items() if rule.table != LABELS}, full.groups)

    def _repairs(self, paths: Paths, old: Plan | None) -> Repairs | None:
        if not self._settings.fast_reroute:
            return None
        return repairs(paths, nodes=self._settings.protect == "node", old=old.repairs if old else None)

    def _sliced(self, whole: Plan) -> Plan:
        """As one slice carries it out: its own paths, and stitches to the others. Repairs are the whole network's."""
        number, dead = self._settings.slice, whole.paths.dead
        own = within(self._slices, number, whole.paths)
        return replace(whole, paths=own, stitching=stitching(self._slices, number, own, dead, whole.version))
