"""The table of policies in the terminal, with the verdict, what stands against it, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from experiments.report.columns import MARKS, Grid, grid

STYLES = {"": "", "good": "green", "bad": "red", "unsure": "yellow", "quiet": "dim"}
VERDICTS = {"pass": ("green", "pass"), "fail": ("red", "fail"), "unknown": ("yellow", "unknown (inconclusive)")}


@dataclass(frozen=True, slots=True)
class Comparison:
    """For ``rich.console.Console.print``; fits 80 columns, and takes more room where there is some."""

    summary: Mapping[str, Any]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        gap = 1 if options.max_width >= 90 else 0
        yield _policies(grid(self.summary, asides=options.max_width >= 110), gap)
        yield from _remarks(self.summary)
        yield _verdict(self.summary)


def table(summary: Mapping[str, Any]) -> Comparison:
    """The whole answer of a run, for a terminal."""
    return Comparison(summary)


def text(summary: Mapping[str, Any], width: int = 100) -> str:
    """The same as plain text."""
    out = StringIO()
    Console(width=width, color_system=None, file=out).print(table(summary))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _policies(found: Grid, gap: int) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold", padding=(0, gap, 0, 0), pad_edge=False)
    shown.add_column("policy", vertical="bottom", no_wrap=True)
    for column in found.columns:
        shown.add_column("\n".join(column.head), justify="right", vertical="bottom", no_wrap=True)
    for policy, cells in found.rows:
        shown.add_row(policy, *(Text(cell.text, style=STYLES[cell.tone]) for cell in cells))
    return shown


def _remarks(summary: Mapping[str, Any]) -> Iterator[Text]:
    """Every check that did not pass, and every reason for distrust."""
    for name, policy in summary["policies"].items():
        reasons = summary["fidelity"]["policies"].get(name, {}).get("reasons", [])
        for reason in reasons:
            yield Text.from_markup(f"[yellow]? {escape(name)}[/yellow] cannot be believed: {escape(reason)}")
        for check in policy["checks"]:
            if check["verdict"] != "pass" and not (reasons and check["verdict"] == "unknown"):
                yield Text.from_markup(_remark(name, check))


def _remark(name: str, check: Mapping[str, Any]) -> str:
    style = VERDICTS[check["verdict"]][0]
    value = "not known" if check["value"] is None else f"{check['value']:g} ± {check['error'] or 0:g}"
    why = f" ({check['why']})" if check["why"] else ""
    words = f"{check['name']}: {check['metric']} {value}, bound {check['bound']}{why}"
    return f"[{style}]{MARKS[check['verdict']]} {escape(name)}[/{style}] {escape(words)}"


def _verdict(summary: Mapping[str, Any]) -> Text:
    style, word = VERDICTS[summary["verdict"]]
    return Text.from_markup(f"\nverdict: [bold {style}]{word}[/bold {style}]")
