"""Brains that come back knowing too little, bad pushes and a planned change, small, with real packets.

What is asserted holds on a busy machine too: who went dark, who lost what, and what the brain said.
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
from topology.replica import preflight

NEEDED = [f"{lacking.name}: {lacking.detail}" for lacking in preflight.probe().missing()]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason="; ".join(NEEDED))

RETURNS = """
# What does the way in which a brain comes back cost?
name: square-returns
topology: %s
policies: [fast-reroute, fast-reroute+wipe, fast-reroute+empty, fast-reroute+empty-unguarded]
traffic: {bulk_flows: 0, probe_interval: 5 ms}
end: 12 s
phases:
  - {name: steady, at: 0 s}
  - {name: headless, at: 2 s}
  - {name: returned, at: 4 s}
timeline:
  - {at: 2 s, fault: brain.kill}
  - {at: 4 s, fault: brain.return}
"""
PUSHES = """
# How far does a bad push get, and does a planned change of every path lose a packet?
name: square-pushes
topology: %s
policies: [fast-reroute]
traffic: {bulk_flows: 0, probe_interval: 20 ms}
end: 31 s
phases:
  - {name: steady, at: 0 s}
  - {name: planned, at: 2 s}
  - {name: staged, at: 9 s}
  - {name: back, at: 14 s}
  - {name: delayed, at: 17 s}
  - {name: crashed, at: 20 s}
  - {name: useless, at: 24 s}
  - {name: first, at: 27 s}
timeline:
  - {at: 2 s, fault: brain.replan, with: {metric: hops}}
  - {at: 9 s, fault: push.poison, with: {stages: 1-100 %%, gate: 1 s}}
  - {at: 14 s, fault: push.rollback}
  - {at: 17 s, fault: push.poison, with: {delay: 5 s}}
  - {at: 24 s, fault: push.rollback}
  - {at: 27 s, fault: push.rollback, with: {to: first}}
"""


def played(text: str, topology: Path, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(policy → its summary, the journal) of a spec that is run for real."""
    (folder / "spec.yaml").write_text(text % topology)
    result = execute(prepare(str(folder / "spec.yaml")), Means(results=folder / "results"), Unwatched())
    assert result.errors == {}
    journal = [json.loads(line) for line in (result.run / "journal.jsonl").read_text().splitlines()]
    return json.loads((result.run / "summary.json").read_text())["policies"], journal


def said(journal: list[dict[str, Any]], what: str, policy: str) -> list[dict[str, Any]]:
    return [line for line in journal if line.get("what") == what and line["policy"] == policy]


def all_proven(journal: list[dict[str, Any]]) -> bool:
    return all(line["held"] for line in journal if line["event"] == "proof")


def test_how_a_brain_comes_back(square: Path, tmp_path: Path) -> None:
    found, journal = played(RETURNS, square, tmp_path)
    assert all_proven(journal)
    returned = {name: policy["phases"]["returned"] for name, policy in found.items()}
    assert returned["fast-reroute"]["probes_lost"] == 0
    assert returned["fast-reroute+wipe"]["pairs_hit"] > 6, "for about a round trip to the brain nobody forwards"
    assert returned["fast-reroute+wipe"]["pairs_down_at_end"] == 0
    assert said(journal, "refused", "fast-reroute+empty")
    assert returned["fast-reroute+empty"]["probes_lost"] == 0
    assert returned["fast-reroute+empty-unguarded"]["pairs_down_at_end"] == 12


def test_pushes_and_a_planned_change(square: Path, tmp_path: Path) -> None:
    found, journal = played(PUSHES, square, tmp_path)
    assert all_proven(journal)
    phases = found["fast-reroute"]["phases"]
    assert phases["planned"]["probes_lost"] == 0
    assert said(journal, "push-stopped", "fast-reroute")[0]["reached"] == 1
    down = {name: phase["pairs_down_at_end"] for name, phase in phases.items()}
    assert down["staged"] == 6, "the pairs of one PoP of four"
    assert (down["back"], down["delayed"]) == (0, 0)
    assert (down["crashed"], down["useless"]) == (12, 12), "the last known good is the bad one"
    assert down["first"] == 0
