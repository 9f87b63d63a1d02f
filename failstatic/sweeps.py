"""``failstatic sweep`` and ``sweeps``: many runs of one experiment, and how far they have come."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeft

from experiments.sweep.pool import Job
from failstatic import names
from failstatic.commands import errors, out

INCOMPLETE = 3
STEPS = 10
"""Lines about the progress where there is no terminal to draw on."""
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
    from experiments.reading import question
    from experiments.sweep.reading import shipped
    from failstatic.listings import print_rows

    print_rows((name, question(path)) for name, path in shipped().items())


class PlainView:
    """A line per tenth: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._done = self._total = self._failed = 0

    def begun(self, finished: int, total: int) -> None:
        self._done, self._total = finished, total
        if finished:
            self.console.print(f"{finished} of {total} points were finished before.")

    def finished(self, _job: Job, error: str) -> None:
        before = self._done * STEPS // self._total
        self._done, self._failed = self._done + 1, self._failed + bool(error)
        if self._done * STEPS // self._total > before:
            failures = f", {self._failed} failed" if self._failed else ""
            self.console.print(f"{self._done} of {self._total} points{failures}")

    def ended(self) -> None:
        """Every line is out."""


class LiveView(PlainView):
    """A bar with the time that is left."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, TextColumn("[dim]left[/dim]"), TimeLeft(), console=console)
        self._task: TaskID | None = None

    def begun(self, finished: int, total: int) -> None:
        super().begun(finished, total)
        self._bar.start()
        self._task = self._bar.add_task("points", total=total, completed=finished)

    def finished(self, _job: Job, error: str) -> None:
        self._failed += bool(error)
        if self._task is not None:
            words = f"points [red]({self._failed} failed)[/red]" if self._failed else "points"
            self._bar.update(self._task, advance=1, description=words)

    def ended(self) -> None:
        self._bar.stop()


def view(console: Console) -> PlainView:
    """The bar on a terminal, lines elsewhere."""
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView(console)
