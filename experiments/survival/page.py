"""The page of a study: its curves, its budgets, its table, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.report.pages import drawing, page
from experiments.survival import picture, table
from experiments.survival.spec import SurvivalSpec
from experiments.survival.table import Line
from experiments.survival.work import IDEAL
from topology.model import Topology

TEMPLATE = "page.html.j2"


def render(spec: SurvivalSpec, lines: Sequence[Line], networks: Sequence[Topology], facts: Mapping[str, Any]) -> str:
    """The whole page, one file."""
    context = {
        "spec": spec,
        "ideal": IDEAL,
        "headings": table.HEADINGS,
        "rows": list(table.words(lines)),
        "survival": drawing(picture.survival(lines), "survival"),
        "budgets": drawing(picture.budgets(lines), "budgets"),
        "networks": networks,
        "facts": facts,
    }
    return page(TEMPLATE, context, folder=Path(__file__).parent)
