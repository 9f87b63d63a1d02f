"""The table of short specs, ``tests/emulation/agreement/kinds.yaml``: one experiment per policy is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from experiments.asking.prepare import Prepared, prepare
from topology.units import parse_time_s

HOME = Path(__file__).parents[1] / "emulation" / "agreement"
NULL_S = 2.0
"""Before the first fault: where the machine shows that it loses nothing by itself."""
PROBE_INTERVAL = "20 ms"


@dataclass(frozen=True)
class Entry:
    """One short spec; its phases are ``<name>-1``, ``<name>-2``, …, one per event."""

    name: str
    policies: tuple[str, ...]
    timeline: tuple[Mapping[str, Any], ...]
    end_s: float
    loses: bool = True
    chance: tuple[str, ...] = ()
    """Aspects that are not compared."""

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(str(event["fault"]) for event in self.timeline)

    @property
    def phases(self) -> tuple[str, ...]:
        count = len({parse_time_s(event["at"]) for event in self.timeline})
        return tuple(f"{self.name}-{number}" for number in range(1, count + 1))


def entries() -> tuple[Entry, ...]:
    """All of the table, in its order."""
    table = yaml.safe_load((HOME / "kinds.yaml").read_text())
    return tuple(_entry(name, item) for name, item in table.items())


def of_policy(policy: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries() if policy in entry.policies)


def policies() -> tuple[str, ...]:
    """All that an entry asks for."""
    return tuple(sorted({policy for entry in entries() for policy in entry.policies}))


def prepared(policy: str, folder: Path) -> Prepared:
    """The experiment that one policy's entries make, one after the other; the file goes into ``folder``."""
    path = folder / f"{spec(policy)['name']}.yaml"
    path.write_text(yaml.safe_dump(spec(policy), sort_keys=False))
    return prepare(str(path))


def spec(policy: str) -> dict[str, Any]:
    """As somebody would have written it."""
    chosen = of_policy(policy)
    events, phases = list(_events(chosen)), [{"name": "steady", "at": "0 s"}]
    phases += [{"name": name, "at": f"{at_s} s"} for name, at_s in _phases(chosen)]
    return {
        "name": f"agree-{policy.replace('+', '-')}",
        "topology": str(HOME / "ring6.yaml"),
        "policies": [policy],
        "traffic": {"probe_interval": PROBE_INTERVAL, "bulk_flows": 0},
        "end": f"{NULL_S + sum(entry.end_s for entry in chosen)} s",
        "phases": phases,
        "timeline": events,
    }


def _entry(name: str, item: Mapping[str, Any]) -> Entry:
    timeline = tuple(item["timeline"])
    end_s, chance = parse_time_s(item["end"]), tuple(item.get("chance", ()))
    return Entry(name, tuple(item["policies"]), timeline, end_s, bool(item.get("loses", True)), chance)


def _begins(chosen: tuple[Entry, ...]) -> Iterator[tuple[Entry, float]]:
    at_s = NULL_S
    for entry in chosen:
        yield entry, at_s
        at_s += entry.end_s


def _events(chosen: tuple[Entry, ...]) -> Iterator[dict[str, Any]]:
    for entry, begin_s in _begins(chosen):
        for event in entry.timeline:
            yield {**event, "at": f"{begin_s + parse_time_s(event['at'])} s"}


def _phases(chosen: tuple[Entry, ...]) -> Iterator[tuple[str, float]]:
    for entry, begin_s in _begins(chosen):
        times_s = sorted({parse_time_s(event["at"]) for event in entry.timeline})
        yield from zip(entry.phases, (begin_s + at_s for at_s in times_s), strict=True)
