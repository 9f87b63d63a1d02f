"""Designs × faults: what is asked, what is refused by name, what a cell leaves, and the page over all of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.asking.spec import Spec
from experiments.faults import FAULTS
from experiments.matrix import page, scenario, table
from experiments.matrix.conduct import Conducted
from experiments.matrix.plan import Asked, Planned, plan
from experiments.matrix.table import FAILED, MEASURED, NUMBERS, REFUSED, Found
from experiments.matrix.work import SERIES, STEP_S, work
from experiments.policies import POLICIES
from experiments.report.words import amount
from experiments.sweep.reading import WHOLE_RUN
from experiments.sweep.store import frame_of
from experiments.sweep.work import TRUSTED
from topology.errors import InputError

OUTAGE, AVAILABILITY = NUMBERS[0], NUMBERS[1]
COLUMNS = sorted(set(FAULTS) - set(scenario.ENDED_BY.values()))
FACTS = {
    "topology": "edge12", "backend": "modelled", "written": "2026-01-01T00:00:00Z", "commit": "abc",
    "command": "failstatic matrix", "versions": {"python": "3"},
}  # fmt: skip


@pytest.mark.parametrize("headless", [False, True])
@pytest.mark.parametrize("kind", COLUMNS)
def test_every_fault_has_a_sound_timeline(kind: str, headless: bool) -> None:
    """Also those of the emulated backend alone, which sound out their own settings."""
    asked = Asked(("standby",), (kind,), backend="emulated", headless=headless)
    planned = plan(asked)
    assert len(planned.jobs) + len(planned.refused) == 1
    tried = scenario.fault(kind)
    spec = Spec.model_validate(
        {"name": "x", "topology": "edge12", "policies": ["standby"], **scenario.experiment(tried, headless=headless)}
    )
    strikes = [entry.fault for entry in spec.timeline]
    assert kind in strikes
    assert spec.phases[0].name == scenario.STEADY
    assert scenario.STRUCK in {phase.name for phase in spec.phases}
    assert (strikes[0] == "brain.kill" and len(spec.phases) == 5) or not headless or tried.aims_at in ("brain", "etcd")


def test_what_cannot_be_is_an_empty_cell_with_its_reason() -> None:
    planned = plan(Asked(("fail-static", "standby"), ("etcd.kill", "machine.hog", "link.cut")))
    assert "has no store" in planned.refused["fail-static", "etcd.kill"]
    assert "machine.hog" in planned.refused["standby", "machine.hog"]
    assert {planned.cells[job.key] for job in planned.jobs} == {
        ("fail-static", "link.cut"), ("standby", "etcd.kill"), ("standby", "link.cut"),
    }  # fmt: skip


def test_nobody_obeys_a_push_while_no_brain_lives() -> None:
    planned = plan(Asked(("fast-reroute",), ("push.poison", "link.cut"), headless=True))
    assert planned.refused == {("fast-reroute", "push.poison"): "there is no brain that could obey"}


def test_all_mistakes_are_told_at_once() -> None:
    asked = Asked(("fast", "standby", "standby"), ("link.cutt", "link.heal", "link.cut@nowhere-ams"), backend="paper")
    with pytest.raises(InputError) as told:
        plan(asked)
    words = str(told.value)
    for part in ("'fast'", "'standby' stands here twice", "link.cutt", "comes by itself", "nowhere-ams", "paper"):
        assert part in words


def test_seeds_make_runs_of_a_cell() -> None:
    planned = plan(Asked(("fail-static",), ("link.cut@random(1)",), seeds=3))
    assert [job.columns["seed"] for job in planned.jobs] == [1, 2, 3]
    assert set(planned.cells.values()) == {("fail-static", "link.cut@random(1)")}


@pytest.fixture(scope="module")
def headless() -> tuple[Planned, dict[tuple[str, str], Found]]:
    """A cut without a brain under two designs, and a push that nobody hears."""
    planned = plan(Asked(("fail-static", "fast-reroute"), ("link.cut", "push.poison"), headless=True))
    rows = [{"point": job.key, **job.columns, **row} for job in planned.jobs for row in work(job.payload)]
    return planned, table.found(planned, frame_of(rows), {})


def test_a_cut_without_a_brain_tells_the_designs_apart(
    headless: tuple[Planned, dict[tuple[str, str], Found]],
) -> None:
    _, every = headless
    static, repaired = every["fail-static", "link.cut"], every["fast-reroute", "link.cut"]
    assert static.state == repaired.state == MEASURED
    assert (static.value("outage_p99_ms") or 0) > 11_000
    assert (repaired.value("outage_p99_ms") or 0) < 500
    assert static.value("stale_route_pct")
    assert static.value("return_cost_s") is not None
    struck = [share for step, share in enumerate(static.down) if 11 <= step * STEP_S < 21]
    assert all(0 < share < 1 for share in struck)
    assert not any(static.down[: int(4 / STEP_S)])


def test_the_page_opens_offline_and_shows_the_empty_cells(
    headless: tuple[Planned, dict[tuple[str, str], Found]],
) -> None:
    planned, every = headless
    text = page.render(planned.asked, every, FACTS)
    assert "No packet was sent" in text
    assert "there is no brain that could obey" in text
    assert "▲" in text
    assert "▼" in text
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#|data:)|<script|@import|url\(\s*["']?http""", text)
    assert page.pictured(planned.asked, every, FACTS).startswith(b"\x89PNG")


