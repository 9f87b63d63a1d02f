"""Every fault of links, control channels, PoPs, switches and the machine, for real: one network, one after the other.

What is asserted holds on a busy machine too: that each happened and was undone, who went dark, which
ports fell and why. Times are for quiet machines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.asking.prepare import prepare
from experiments.conclude import Unwatched
from experiments.faults import FAULTS
from experiments.inside import Means
from experiments.judging import folder
from experiments.judging.samples import Samples
from experiments.run import execute
from topology.replica import preflight

NEEDED = [f"{lacking.name}: {lacking.detail}" for lacking in preflight.probe().missing()]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason="; ".join(NEEDED))

TOPOLOGY = Path(__file__).parent / "agreement" / "ring6.yaml"
STORY = {
    "control.cut": ("control.heal", "region west", "1 s", {}),
    "control.silent": ("control.heal", "random(2)", "1 s", {}),
    "control.degrade": ("control.heal", "mil, mad", "2 s", {"extra_delay": "30 ms"}),
    "link.cut": ("link.heal", "srlg rhone", "2 s", {}),
    "link.one-way": ("link.heal", "ams-lon", "3 s", {}),
    "link.silent": ("link.heal", "lon-par", "3 s", {}),
    "link.degrade": ("link.heal", "ams-lon, mil-fra", "2.5 s", {"extra_delay": "20 ms"}),
    "link.flap": ("", "mad-mil", "3.5 s", {"every": "1 s", "lasting": "2 s"}),
    "switch.crash": ("switch.return", "fra", "2 s", {}),
    "pop.overload": ("pop.return", "mad", "2 s", {"rate": "50 %"}),
    "pop.down": ("pop.return", "lon", "2 s", {}),
    "machine.hog": ("machine.calm", "", "4.5 s", {}),
}
"""Fault → what ends it, target, how long it stands, settings. BFD is given 2 s after each to come up again; the load is
read every second, by a meter that waits for a processor too, and two whole seconds must be starved."""
REST_S, NULL_S = 2.0, 2.0


def events() -> Iterator[dict[str, Any]]:
    at_s = NULL_S
    for kind, (end, target, stands, settings) in STORY.items():
        yield {"at": f"{at_s} s", "fault": kind, "target": target, "with": settings}
        at_s += float(stands.split()[0])
        if end:
            yield {"at": f"{at_s} s", "fault": end, "target": target}
        at_s += REST_S


def spec() -> dict[str, Any]:
    timeline = list(events())
    phases = [{"name": f"p{number}", "at": event["at"]} for number, event in enumerate(timeline)]
    return {
        "name": "every-fault",
        "topology": str(TOPOLOGY),
        "policies": ["fast-reroute"],
        "traffic": {"probe_interval": "20 ms", "bulk_flows": 0},
        "end": f"{float(timeline[-1]['at'].split()[0]) + 4} s",
        "phases": [{"name": "steady", "at": 0}, *phases],
        "timeline": timeline,
        "checks": [{"metric": "probes_lost", "phase": "steady", "max": 0}],
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("faults")
    (place / "every-fault.yaml").write_text(json.dumps(spec()))  # which is YAML too
    result = execute(prepare(str(place / "every-fault.yaml")), Means(results=place / "results"), Unwatched())
    assert result.errors == {}
    return result.run


@pytest.fixture(scope="module")
def journal(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]


def of(journal: list[dict[str, Any]], event: str, **wanted: object) -> list[dict[str, Any]]:
    lines = (line for line in journal if line["event"] == event)
    return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]


def injected(journal: list[dict[str, Any]], kind: str) -> tuple[float, float]:
    """When it began, and when the next event of the timeline did."""
    asked = of(journal, "fault", action="inject", asked=True)
    number = next(number for number, line in enumerate(asked) if line["fault"] == kind)
    later = asked[number + 1]["began_s"] if number + 1 < len(asked) else np.inf
    return asked[number]["began_s"], later


def test_every_kind_but_those_of_the_brain_and_of_pushes_is_here() -> None:
    told = {*STORY, *(end for end, *_ in STORY.values() if end)}
    aims = {"link", "control", "pop", "switch", "machine"}
    assert told == {kind for kind in FAULTS if FAULTS[kind].aims_at in aims}


def test_each_happened_and_was_undone(journal: list[dict[str, Any]]) -> None:
    doubted = [(line["fault"], line["evidence"]) for line in of(journal, "proof") if not line["held"]]
    assert doubted == []
    assert of(journal, "end")[0]["outcome"] == "complete"


def test_a_dead_switch_keeps_its_carrier_and_a_dark_pop_does_not(journal: list[dict[str, Any]]) -> None:
    causes = {}
    for kind in ("switch.crash", "pop.down"):
        began_s, ended_s = injected(journal, kind)
        fallen = [line for line in of(journal, "port", live=False) if began_s <= line["t"] < ended_s]
        causes[kind] = {line["cause"] for line in fallen}
    assert causes == {"switch.crash": {"bfd"}, "pop.down": {"carrier"}}


@pytest.mark.parametrize(("kind", "pop"), [("switch.crash", "fra"), ("pop.down", "lon")])
def test_who_begins_or_ends_there_is_dark_and_comes_back(
    journal: list[dict[str, Any]], samples: Samples, kind: str, pop: str
) -> None:
    began_s, ended_s = injected(journal, kind)
    late = (samples.due_s > began_s + 1.0) & (samples.due_s < ended_s - 0.2)
    lost = samples.lost
    theirs = np.array([pop in pair for pair in samples.pairs])[samples.pair]
    assert lost[late & theirs].all()
    assert not lost[late & ~theirs].all()
    assert not lost[theirs & (samples.due_s > samples.due_s.max() - 1.0)].all()


@pytest.fixture(scope="module")
def samples(run: Path) -> Samples:
    (story,) = folder.read(run).stories
    return story.samples


def test_what_was_lost_is_in_the_tables_again_at_the_end(journal: list[dict[str, Any]]) -> None:
    assert of(journal, "tables")[-1]["right"]


def test_a_busy_machine_makes_the_verdict_unknown(run: Path) -> None:
    assert json.loads((run / "summary.json").read_text())["verdict"] == "unknown"
