"""The journal of a small modelled run, byte by byte: a change of the model, the brain or its rules shows here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from modelled_run import play, square

from experiments.asking.spec import Spec

SPEC = Spec.model_validate(
    {
        "name": "small",
        "topology": "square",
        "policies": ["soft-state", "fail-static", "fast-reroute"],
        "end": "9 s",
        # no bulk flows: their rates hang on the last digits of a platform's trigonometry
        "traffic": {"bulk_flows": 0},
        "phases": [
            {"name": "steady", "at": 0},
            {"name": "cut", "at": "1 s"},
            {"name": "headless", "at": "3 s"},
            {"name": "back", "at": "5 s"},
        ],
        "timeline": [
            {"at": "1 s", "fault": "link.cut", "target": "b-c"},
            {"at": "2 s", "fault": "link.heal", "target": "b-c"},
            {"at": "3 s", "fault": "brain.kill"},
            {"at": "5 s", "fault": "brain.return"},
        ],
    }
)


@pytest.mark.parametrize("policy", SPEC.policies)
def test_the_journal(policy: str, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    assert play(SPEC, square(), policy, tmp_path).outcome == "complete"
    golden(f"modelled/{policy}.jsonl", (tmp_path / "journal.jsonl").read_text())
