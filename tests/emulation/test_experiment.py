"""The whole way through, small: four PoPs, a killed brain, a cut, a heal and a return, with real packets.

What is asserted holds on a busy machine too: that faults happened, who went dark, what the tables
said. Times and verdicts are for quiet machines (``make bench``).
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

SPEC = """
# Does the small network do what the large one does?
name: square-loss
topology: %s
policies: [soft-state, fail-static, fast-reroute]
traffic: {bulk_flows: 2}
end: 17 s
phases:
  - {name: steady, at: 0 s}
  - {name: headless, at: 2 s}
  - {name: cut, at: 7 s}
  - {name: healed, at: 9 s}
  - {name: returned, at: 10 s}
timeline:
  - {at: 2 s, fault: brain.kill}
  - {at: 7 s, fault: link.cut, target: ams-lon}
  - {at: 9 s, fault: link.heal, target: ams-lon}
  - {at: 10 s, fault: brain.return}
checks:
  - {metric: probes_lost, phase: steady, max: 0}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, square: Path) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "square-loss.yaml").write_text(SPEC % square)
    result = execute(prepare(str(folder / "square-loss.yaml")), Means(results=folder / "results"), Unwatched())
    assert result.errors == {}
    return result.run


@pytest.fixture(scope="module")
def summary(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "summary.json").read_text()))


@pytest.fixture(scope="module")
def journal(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]


def test_all_files_are_there(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    promised = {"manifest.json", "journal.jsonl", "probes.parquet", "summary.json", "junit.xml", "report.html"}
    assert promised | {"timeline.png", "map.png"} <= names
    assert not any(name.endswith(".bin") for name in names)


def test_every_fault_is_proven(journal: list[dict[str, Any]]) -> None:
    proofs = [(line["policy"], line["fault"], line["held"]) for line in journal if line["event"] == "proof"]
    assert len(proofs) == 3 * 4
    assert all(held for _, _, held in proofs), proofs


def test_who_goes_dark(summary: dict[str, Any]) -> None:
    phases = {name: policy["phases"] for name, policy in summary["policies"].items()}
    assert phases["soft-state"]["headless"]["pairs_down_at_end"] == 12, "rules that nobody refreshes expire"
    assert phases["fail-static"]["headless"]["pairs_down_at_end"] == 0
    assert phases["fail-static"]["cut"]["pairs_down_at_end"] > 0, "nobody repairs"
    assert phases["fast-reroute"]["cut"]["pairs_down_at_end"] == 0, "the PoPs repair by themselves"
    for policy in phases.values():
        assert policy["returned"]["pairs_down_at_end"] == 0


def test_a_repaired_packet_really_goes_round(journal: list[dict[str, Any]]) -> None:
    traces = [
        line
        for line in journal
        if line["event"] == "trace" and line["phase"] == "cut" and line["policy"] == "fast-reroute"
    ]
    (direct,) = (line for line in traces if line["pair"] == ["ams", "lon"])
    assert direct["delivered"]
    assert set(direct["links"]) == {"fra-ams", "par-fra", "lon-par"}
    assert all(len(stack) <= 3 for stack in direct["stacks"])


def test_the_tables_are_right_before_and_after(journal: list[dict[str, Any]]) -> None:
    for policy in ("fail-static", "fast-reroute"):
        right = {
            line["of"]: line["right"] for line in journal if line["event"] == "tables" and line["policy"] == policy
        }
        assert right["steady"]
        assert right["returned"]


def test_links_were_built_as_configured(journal: list[dict[str, Any]]) -> None:
    for line in journal:
        if line["event"] == "link":
            assert line["measured_ab_ms"] == pytest.approx(line["delay_ms"], abs=5.0)
