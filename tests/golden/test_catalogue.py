"""Every shipped experiment, computed: what it predicts comes out, and its headline figures stay what they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from experiments import modelled
from experiments.asking.prepare import prepare
from experiments.asking.reading import question, shipped
from experiments.conclude import Unwatched
from experiments.judging.judge import judge

HEADLINES = ("availability_pct", "outage_p99_ms", "blackhole_pair_s", "return_lost")


def table(summary: Mapping[str, Any]) -> str:
    """A line per policy."""
    lines = [f"{'policy':<32} {'verdict':<8}" + "".join(f" {name:>17}" for name in HEADLINES)]
    for name, policy in summary["policies"].items():
        values = (policy["metrics"].get(headline) for headline in HEADLINES)
        shown = ("–" if value is None else f"{value:.6g}" for value in values)
        lines.append(f"{name:<32} {policy['verdict']:<8}" + "".join(f" {value:>17}" for value in shown))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", shipped())
def test_what_it_predicts_comes_out(
    name: str, tmp_path: Path, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modelled, "finish", judge)  # the pictures are tested elsewhere
    summary = modelled.execute(prepare(name), tmp_path, Unwatched()).summary
    failed = [
        f"{policy}: {check['name']}: {check['value']} ({check['why']})"
        for policy, found in summary["policies"].items()
        for check in found["checks"]
        if check["verdict"] != "pass"
    ]
    assert not failed
    assert summary["verdict"] == "pass"
    golden(f"catalogue/{name}.txt", table(summary))


@pytest.mark.parametrize("name", shipped())
def test_it_begins_with_the_question_that_it_answers(name: str) -> None:
    assert question(shipped()[name]).endswith("?")
