"""The page of a matrix: four heat tables, the timelines, what could not be, how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.matrix import picture, scenario
from experiments.matrix.picture import HEAT, MARKS, Every
from experiments.matrix.plan import Asked
from experiments.matrix.table import MEASURED, NUMBERS, Cell, heat
from experiments.report import backend, palette
from experiments.report.heatmap import drawn_colours
from experiments.report.pages import image, page
from experiments.report.words import MISSING

TEMPLATE = "matrix.html.j2"
PICTURED = ("outage_p99_ms", "availability_pct")


@dataclass(frozen=True, slots=True)
class Table:
    """A heat table. ``columns``: fault → a cell per policy, of the faults under which it says anything."""

    title: str
    about: str
    columns: Mapping[str, Sequence[Cell]]


def tables(asked: Asked, every: Every) -> dict[str, Table]:
    """By metric; those with anything to say."""
    found = {}
    for number in NUMBERS:
        columns = {fault: heat(number, every, asked.policies, fault) for fault in asked.faults}
        shown = {fault: cells for fault, cells in columns.items() if any(cell.words != MISSING for cell in cells)}
        if shown:
            found[number.metric] = Table(number.title, number.about, shown)
    return found


def pictured(asked: Asked, every: Every, facts: Mapping[str, Any]) -> bytes:
    """``matrix.png``: outage and availability."""
    shown = tables(asked, every)
    chosen = [(shown[metric].title, shown[metric].columns) for metric in PICTURED if metric in shown]
    drawn = picture.heats(chosen, asked.policies)
    backend.stamp(drawn, facts)
    return palette.png(drawn)


def render(asked: Asked, every: Every, facts: Mapping[str, Any]) -> str:
    """The whole page, one file."""
    drawn = picture.multiples(every, asked.policies, asked.faults, headless=asked.headless)
    context = {
        "asked": asked,
        "facts": facts,
        "notice": backend.notice(facts),
        "tables": tables(asked, every).values(),
        "multiples": image(drawn),
        "empty": empty(every),
        "doubted": sum(not one.trusted for one in every.values()),
        "faults": [(words, told(words, headless=asked.headless)) for words in asked.faults],
        "paint": paint,
        "marks": MARKS,
    }
    return page(TEMPLATE, context, folder=Path(__file__).parent)


def empty(every: Every) -> list[tuple[str, str, str, str]]:
    """(designs, fault, state, why), those alike together."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in every.values():
        if one.state != MEASURED:
            alike.setdefault((one.fault, one.state, one.why), []).append(one.policy)
    return [(", ".join(policies), *what) for what, policies in alike.items()]


def told(words: str, *, headless: bool) -> str:
    """The timeline of a fault in a line."""
    entries = scenario.experiment(scenario.fault(words), headless=headless)["timeline"]
    return " · ".join(
        " ".join(filter(None, (entry["at"], entry["fault"], entry["target"], _with(entry)))) for entry in entries
    )


def _with(entry: Mapping[str, Any]) -> str:
    given = ", ".join(f"{name} {value}" for name, value in entry.get("with", {}).items())
    return f"({given})" if given else ""


def paint(cell: Cell) -> str:
    """The style of a cell of a table."""
    from matplotlib.colors import to_hex

    if cell.heat is None:
        return ""
    ink = "#fff" if cell.heat > picture.DARK else palette.INK
    return f"background:{to_hex(drawn_colours()(cell.heat * HEAT))};color:{ink}"
