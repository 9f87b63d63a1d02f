"""The table that compares policies, as data: one row per policy, the columns that teach.

Which columns there are follows from what happened: a phase that the loss of the brain opened
gives "kill alone", one that a broken link opened gives the outage and its two parts, one that
the brain's return opened gives the cost of coming back. Terminal and page show the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.report.words import MISSING, amount, number

Policy = Mapping[str, Any]
MARKS = {"pass": "✓", "fail": "✗", "unknown": "?"}
MOST_ASIDES = 3
GRADES = {"met": "✓", "missed": "✗", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Cell:
    """``tone``: empty, ``good``, ``bad``, ``unsure`` or ``quiet``."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """``head`` in two lines; ``about`` says in full what stands there."""

    head: tuple[str, str]
    about: str
    cell: Callable[[Policy], Cell]
    aside: int = 0
    """Left out where there is too little room: those with the highest number first, 0 never."""


@dataclass(frozen=True, slots=True)
class Grid:
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    """(policy, its cells)."""


def grid(summary: Mapping[str, Any], *, asides: int = MOST_ASIDES) -> Grid:
    """All policies that were run, in columns whose ``aside`` is no higher."""
    policies: Mapping[str, Policy] = summary["policies"]
    columns = tuple(column for column in _columns(policies) if column.aside <= asides)
    rows = tuple((name, tuple(column.cell(policy) for column in columns)) for name, policy in policies.items())
    return Grid(columns, rows)


def opened(policies: Mapping[str, Policy], aims_at: str, *, restored: bool = False) -> tuple[str, str]:
    """(phase, kind of event) of the first phase that such an event opened; two empty strings without."""
    for policy in policies.values():
        for phase in policy["timeline"]["phases"]:
            for event in phase["opened_by"]:
                if (event["aims_at"], event["restores"]) == (aims_at, restored):
                    return str(phase["name"]), str(event["kind"])
    return "", ""


def _columns(policies: Mapping[str, Policy]) -> list[Column]:
    (lost, killed), (cut, broken) = opened(policies, "brain"), opened(policies, "link")
    back, _ = opened(policies, "brain", restored=True)
    found: list[Column] = []
    if lost:
        how = killed.split(".")[-1]
        found.append(
            Column((f"{how}:", "lost"), f"probes lost by the {how} alone, in phase {lost}", _of(lost, "probes_lost"))
        )
    if any("takeover_s" in policy["phases"].get(lost, {}) for policy in policies.values()):
        over = "from the loss of the leading brain until another has gone through every PoP"
        found.append(Column(("take-", "over"), over, _of(lost, "takeover_s")))
    if cut:
        found += _cut_columns(cut, broken.split(".")[-1])
    whole = "of all 1 s windows with at most 5 % loss, weighted by demand, whole run"
    found.append(Column(("avail-", "ability"), f"share {whole}", _overall("availability_pct")))
    hole = "pairs down, integrated over the whole run"
    found.append(Column(("black", "hole"), hole, _overall("blackhole_pair_s"), aside=3))
    if back:
        cost = "from the returned brain's first hello until its work is done and the tables are right"
        found.append(Column(("return", "cost"), cost, _of(back, "return_cost_s"), aside=1))
        found.append(Column(("lost on", "return"), f"probes lost in phase {back}", _of(back, "return_lost"), aside=3))
    found.append(Column(("as pre-", "dicted"), "checks against what the spec predicts of this design", _verdict))
    found.append(Column(("", "SLO"), "what users would want of any design; does not touch the verdict", _grade))
    return found


def _cut_columns(phase: str, how: str) -> list[Column]:
    outage = f"longest lost run of each affected pair in phase {phase}"
    parts = "worst fine pair across the link: lost on the link itself, and until the repair"
    dark = f"most pairs without any delivery at once, in phase {phase}"
    return [
        Column((f"{how}:", "p50"), f"{outage}, median", _of(phase, "outage_p50_ms"), aside=2),
        Column(("outage", "p99"), f"{outage}, 99th percentile", _of(phase, "outage_p99_ms")),
        Column(("in flight", "+ repair"), parts, _parts(phase)),
        Column(("pairs", "dark"), dark, _of(phase, "pairs_dark_max")),
    ]


def _of(phase: str, metric: str) -> Callable[[Policy], Cell]:
    def cell(policy: Policy) -> Cell:
        value = policy["phases"].get(phase, {}).get(metric)
        error = policy["errors"]["phases"].get(phase, {}).get(metric, 0.0)
        return _cell(metric, value, error)

    return cell


def _overall(metric: str) -> Callable[[Policy], Cell]:
    return lambda policy: _cell(metric, policy["metrics"].get(metric), policy["errors"]["metrics"].get(metric, 0.0))


def _cell(metric: str, value: float | None, error: float) -> Cell:
    if value is None:
        return Cell(MISSING, "quiet")
    if value == 0 and not metric.startswith("availability"):
        return Cell("0", "quiet")
    return Cell(amount(metric, value, error, spare=int(metric.endswith("_pct"))))


def _parts(phase: str) -> Callable[[Policy], Cell]:
    """What was on the link, and what the repair took."""

    def cell(policy: Policy) -> Cell:
        found = policy["phases"].get(phase, {})
        if found.get("repair_ms") is None:
            why = policy["notes"]["phases"].get(phase, {}).get("repair_ms", "")
            return Cell("was dark" if "dark" in why else MISSING, "quiet")
        never = "not repaired" in policy["notes"]["phases"].get(phase, {}).get("repair_ms", "")
        error = policy["errors"]["phases"].get(phase, {}).get("repair_ms", 0.0)
        repair = "never" if never else amount("repair_ms", found["repair_ms"], error, spare=1)
        return Cell(f"{number(found['in_flight_ms'], 1.0)} + {repair}")

    return cell


def _verdict(policy: Policy) -> Cell:
    """Checks against what was predicted of this design."""
    found = policy["checks"]
    passed = sum(check["verdict"] == "pass" for check in found)
    tone = {"pass": "good", "fail": "bad"}.get(policy["verdict"], "unsure")
    words = f"{MARKS[policy['verdict']]} {passed}/{len(found)}" if found else MARKS[policy["verdict"]]
    return Cell(words, tone)


def _grade(policy: Policy) -> Cell:
    """What users would want of any design."""
    items, grade = policy["slo"]["items"], policy["slo"]["grade"]
    met = sum(item["verdict"] == "pass" for item in items)
    tone = {"met": "good", "missed": "bad", "none": "quiet"}.get(grade, "unsure")
    return Cell(f"{GRADES[grade]} {met}/{len(items)}" if items else MISSING, tone)
