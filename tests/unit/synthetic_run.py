"""Fabricates run folders whose losses are known, for the tests of judging and reporting.

Probes go over the shortest-delay path of a real topology and meet the timeline of
control-plane-loss: kill, cut, heal, return. What each policy loses follows from its design
and from geometry alone, so every metric has an answer that can be worked out by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.judging import folder, samples
from experiments.judging.attribution import PROBE_BITS
from experiments.judging.samples import Samples
from experiments.judging.story import Story, events, phases
from topology import inventory
from topology.model import Link, Pair, Pop, Topology
from traffic.records import END, RECEIVED, SENT, Recorder
from traffic.samples import due_ns
from traffic.schedule import FINE, ProbePlan

KILL_S, CUT_S, HEAL_S, RETURN_S, END_S = 5.0, 11.0, 19.0, 22.0, 30.0
EXPIRY_S = 3.0
BACK_S = 1.5
"""From the brain's return to the first packet that soft state carries again."""
REPAIR_S = 0.005
JITTER_MS = 0.4


def diamond() -> Topology:
    """Four PoPs: a–b–d is the short way from a to d, a–c–d the long one."""
    pops = tuple(
        Pop(i, name, name.upper(), "Nowhere", 10.0 * i, 20.0 * i, 1e6 * (i + 1)) for i, name in enumerate("abcd")
    )
    ends = (("a", "b", 10.0), ("b", "d", 20.0), ("a", "c", 30.0), ("c", "d", 40.0))
    links = tuple(Link(i, a, b, 1e7, delay * 100, delay) for i, (a, b, delay) in enumerate(ends))
    return Topology("diamond", pops, links, "a")


@dataclass(frozen=True)
class Recipe:
    """One policy's run. ``cut`` is the link of the cut."""

    policy: str
    topology: Topology
    cut: str
    interval_s: float = 0.05
    fine_interval_s: float = 0.002
    fine_pairs: tuple[Pair, ...] = ()
    seed: int = 1

    def plan(self) -> ProbePlan:
        return ProbePlan(tuple(self.topology.pairs), self.interval_s, self.fine_pairs, self.fine_interval_s, END_S)


