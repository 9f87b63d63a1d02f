"""The table of policies in the terminal, with the verdict, what stands against it, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from experiments.report.backend import notice
from experiments.report.columns import MARKS, MOST_ASIDES, Grid, grid
from experiments.report.words import THIN, bound, with_error

STYLES = {"": "", "good": "green", "bad": "red", "unsure": "yellow", "quiet": "dim"}
_WIDEST = 1000
VERDICTS = {"pass": ("green", "pass"), "fail": ("red", "fail"), "unknown": ("yellow", "unknown (inconclusive)")}


@dataclass(frozen=True, slots=True)
class Comparison:
    """For ``rich.console.Console.print``; fits 80 columns, and takes more room where there is some."""

    summary: Mapping[str, Any]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield next(self._fitting(console, options))
        if remarks := list(_remarks(self.summary)):
            yield Text()
            yield from remarks
        if words := notice(self.summary):
            yield Text(f"\n{words}", style="bold yellow")
        yield verdict_line(self.summary["verdict"])

    def _fitting(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Tables that take no more room than there is, the fullest first; at last the smallest."""
        for asides in range(MOST_ASIDES, -1, -1):
            for gap in (1,) if asides == MOST_ASIDES else (1, 0):
                shown = _policies(grid(self.summary, asides=asides), gap)
                if Measurement.get(console, options.update(max_width=_WIDEST), shown).maximum <= options.max_width:
                    yield shown
        yield _policies(grid(self.summary, asides=0), 0)


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
        shown.add_row(policy, *(Text(plain(cell.text), style=STYLES[cell.tone]) for cell in cells))
    return shown


def _remarks(summary: Mapping[str, Any]) -> Iterator[Text]:
    """Every reason for distrust, every failed check, and why the others are unknown: each reason once."""
    for name, policy in summary["policies"].items():
        reasons = summary["fidelity"]["policies"].get(name, {}).get("reasons", [])
        yield from (_remark("unknown", name, f"cannot be believed: {reason}") for reason in reasons)
        yield from (_remark("fail", name, _words(check)) for check in policy["checks"] if check["verdict"] == "fail")
        doubts: dict[str, list[str]] = {}
        for check in policy["checks"]:
            if check["verdict"] == "unknown" and not reasons:
                doubts.setdefault(check["why"], []).append(check["name"])
        yield from (_remark("unknown", name, f"{'; '.join(checks)}: {why}") for why, checks in doubts.items())


def _remark(verdict: str, name: str, words: str) -> Text:
    return Text.assemble((f"{MARKS[verdict]} {name} ", VERDICTS[verdict][0]), plain(words))


def plain(words: str) -> str:
    """Not every terminal's font has the narrow space."""
    return words.replace(THIN, " ")


def _words(check: Mapping[str, Any]) -> str:
    value = with_error(check["metric"], check["value"], check["error"] or 0.0)
    why = f" ({check['why']})" if check["why"] else ""
    return f"{check['name']}: {check['metric']} is {value}, bound {bound(check['metric'], check['bound'])}{why}"


def verdict_line(verdict: str) -> Text:
    """The last line of an answer."""
    style, word = VERDICTS[verdict]
    return Text.from_markup(f"\nverdict: [bold {style}]{word}[/bold {style}]")
