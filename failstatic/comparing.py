"""``failstatic compare`` and ``failstatic baseline``: did the network get worse? The regression gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from failstatic import names
from failstatic.commands import VERDICT_STATUS, out
from topology.errors import InputError, Problem, unknown

if TYPE_CHECKING:
    from experiments.comparison.compare import Comparison

Results = Annotated[Path, typer.Option("--results", help="Folder that holds the runs.")]
Last = Annotated[Optional[int], typer.Option("--last", min=1, help="Of a folder of runs, the newest so many.")]  # noqa: UP045
STYLES = {"bad": "red", "good": "green", "quiet": "dim", "unsure": "yellow"}


def add(app: typer.Typer) -> None:
    app.command("compare")(compare)
    app.command("baseline")(baseline)


def compare(
    before: Annotated[
        str, typer.Argument(help="Runs as a,b,c; a folder of runs; or a baseline file.", autocompletion=names.runs)
    ],
    after: Annotated[str, typer.Argument(help="The same, for the newer side.", autocompletion=names.runs)],
    metric: Annotated[Optional[str], typer.Option(help="Numbers to compare, as a,b.")] = None,  # noqa: UP045
    last: Last = None,
    results: Results = Path("results"),
    html: Annotated[Optional[Path], typer.Option("--html", help="Write the comparison as a page, too.")] = None,  # noqa: UP045
) -> None:
    """Hold two sets of runs against each other; red when the second is worse by more than chance.

    Runs are resampled, not pairs, so each side needs at least five runs; with fewer they are shown side by side and the
    exit status is 3. Exit status 1 when anything became worse.
    """
    from experiments.comparison.compare import GATED
    from experiments.comparison.compare import compare as held_against
    from experiments.comparison.sample import gather

    chosen = _metrics(metric) if metric else GATED
    first, second = gather(results, before, last), gather(results, after, last)
    comparison = held_against(first, second, chosen)
    _show(comparison)
    if html is not None:
        from experiments.comparison.words import page_of
        from experiments.report.palette import save

        save(html, page_of(comparison, first, second).encode())
        out().print(f"Page: {html}", highlight=False)
    raise typer.Exit(VERDICT_STATUS[comparison.verdict])


def baseline(
    runs: Annotated[
        str,
        typer.Argument(help="Runs as a,b,c, or a folder of runs (its newest, with --last).", autocompletion=names.runs),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("baseline.json"),
    last: Last = None,
    results: Results = Path("results"),
) -> None:
    """Keep the numbers of some runs in a small file that can be committed, for ``failstatic compare`` in CI."""
    from experiments.comparison.difference import ENOUGH
    from experiments.comparison.sample import gather, write_baseline

    samples = gather(results, runs, last)
    write_baseline(output, samples)
    out().print(f"{output}: {len(samples)} runs of {samples[0].question.experiment}", highlight=False)
    if len(samples) < ENOUGH:
        out().print(f"[yellow]A comparison needs at least {ENOUGH} runs on each side.[/yellow]")


def _metrics(words: str) -> tuple[str, ...]:
    from experiments.judging.metric_names import METRICS

    chosen = tuple(word.strip() for word in words.split(","))
    if problems := [Problem("--metric", unknown("metric", name, METRICS)) for name in chosen if name not in METRICS]:
        raise InputError(problems)
    return chosen


def _show(comparison: Comparison) -> None:
    from experiments.comparison.words import VERDICTS, row_words
    from experiments.report.table import plain, verdict_line

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold", pad_edge=False)
    for heading in ("", "number", "policy · phase", "before", "after", "difference", "95 % interval"):
        table.add_column(heading, justify="right" if heading in ("before", "after", "difference") else "left")
    shown = [row_words(row) for row in comparison.rows if row.word != "same"]
    for row in shown:
        cells = (row.metric, row.where, row.before, row.after, row.change, row.interval)
        table.add_row(Text(row.word, style=STYLES[row.tone]), *map(plain, cells))
    console = out()
    if shown:
        console.print(table)
    console.print(f"{len(comparison.rows) - len(shown)} of {len(comparison.rows)} numbers are the same within chance.")
    for doubt in comparison.doubts:
        console.print(f"[yellow]?[/yellow] {doubt}")
    console.print(VERDICTS[comparison.verdict])
    console.print(verdict_line(comparison.verdict))