def fabricate(recipe: Recipe) -> Samples:
    """Every probe of the run, lost or late as the policy has it."""
    plan = recipe.plan()
    parts = []
    for fine, wheel in ((False, plan.coarse), (True, plan.fine)):
        slots = np.arange(wheel.slots, dtype=np.int64)
        count = max(len(wheel.pairs), 1)
        places = np.array([plan.pairs.index(pair) for pair in wheel.pairs] or [0])
        due_s = due_ns(wheel, slots) / 1e9
        parts.append((places[slots % count], slots // count, np.full(len(slots), fine), due_s))
    pair, seq, fine_mark, due_s = (np.concatenate(column) for column in zip(*parts, strict=True))
    recv_s = _arrivals(recipe, plan.pairs, pair, due_s)
    columns = {"pair": pair, "seq": seq, "fine": fine_mark, "due_s": due_s, "sent_s": due_s + 2e-5, "recv_s": recv_s}
    return samples.from_columns(plan.pairs, columns)


def _arrivals(recipe: Recipe, pairs: tuple[Pair, ...], pair: Any, due_s: Any) -> Any:
    whole, left = (_ways(recipe.topology, pairs, gone) for gone in ((), (recipe.cut,)))
    near_s, far_s = _offsets(recipe, pairs)
    crosses = np.isfinite(near_s)[pair]
    at_near, at_far = due_s + near_s[pair], due_s + far_s[pair]
    noise_s = np.random.default_rng(recipe.seed).gamma(2.0, JITTER_MS / 2e3, len(due_s))
    arrival_s = due_s + 2e-5 + whole[pair] + noise_s
    lost = np.zeros(len(due_s), dtype=bool)
    if recipe.policy == "fast-reroute":
        repaired_s = CUT_S + REPAIR_S
        lost |= crosses & (at_far > CUT_S) & (at_near < repaired_s)
        detour = crosses & (at_near >= repaired_s) & (at_near < HEAL_S)
        arrival_s = np.where(detour, due_s + 2e-5 + left[pair] + noise_s, arrival_s)
    else:
        lost |= crosses & (at_far > CUT_S) & (at_near < HEAL_S)
    if recipe.policy == "soft-state":
        lost |= (due_s >= KILL_S + EXPIRY_S) & (due_s < RETURN_S + BACK_S)
    return np.where(lost, np.nan, arrival_s)


def _ways(topology: Topology, pairs: tuple[Pair, ...], gone: tuple[str, ...]) -> Any:
    from controller.paths import shortest

    links = {link.name: link for link in topology.links}
    cost_s = {name: link.delay_ms / 1e3 + PROBE_BITS / link.capacity_bps for name, link in links.items()}
    paths = shortest(topology, gone)
    return np.array([sum(cost_s[name] for name in paths.links(*pair)) for pair in pairs])


def _offsets(recipe: Recipe, pairs: tuple[Pair, ...]) -> tuple[Any, Any]:
    """Seconds from the source to the near and the far end of the cut link; nan for pairs that do not cross it."""
    from controller.paths import shortest

    near, far, paths = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan), shortest(recipe.topology)
    for index, pair in enumerate(pairs):
        gone_s = 0.0
        for name in paths.links(*pair):
            link = recipe.topology.link(name)
            step_s = link.delay_ms / 1e3 + PROBE_BITS / link.capacity_bps
            if name == recipe.cut:
                near[index], far[index] = gone_s, gone_s + link.delay_ms / 1e3
            gone_s += step_s
    return near, far


def spec(recipe: Recipe, policies: tuple[str, ...]) -> dict[str, Any]:
    """As the manifest keeps it."""
    names = (
        ("steady", 0.0),
        ("headless", KILL_S),
        ("cut-while-headless", CUT_S),
        ("healed", HEAL_S),
        ("returned", RETURN_S),
    )
    faults = ((KILL_S, "brain.kill", ""), (CUT_S, "link.cut", "busiest link"), (HEAL_S, "link.heal", "busiest link"),
              (RETURN_S, "brain.return", ""))  # fmt: skip
    return {
        "name": "control-plane-loss",
        "question": "Does losing the control plane alone hurt anybody?",
        "seed": recipe.seed,
        "policies": list(policies),
        "end": f"{END_S} s",
        "phases": [{"name": name, "at": f"{at} s"} for name, at in names],
        "timeline": [{"at": f"{at} s", "fault": fault, "target": target} for at, fault, target in faults],
        "checks": CHECKS,
        "slo": SLO,
    }


CHECKS: list[dict[str, Any]] = [
    {"name": "nothing is lost before the first fault", "metric": "probes_lost", "phase": "steady", "max": 0},
    {"name": "the kill alone loses nothing", "metric": "probes_lost", "phase": "headless", "max": 0,
     "policies": ["fail-static", "fast-reroute"]},
    {"name": "dark once the rules expire", "metric": "blast_pairs_pct", "phase": "headless", "min": 99,
     "policies": ["soft-state"]},
    {"name": "the cut stays dark until the heal", "metric": "outage_max_ms", "phase": "cut-while-headless", "min": 7500,
     "policies": ["fail-static"]},
    {"name": "the cut is repaired locally", "metric": "repair_ms", "phase": "cut-while-headless", "max": 10,
     "policies": ["fast-reroute"]},
    {"name": "everything works again", "metric": "pairs_down_at_end", "phase": "returned", "max": 0},
]  # fmt: skip
SLO: list[dict[str, Any]] = [
    {"name": "headless availability", "metric": "availability_pct", "phase": "headless", "min": 99.9},
    {"name": "availability through the cut", "metric": "availability_pct", "phase": "cut-while-headless", "min": 99},
    {"name": "no outage beyond a second", "metric": "outage_max_ms", "max": 1000},
]


def lines(recipe: Recipe) -> list[dict[str, Any]]:
    """The journal of one policy."""
    told: list[tuple[float, str, dict[str, Any]]] = [(-1.2, "built", {"took_s": 1.2})]
    for link in recipe.topology.links:
        measured = {"measured_ab_ms": link.delay_ms + 0.11, "measured_ba_ms": link.delay_ms + 0.14}
        rates = {"rate_bps": link.capacity_bps, "measured_bps": link.capacity_bps * 0.985}
        told.append((-1.0, "link", {"link": link.name, "delay_ms": link.delay_ms, **measured, **rates}))
    for kind, target, at_s in (("brain.kill", "brain", KILL_S), ("link.cut", recipe.cut, CUT_S),
                               ("link.heal", recipe.cut, HEAL_S), ("brain.return", "brain", RETURN_S)):  # fmt: skip
        told += _fault(kind, target, at_s)
    link = recipe.topology.link(recipe.cut)
    for end in link.ends:
        port = {"pop": end, "port": recipe.topology.port(end, link), "link": link.name, "cause": "carrier"}
        told += [(CUT_S + 0.002, "port", {**port, "live": False}), (HEAL_S + 0.01, "port", {**port, "live": True})]
    told += _returning(recipe) + _tables(recipe)
    told += [
        (float(t), "load", {"idle_pct": 38.0, "foreign_pct": 3.0, "own_pct": 58.0, "steal_pct": 0.0}) for t in range(30)
    ]
    told += [(END_S + 0.1, "clock", {"step_ms": 0.01}), (END_S + 1, "end", {"outcome": "complete", "error": None})]
    return [
        {"policy": recipe.policy, "t": t, "event": event, **data} for t, event, data in sorted(told, key=lambda x: x[0])
    ]


def _fault(kind: str, target: str, at_s: float) -> list[tuple[float, str, dict[str, Any]]]:
    undone = {"link.heal": "link.cut", "brain.return": "brain.kill"}.get(kind)
    aims_at = "brain" if target == "brain" else "link"
    both = {"target": target, "aims_at": aims_at, "began_s": at_s, "done_s": at_s}
    cut = {"severs": "link.cut" in (kind, undone)}
    heal = [(at_s, "fault", {"action": "heal", "fault": undone, **both, **cut, "restores": True})] if undone else []
    proof = {
        "fault": kind,
        "action": "inject",
        "target": target,
        "held": True,
        "evidence": {"state": "as asked", "frames": 0},
    }
    told = {"action": "inject", "fault": kind, **both, "severs": kind == "link.cut", "restores": undone is not None}
    return [*heal, (at_s, "fault", told), (at_s + 0.2, "proof", proof)]


def _returning(recipe: Recipe) -> list[tuple[float, str, dict[str, Any]]]:
    told: list[tuple[float, str, dict[str, Any]]] = []
    for place, pop in enumerate(recipe.topology.names):
        told.append((RETURN_S + 0.5 + 0.01 * place, "brain", {"what": "hello", "pop": pop}))
        told.append((RETURN_S + 0.9, "brain", {"what": "reconciling", "pop": pop, "mods": 7}))
        told.append((RETURN_S + 1.1 + 0.01 * place, "brain", {"what": "applied", "pop": pop, "mods": 7}))
    return [
        *told,
        (RETURN_S + 1.3, "brain", {"what": "programmed", "reason": "reconcile", "mods": 28, "took_ms": 200.0}),
    ]


def _tables(recipe: Recipe) -> list[tuple[float, str, dict[str, Any]]]:
    entries = len(list(recipe.topology.pairs))
    right = {"entries": entries, "harmless": 0, "longer": 0, "blackhole": 0, "loop": 0}
    cut = {**right, ("longer" if recipe.policy == "fast-reroute" else "blackhole"): 3}
    dark = {**right, "blackhole": entries}
    soft = recipe.policy == "soft-state"
    return [(3.8, "tables", right), (9.8, "tables", dark if soft else right), (17.8, "tables", dark if soft else cut),
            (20.8, "tables", dark if soft else right), (RETURN_S + 2, "tables", right)]  # fmt: skip


def story(recipe: Recipe, seen: Samples | None = None, told: list[dict[str, Any]] | None = None) -> Story:
    """Without a folder."""
    told = lines(recipe) if told is None else told
    happened = events(told, recipe.topology)
    timeline = phases(spec(recipe, (recipe.policy,)), happened)
    seen = fabricate(recipe) if seen is None else seen
    count = len(recipe.plan().pairs)
    demand = dict.fromkeys(recipe.plan().pairs, 1 / count)
    intervals = (recipe.interval_s, recipe.fine_interval_s)
    return Story(recipe.policy, recipe.topology, seen, tuple(told), timeline, happened, *intervals, demand)


def write(path: Path, recipe: Recipe, policies: tuple[str, ...], *, streamed: bool = False) -> Path:
    """A whole run folder; ``streamed``: as the probers leave it, before Parquet is made."""
    path.mkdir(parents=True, exist_ok=True)
    recipes = {policy: replace(recipe, policy=policy) for policy in policies}
    told = [line for one in recipes.values() for line in lines(one)]
    (path / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    (path / "manifest.json").write_text(json.dumps(manifest(recipe, policies)))
    found = {policy: fabricate(one) for policy, one in recipes.items()}
    if streamed:
        for policy, seen in found.items():
            _stream(path / f"probes.{policy}.bin", recipe, seen)
    else:
        samples.write_parquet(path / samples.PARQUET, found)
    return path


def manifest(recipe: Recipe, policies: tuple[str, ...]) -> Mapping[str, Any]:
    return {
        "spec": spec(recipe, policies),
        "topology": json.loads(inventory.dump(recipe.topology)),
        "seed": recipe.seed,
        "backend": "emulated",
        "commit": "0123abc",
        "command": "failstatic run control-plane-loss --seed 1",
        "versions": {"failstatic": "0.1.0", "python": "3.11.7", "open vswitch": "3.1.0"},
    }


def _stream(path: Path, recipe: Recipe, seen: Samples) -> None:
    """As traffic's prober writes it."""
    plan, zero_ns = recipe.plan(), 1_700_000_000_000_000_000
    recorder = Recorder(path, plan, zero_ns)
    for row in range(len(seen)):
        fine, pair = bool(seen.fine[row]), seen.pairs[seen.pair[row]]
        wheel = plan.fine if fine else plan.coarse
        slot = int(seen.seq[row]) * len(wheel.pairs) + wheel.pairs.index(pair)
        for kind, at_s in ((SENT, seen.sent_s[row]), (RECEIVED, seen.recv_s[row])):
            if not np.isnan(at_s):
                recorder.put(slot | (FINE if fine else 0), kind, zero_ns + round(float(at_s) * 1e9))
    recorder.put(0, END, zero_ns + round(END_S * 1e9))
    recorder.close()


__all__ = ["Recipe", "diamond", "fabricate", "folder", "lines", "manifest", "spec", "story", "write"]
