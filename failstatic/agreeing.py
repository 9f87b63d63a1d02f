"""``failstatic agree``: do the packets and the model tell the same story, pair by pair?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from failstatic import names, options
from failstatic.commands import STOPPED, VERDICT_STATUS, errors, out

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.agreement.compare import Agreement
    from experiments.agreement.launch import Answer
    from experiments.asking.prepare import Choice

STYLES = {"good": "", "bad": "red", "unsure": "yellow"}


def add(app: typer.Typer) -> None:
    app.command("agree")(agree)


def agree(
    name: Annotated[
        str,
        typer.Argument(help="A shipped experiment, a YAML file, or a run's folder.", autocompletion=names.experiments),
    ],
    other: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[RUN]", help="A second run: compare the two and run nothing.", autocompletion=names.runs
        ),
    ] = None,
    policy: options.Policies = None,
    topology: options.Topology = None,
    seed: options.Seed = None,
    framework: options.Framework = "ryu",
    results: options.Results = Path("results"),
) -> None:
    """Run an experiment on both backends, emulated and modelled, and hold them against each other pair by pair.

    With two run folders, one of each backend, compare those and run nothing. Exit status 0 when they agree, 1 when
    they do not, 3 when the emulated run cannot be believed.
    """
    options.check_framework(framework)
    from experiments.agreement import launch

    if other is not None:
        from experiments.results import find

        answer = launch.of_runs(find(results, name), find(results, other), results)
    else:
        answer = _run(name, options.choice(policy, topology, seed), framework, results)
    _show(answer)
    raise typer.Exit(STOPPED if answer.stopped else VERDICT_STATUS[answer.whole.verdict])


def _run(name: str, chosen: Choice, framework: str, results: Path) -> Answer:
    from experiments.agreement import launch
    from experiments.asking.prepare import prepare
    from experiments.inside import Means
    from failstatic.live import view

    return launch.of_experiment(prepare(name, chosen), Means(framework, results=results), view(out(), 1))


def _show(answer: Answer) -> None:
    from experiments.agreement.launch import PAGE
    from experiments.agreement.words import VERDICTS

    console, whole = out(), answer.whole
    for one in whole.policies:
        _policy(console, one)
    for broken, error in answer.errors.items():
        errors.print(f"{broken} broke: {error}", markup=False)
    console.print(f"\n{VERDICTS[whole.verdict]}")
    console.print(f"Page: {escape(str(answer.folder / PAGE))}", highlight=False, soft_wrap=True)


def _policy(console: Console, one: Agreement) -> None:
    from experiments.agreement.compare import MEANING
    from experiments.agreement.words import remarks, rows
    from experiments.report.table import VERDICTS, plain

    style = VERDICTS[one.verdict][0]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold", pad_edge=False, title_justify="left")
    table.title = Text.from_markup(f"\n[bold]{one.policy}[/bold] [{style}]{MEANING[one.verdict]}[/{style}]")
    for heading in ("aspect", "compared", "agree", "disagree", "left out", "worst difference", "its bound"):
        table.add_column(heading, justify="left" if heading == "aspect" else "right")
    for row in rows(one):
        cells = (row.compared, row.agree, row.disagree, row.left_out, row.worst, row.bound)
        table.add_row(Text(row.aspect, style=STYLES[row.tone]), *map(plain, cells))
    if table.row_count:
        console.print(table)
    for verdict, words in remarks(one):
        console.print(Text.assemble((f"{one.policy} ", VERDICTS[verdict][0]), plain(words)))
