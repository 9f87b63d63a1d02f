"""FRR beneath a dead brain, with real packets: three cuts that no bypass survives, a switch that forgot, a return.

What is asserted holds on a busy machine too: who is dark, which way packets took, what the tables said.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.asking.prepare import prepare
from experiments.conclude import Unwatched
from experiments.inside import Means
from experiments.run import execute
from topology import labels
from topology.replica import preflight

MACHINE = preflight.probe()
ABILITIES = (*MACHINE.missing(), MACHINE.ability("frr"))
NEEDED = [f"{ability.name}: {ability.detail}" for ability in ABILITIES if not ability.ok]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason="; ".join(NEEDED))

MESH = """
name: mesh
brain: ams
pops:
  - {name: ams, city: Amsterdam}
  - {name: lon, city: London}
  - {name: par, city: Paris}
  - {name: fra, city: Frankfurt am Main}
links:
  - {ends: [ams, lon], capacity: 40 Gbit/s, delay: 5 ms}
  - {ends: [lon, par], capacity: 40 Gbit/s, delay: 6 ms}
  - {ends: [par, fra], capacity: 40 Gbit/s, delay: 7 ms}
  - {ends: [fra, ams], capacity: 40 Gbit/s, delay: 8 ms}
  - {ends: [ams, par], capacity: 40 Gbit/s, delay: 9 ms}
  - {ends: [lon, fra], capacity: 40 Gbit/s, delay: 10 ms}
"""
SPEC = """
# Who repairs what no bypass survives?
name: three-cuts
topology: %s
policies: [fast-reroute, shadow]
traffic: {bulk_flows: 0}
end: 23 s
phases:
  - {name: steady, at: 0 s}
  - {name: headless, at: 2 s}
  - {name: first, at: 7 s}
  - {name: second, at: 9 s}
  - {name: third, at: 11 s}
  - {name: returned, at: 15 s}
timeline:
  - {at: 2 s, fault: brain.kill}
  - {at: 7 s, fault: link.cut, target: ams-lon}
  - {at: 9 s, fault: link.cut, target: lon-par}
  - {at: 11 s, fault: link.cut, target: par-fra}
  - {at: 15 s, fault: brain.return}
checks:
  - {metric: probes_lost, phase: steady, max: 0}
"""
Line = dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mesh")
    (folder / "mesh.yaml").write_text(MESH)
    (folder / "three-cuts.yaml").write_text(SPEC % (folder / "mesh.yaml"))
    result = execute(prepare(str(folder / "three-cuts.yaml")), Means(results=folder / "results"), Unwatched())
    assert result.errors == {}
    return result.run


@pytest.fixture(scope="module")
def shadow(run: Path) -> list[Line]:
    """Its lines of the journal."""
    lines = (json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines())
    return [line for line in lines if line["policy"] == "shadow"]


def down(run: Path, policy: str) -> dict[str, int]:
    """Phase → pairs that were dark at its end."""
    summary = json.loads((run / "summary.json").read_text())
    return {name: phase["pairs_down_at_end"] for name, phase in summary["policies"][policy]["phases"].items()}


def stacks(lines: list[Line], phase: str) -> list[int]:
    """All labels that traced packets wore."""
    traces = [line for line in lines if line["event"] == "trace" and line["phase"] == phase]
    assert traces
    assert all(line["delivered"] for line in traces), phase
    return [label for line in traces for stack in line["stacks"] for label in stack]


def test_every_daemon_found_a_way_to_every_other(shadow: list[Line]) -> None:
    (settled,) = (line for line in shadow if line["event"] == "shadow" and "complete" in line)
    assert settled["complete"], settled["refused"]


def test_what_no_bypass_survives_is_dark_without_the_shadow_and_repaired_with_it(run: Path) -> None:
    assert down(run, "fast-reroute")["third"] > 0
    assert set(down(run, "shadow").values()) == {0}


def test_the_brains_labels_while_it_lives_and_the_daemons_when_it_is_gone(shadow: list[Line]) -> None:
    assert all(label < labels.PREFIX for label in stacks(shadow, "steady"))
    for phase in ("first", "second", "third"):
        assert any(labels.PREFIX <= label < labels.PREFIX + labels.BLOCK for label in stacks(shadow, phase)), phase


def test_the_tables_follow_every_cut_without_the_brain(shadow: list[Line]) -> None:
    """The first hop of every pair is that of the shortest path that is left."""
    tables = {line["of"]: line for line in shadow if line["event"] == "tables"}
    for phase in ("steady", "headless", "first", "second", "third", "returned"):
        assert (tables[phase]["blackhole"], tables[phase]["loop"], tables[phase]["longer"]) == (0, 0, 0), tables[phase]


def test_the_brain_wins_again_when_it_is_back(shadow: list[Line]) -> None:
    assert all(label < labels.PREFIX for label in stacks(shadow, "returned"))
