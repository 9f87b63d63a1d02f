"""What the documents list, held against the code: no name is missing and none is invented."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

from experiments.faults import FAULTS
from experiments.judging.metric_names import METRICS, PHASE_ONLY
from experiments.sweep.plan import plan
from experiments.sweep.reading import read
from experiments.sweep.spec import SweepSpec
from failstatic.commands import STOPPED, VERDICT_STATUS
from topology.errors import InputError, MachineError

ROOT = Path(__file__).parents[2]
RECORDED = re.compile(r"""\b_?record\(\s*"([a-z]+)",""")


def rows(document: str, header: str) -> list[list[str]]:
    """The cells of the table whose first line begins like this."""
    lines = (ROOT / "docs" / document).read_text().splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(header))
    table = takewhile(lambda line: line.startswith("|"), lines[begin + 2 :])
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def metrics(cell: str) -> set[str]:
    """``outage_p50_ms``, ``_max_ms``: what begins with ``_`` replaces the end of the first."""
    first, *others = re.findall(r"`([^`]+)`", cell)
    stems = [first.rsplit("_", cut)[0] for cut in (1, 2)]
    return {first} | {next(stem + other for stem in stems if stem + other in METRICS) for other in others}


def test_every_event_of_the_journal() -> None:
    texts = [file.read_text() for file in (ROOT / "experiments").rglob("*.py")]
    recorded = {event for text in texts for event in RECORDED.findall(text)}
    told = {event for row in rows("architecture.md", "| event | says |") for event in re.findall(r"`(\w+)`", row[0])}
    assert told == recorded


def test_every_metric_and_whether_a_check_on_it_needs_a_phase() -> None:
    where = {metric: row[3] for row in rows("metrics.md", "| metric |") for metric in metrics(row[0])}
    assert set(where) == set(METRICS)
    assert {metric for metric, place in where.items() if place == "P"} == PHASE_ONLY


def test_every_fault() -> None:
    assert {row[0].strip("`") for row in rows("faults.md", "| kind | strikes |")} == set(FAULTS.names())


def test_the_example_of_a_fault_is_the_real_one() -> None:
    text = (ROOT / "docs/adding-a-fault.md").read_text()
    assert text.split("```python\n")[1].split("```")[0] == (ROOT / "experiments/faults/brain_hang.py").read_text()


def test_the_example_of_a_sweep_is_sound(tmp_path: Path) -> None:
    text = (ROOT / "docs/sweeps.md").read_text()
    (tmp_path / "example.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
    assert len(plan(read(str(tmp_path / "example.yaml"))).jobs) == 600


def test_every_key_of_a_sweep() -> None:
    assert {row[0].strip("`") for row in rows("sweeps.md", "| key | default |")} == {*SweepSpec.model_fields} - {
        "question"
    }


def test_every_exit_status() -> None:
    told = {int(row[0]) for row in rows("architecture.md", "| status | meaning |")}
    assert told == {*VERDICT_STATUS.values(), InputError.exit_status, MachineError.exit_status, STOPPED}
