"""The table that ``make bench`` prints, and the notes under it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.figures import Figure
from bench.outcome import Outcome
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from topology.replica.machine import Machine

WORDS = {True: "[green]met[/green]", False: "[red]missed[/red]", None: ""}
UNSEEN_COLUMNS = 150
"""Width where no terminal says one."""
LEGEND = (
    "measured: median (min–max) of n. Others: the share of all processors that other programs took meanwhile; "
    "with more than a few % the figures tell of them too."
)


def output() -> Console:
    """Standard output, wide enough for the table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=UNSEEN_COLUMNS)


def show(console: Console, outcomes: Sequence[Outcome], machine: Machine) -> None:
    """A line per figure; what others took of the processors stands beside the first of each bench."""
    table, notes = Table(box=None, pad_edge=False), list[str]()
    for title in ("what", "measured", "bound", "", "others"):
        table.add_column(title, no_wrap=title in ("measured", "bound"))
    for outcome in outcomes:
        others = "as above" if outcome.others_pct is None else f"{outcome.others_pct:.0f} %"
        for row in _rows(outcome, notes):
            table.add_row(*row, others)
            others = ""
    console.print(table)
    for number, note in enumerate(notes, start=1):
        console.print(f"[dim]{number:>2}  {escape(note)}[/dim]")
    console.print(f"[dim]{_machine(machine)}\n{LEGEND}[/dim]")


def _rows(outcome: Outcome, notes: list[str]) -> Iterator[tuple[str, str, str, str]]:
    for figure in outcome.figures:
        yield _row(figure, notes)
    if outcome.trouble:
        yield outcome.bench.name + _marked(outcome.trouble, notes), "", "", "[yellow]not measured[/yellow]"


def _row(figure: Figure, notes: list[str]) -> tuple[str, str, str, str]:
    what = escape(figure.what) + _marked(figure.note, notes)
    return what, f"{figure.measured} {figure.unit}", figure.bound, WORDS[figure.met]


def _marked(note: str, notes: list[str]) -> str:
    """The mark that leads to the note; nothing without one."""
    if not note:
        return ""
    if note not in notes:
        notes.append(note)
    return f" [dim]({notes.index(note) + 1})[/dim]"


def _machine(machine: Machine) -> str:
    return (
        f"{machine.cores} cores, {machine.system}, kernel {machine.kernel}, {machine.datapath} datapath, "
        f"{machine.links} links, {machine.priority}"
    )