def test_empty_cells_of_one_reason_are_told_together(headless: tuple[Planned, dict[tuple[str, str], Found]]) -> None:
    reason = "there is no brain that could obey"
    assert page.empty(headless[1]) == [("fail-static, fast-reroute", "push.poison", REFUSED, reason)]


def _every(*values: float, trusted: bool = True) -> dict[tuple[str, str], Found]:
    found = (Found(f"p{i}", "x", MEASURED, values={"outage_p99_ms": [v]}) for i, v in enumerate(values))
    every = {(one.policy, one.fault): one for one in found}
    first = every["p0", "x"]
    return {**every, ("p0", "x"): replace(first, trusted=trusted)}


def _marks(every: dict[tuple[str, str], Found]) -> list[str]:
    return [cell.mark for cell in table.heat(OUTAGE, every, [policy for policy, _ in every], "x")]


def test_best_and_worst_are_marked_where_designs_differ_by_more_than_the_error() -> None:
    assert _marks(_every(50, 900, 12_000)) == ["best", "", "worst"]
    assert _marks(_every(50, 100, 12_000)) == ["best", "best", "worst"]
    assert _marks(_every(50, 100, 150)) == ["", "", ""]


def test_what_cannot_be_believed_is_neither_best_nor_worst() -> None:
    every = _every(0, 900, 12_000, trusted=False)
    assert _marks(every) == ["", "best", "worst"]
    assert table.heat(OUTAGE, every, ["p0"], "x")[0].words.endswith("?")


def test_more_availability_is_better() -> None:
    every = {
        (name, "x"): Found(name, "x", MEASURED, values={"availability_pct": [value]})
        for name, value in (("a", 99.0), ("b", 50.0))
    }
    assert [cell.mark for cell in table.heat(AVAILABILITY, every, ["a", "b"], "x")] == ["best", "worst"]


def test_a_cell_that_broke_is_told_and_the_others_stand() -> None:
    planned = plan(Asked(("fail-static", "sliced"), ("link.cut",)))
    every = table.found(planned, frame_of([]), {planned.jobs[0].key: "the relay died"})
    assert every["fail-static", "link.cut"].plain["why"] == "the relay died"
    assert {one.state for one in every.values()} == {FAILED}
    assert all(cell.heat is None for cell in table.heat(OUTAGE, every, planned.asked.policies, "link.cut"))


def test_a_cell_of_which_a_seed_broke_is_neither_whole_nor_best(tmp_path: Path) -> None:
    planned = plan(Asked(("fail-static",), ("link.cut",), seeds=2))
    rows = [
        {
            "point": planned.jobs[0].key,
            "seed": 1,
            "phase": WHOLE_RUN,
            TRUSTED: True,
            SERIES: "[0]",
            "outage_p99_ms": 50.0,
        }
    ]
    every = table.found(planned, frame_of(rows), {planned.jobs[1].key: "the relay died"})
    (cell,) = table.heat(OUTAGE, every, ("fail-static",), "link.cut")
    assert cell.words == amount("outage_p99_ms", 50.0) + " ?"
    assert "1 more runs broke: the relay died" in cell.title
    assert Conducted(tmp_path, every).failed == ["fail-static under link.cut: the relay died"]


def test_medians_over_seeds_with_their_range() -> None:
    one = Found("a", "x", MEASURED, values={"outage_p99_ms": [100.0, 900.0, 300.0]})
    (cell,) = table.heat(OUTAGE, {("a", "x"): one}, ["a"], "x")
    assert cell.words.startswith("300")
    assert cell.title.startswith("100")
    assert "900" in cell.title
    assert json.loads(json.dumps(one.plain))["medians"]["outage_p99_ms"] == 300


def test_the_document_lists_what_is_tried_when_nothing_is_said() -> None:
    text = (Path(__file__).parents[2] / "docs/matrix.md").read_text()
    for option, names in (("--policies", Asked().policies), ("--faults", Asked().faults)):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{option}"))
        assert re.findall(r"`([^`]+)`", row.split("|")[2]) == list(names)
    assert set(Asked().policies) <= set(POLICIES)
    assert REFUSED in text
