"""The last words of a run: the table that compares the policies, and where the report is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from experiments.report import REPORT
from experiments.report.table import table


def show(console: Console, run: Path, summary: Mapping[str, Any]) -> None:
    """Table, verdict and remarks are the report's; the path is relative where that is shorter."""
    console.print()
    console.print(table(summary))
    report = run / REPORT
    console.print(f"Report: {escape(str(_near(report if report.exists() else run)))}", highlight=False, soft_wrap=True)


def _near(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
