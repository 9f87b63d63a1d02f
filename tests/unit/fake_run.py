"""A small network and spec, and the run of it over the fake lab, for the tests of experiments."""

from __future__ import annotations

from typing import Any

from controller.oracle import Staleness
from experiments.asking.planning import plan
from experiments.asking.spec import Spec
from experiments.asking.timeline import timeline
from experiments.labs.fake import FakeLab
from experiments.runner import Oracle, Plan, run
from topology.model import Link, Pop, Topology
from traffic.demand import gravity

Lines = list[tuple[float, str, dict[str, Any]]]


def ring(names: str = "abcd") -> Topology:
    """A ring of PoPs with delays 1, 2, 3, … ms; the link a–b is the shortest."""
    pops = tuple(Pop(i, name, name.upper(), "Nowhere", 0.0, 10.0 * i, 1e6) for i, name in enumerate(names))
    ends = zip(names, names[1:] + names[0], strict=True)
    links = tuple(Link(i, a, b, 1e7, 100.0, float(i + 1)) for i, (a, b) in enumerate(ends))
    return Topology("ring", pops, links, names[0])


def spec(**changes: Any) -> Spec:
    """Kill at 2, cut at 4, heal at 6, return at 8, end at 10."""
    data: dict[str, Any] = {
        "name": "small",
        "topology": "ring",
        "policies": ["fail-static"],
        "end": "10 s",
        "traffic": {"bulk_flows": 2},
        "phases": [{"name": "steady", "at": 0}, {"name": "dark", "at": "2 s"}, {"name": "back", "at": "8 s"}],
        "timeline": [
            {"at": "2 s", "fault": "brain.kill"},
            {"at": "4 s", "fault": "link.cut", "target": "a-b"},
            {"at": "6 s", "fault": "link.heal", "target": "b-a"},
            {"at": "8 s", "fault": "brain.return"},
        ],
    }
    return Spec.model_validate({**data, **changes})


def right(*_: object) -> Staleness:
    """An oracle that is content."""
    return Staleness(entries=12)


def play(lab: FakeLab, asked: Spec, oracle: Oracle = right) -> tuple[str, Lines]:
    """Outcome and journal (time, event, data) of a run over the fake lab."""
    lines: Lines = []
    shares = gravity(lab.topology)
    events = timeline(asked, lab.topology, shares)
    planned = plan(asked, lab.topology, events, shares, asked.seed)
    outcome = run(
        lab,
        Plan(events, planned.traffic, planned.traced),
        lambda event, **data: lines.append((lab.now_s(), event, data)),
        oracle,
    )
    return outcome, lines


def of(lines: Lines, event: str) -> list[dict[str, Any]]:
    return [data for _, kind, data in lines if kind == event]
