"""``failstatic sweep`` and ``sweeps``: many runs of one experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.markup import escape

from failstatic import names
from failstatic.commands import errors, out

INCOMPLETE = 3
SHOWN = 5


def add(app: typer.Typer) -> None:
    app.command("sweep", epilog=EXAMPLES)(sweep)
    app.command("sweeps")(sweeps)


EXAMPLES = """[bold]Examples:[/bold]

failstatic sweep cut-anywhere

failstatic sweep my/sweep.yaml --workers 4

failstatic sweep my/sweep.yaml --scheduler tcp://head.cluster:8786"""


def sweep(
    name: Annotated[
        str, typer.Argument(help="A shipped sweep or the path of a YAML file.", autocompletion=names.sweeps)
    ],
    workers: Annotated[
        Optional[int],  # noqa: UP045 – typer reads it at run time, on Python 3.10 too
        typer.Option("--workers", "-w", min=1, help="Processes on this machine; as many as cores when absent."),
    ] = None,
    scheduler: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="A dask.distributed scheduler whose workers do it, such as tcp://host:8786."),
    ] = None,
    results: Annotated[Path, typer.Option("--results", help="Folder that the results go to.")] = Path("results"),
) -> None:
    """Run an experiment at every point of its axes, and report what the points have in common.

    What is finished is kept at once: after [bold]Ctrl-C[/bold], a crash or a full disk the same command goes on
    from there. Exit status 0 when every point is finished, 3 when some failed.
    """
    from experiments.report import REPORT
    from experiments.sweep.cluster import Crew
    from experiments.sweep.conduct import conduct
    from experiments.sweep.plan import plan
    from experiments.sweep.reading import read
    from failstatic.tally import view

    console = out()
    asked = read(name)
    planned = plan(asked)
    console.print(f"[bold]{asked.spec.name}[/bold]: {len(planned.points)} points, {asked.spec.backend}")
    crew = Crew(workers, scheduler, asked.spec.backend == "emulated")
    done = conduct(asked, planned, results, crew, view(console))
    for words, error in list(done.failed.items())[:SHOWN]:
        errors.print(f"failed at {words}: {error}", markup=False)
    if done.failed:
        errors.print(f"{len(done.failed)} points failed; the same command tries them again.")
    console.print(f"Report: {escape(str(done.folder / REPORT))}", highlight=False, soft_wrap=True)
    raise typer.Exit(INCOMPLETE if done.failed else 0)


def sweeps() -> None:
    """The shipped sweeps and what each of them asks."""
    from experiments.asking.reading import question
    from experiments.sweep.reading import shipped
    from failstatic.listings import print_rows

    print_rows((name, question(path)) for name, path in shipped().items())
