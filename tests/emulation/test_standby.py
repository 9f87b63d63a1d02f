"""Three real brains over a real etcd and Open vSwitch's own roles: take-over, and a deposed leader that is kept out.

What is asserted holds on a busy machine too: who led, what the switches refused, what was lost.
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

MACHINE = preflight.probe()
NEEDED = [
    f"{lacking.name}: {lacking.detail}" for lacking in (*MACHINE.missing(), MACHINE.ability("etcd")) if not lacking.ok
]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason="; ".join(NEEDED))

SPEC = """
# Is a deposed leader kept out?
name: fence
topology: %s
policies: [standby, standby-heedless]
traffic: {bulk_flows: 0}
end: 13 s
phases:
  - {name: steady, at: 0 s}
  - {name: hung, at: 2 s}
  - {name: cut, at: 4 s}
  - {name: woken, at: 6 s}
  - {name: killed, at: 9 s}
timeline:
  - {at: 2 s, fault: brain.hang, target: leader}
  - {at: 4 s, fault: link.cut, target: ams-lon}
  - {at: 6 s, fault: brain.return}
  - {at: 9 s, fault: brain.kill, target: leader}
"""
POLICIES = ("standby", "standby-heedless")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, square: Path) -> Path:
    folder = tmp_path_factory.mktemp("fence")
    (folder / "fence.yaml").write_text(SPEC % square)
    result = execute(prepare(str(folder / "fence.yaml")), Means(results=folder / "results"), Unwatched())
    assert result.errors == {}
    return result.run


@pytest.fixture(scope="module")
def journal(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]


def told(journal: list[dict[str, Any]], policy: str, **wanted: object) -> list[dict[str, Any]]:
    """The lines of one policy's brains."""
    lines = (line for line in journal if line["event"] == "brain" and line["policy"] == policy)
    return [line for line in lines if wanted.items() <= line.items()]


@pytest.mark.parametrize("policy", POLICIES)
def test_each_lost_leader_is_replaced_by_a_brain_that_is_master_everywhere(
    journal: list[dict[str, Any]], policy: str
) -> None:
    leaders = told(journal, policy, what="leads")
    assert leaders[0]["brain"] == "brain-1"
    assert len(leaders) == 3
    generations = [line["generation"] for line in leaders]
    assert generations == sorted(set(generations))
    for line in leaders:
        mine = told(journal, policy, what="role", role="master", generation=line["generation"], brain=line["brain"])
        assert {role["pop"] for role in mine} == {"ams", "lon", "par", "fra"}


def test_a_kill_of_the_leader_loses_no_probe(run: Path) -> None:
    phases = json.loads((run / "summary.json").read_text())["policies"]["standby"]["phases"]
    assert phases["killed"]["probes_lost"] == 0
    assert phases["killed"]["takeover_s"] is not None


def test_the_deposed_leader_is_refused_by_the_switches(journal: list[dict[str, Any]]) -> None:
    """One that looks at its lease does not write any more; one that does not is refused, mod by mod."""
    for policy, refused in (("standby", set()), ("standby-heedless", {"brain-1"})):
        errors = [line for line in told(journal, policy, what="error") if line["t"] > 0]
        assert {line["brain"] for line in errors if line["code"].startswith("OFPBRC_IS_SLAVE")} == refused
        assert {line["brain"] for line in errors if line["code"].startswith("OFPRRFC_STALE")} == {"brain-1"}
