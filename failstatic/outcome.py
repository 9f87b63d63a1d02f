"""The last words of a run: the table that compares the policies, the verdict, where the report is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

STYLES = {"pass": "green", "fail": "red", "unknown": "yellow"}
MARKS = {"pass": "[green]✓[/green]", "fail": "[red]✗[/red]", "unknown": "[yellow]?[/yellow]"}
REPORT = "report.html"
Summary = Mapping[str, Any]


def show(console: Console, run: Path, summary: Summary) -> None:
    """Checks by policy, the SLO column, what cannot be believed, the verdict, the report."""
    console.print()
    console.print(table(summary))
    for policy, reasons in summary.get("fidelity", {}).get("reasons", {}).items():
        for reason in reasons:
            console.print(f"[yellow]?[/yellow] {policy}: {escape(str(reason))}", highlight=False)
    verdict = summary["verdict"]
    console.print(f"\nVerdict: [bold {STYLES[verdict]}]{verdict}[/bold {STYLES[verdict]}]")
    report = run / REPORT
    console.print(f"Report:  {escape(str(_near(report if report.exists() else run)))}", highlight=False, soft_wrap=True)


def table(summary: Summary) -> Table:
    """One row per check and SLO, one column per policy; "as predicted" and "good" kept apart."""
    policies = summary["policies"]
    found = Table(box=None, pad_edge=False, padding=(0, 2))
    found.add_column("as predicted?", overflow="fold")
    for name in policies:
        found.add_column(name)
    _rows(found, {name: policy["checks"] for name, policy in policies.items()})
    found.add_row("[bold]verdict[/bold]", *(_verdict(policy["verdict"]) for policy in policies.values()))
    slo = {name: policy.get("slo", {}).get("items", []) for name, policy in policies.items()}
    if any(slo.values()):
        found.add_section()
        found.add_row("")
        found.add_row("[bold]good? (SLO)[/bold]")
        _rows(found, slo)
    return found


def _rows(found: Table, by_policy: Mapping[str, list[Summary]]) -> None:
    cells = {(name, item["name"]): _cell(item) for name, items in by_policy.items() for item in items}
    for title in dict.fromkeys(title for _, title in cells):
        found.add_row(escape(title), *(cells.get((name, title), "") for name in by_policy))


def _cell(item: Summary) -> str:
    """``✓ 4.1 (≤ 10)``; the reason instead of the bound where nothing can be said."""
    value = item.get("value")
    said = "–" if value is None else f"{value:,.4g}" if isinstance(value, float) else f"{value}"
    return f"{MARKS[item['verdict']]} {said} [dim]({escape(str(item.get('bound', '')))})[/dim]"


def _verdict(verdict: str) -> str:
    return f"[bold {STYLES[verdict]}]{verdict}[/]"


def _near(path: Path) -> Path:
    """Relative where that is shorter."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
