"""``failstatic matrix``: every design under every fault, in one table."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from failstatic import names, options
from failstatic.commands import errors, out

if TYPE_CHECKING:
    from experiments.matrix.picture import Every
    from experiments.matrix.plan import Asked
    from experiments.matrix.table import Cell

INCOMPLETE = 3
SHOWN = 5


def add(app: typer.Typer) -> None:
    app.command("matrix", epilog=EXAMPLES)(matrix)


EXAMPLES = """[bold]Examples:[/bold]

failstatic matrix

failstatic matrix --headless --faults "link.cut,link.silent@random(1),pop.down@region europe" --seeds 5

failstatic matrix --policies fail-static,fail-static+wipe --faults brain.kill --topology cities:50"""


def matrix(  # noqa: PLR0913, PLR0917 – one parameter per option
    policies: Annotated[
        Optional[str],  # noqa: UP045 – typer reads it at run time, on Python 3.10 too
        typer.Option(help="Designs, as a,b; the ladder when absent.", autocompletion=names.policies),
    ] = None,
    faults: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Faults, as KIND,KIND@TARGET; one of each sort when absent. See: failstatic faults."),
    ] = None,
    topology: options.Topology = None,
    backend: Annotated[
        str,
        typer.Option(help="modelled (virtual time, no packet) or emulated (packets).", autocompletion=names.backends),
    ] = "modelled",
    seeds: Annotated[int, typer.Option(help="Runs per cell; the table shows medians.")] = 1,
    headless: Annotated[bool, typer.Option("--headless", help="Every brain is dead when the fault strikes.")] = False,
    name: Annotated[str, typer.Option(help="Names the folder of results.")] = "matrix",
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--workers", "-w", min=1, help="Processes on this machine; as many as cores when absent."),
    ] = None,
    scheduler: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="A dask.distributed scheduler whose workers do it, such as tcp://host:8786."),
    ] = None,
    results: options.Results = Path("results"),
) -> None:
    """Try every design under every fault, on one standard timeline, and print which is best and worst where.

    Cells that a backend or a design cannot represent stay empty and say why. What is finished is kept at once: the same
    command goes on from there. Exit status 0 when every possible cell is finished, 3 when some failed.
    """
    from experiments.matrix.conduct import MATRICES, conduct
    from experiments.matrix.plan import Asked, plan
    from experiments.report import REPORT
    from experiments.sweep.cluster import Crew
    from failstatic.tally import view

    asked = Asked(backend=backend, seeds=seeds, headless=headless)
    chosen: dict[str, Any] = {"policies": _listed(policies), "faults": _listed(faults), "topology": topology}
    planned = plan(replace(asked, **{key: value for key, value in chosen.items() if value is not None}))
    console = out()
    crew = Crew(workers, scheduler, backend == "emulated")
    done = conduct(planned, results / MATRICES / name, crew, view(console), command=_command(planned.asked, name))
    console.print(_table(planned.asked, done.every))
    for error in done.failed[:SHOWN]:
        errors.print(f"failed: {error}", markup=False)
    if done.refused:
        console.print(f"{done.refused} cells cannot be: the report says why.")
    console.print(f"Report: {escape(str(done.folder / REPORT))}", highlight=False, soft_wrap=True)
    raise typer.Exit(INCOMPLETE if done.failed else 0)


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _command(asked: Asked, name: str) -> str:
    """With which everybody gets the same table, whatever the defaults are then."""
    words = ["failstatic", "matrix", "--policies", ",".join(asked.policies), "--faults", ",".join(asked.faults)]
    words += ["--topology", asked.topology, "--backend", asked.backend, "--seeds", str(asked.seeds), "--name", name]
    return shlex.join(words + ["--headless"] * asked.headless)


def _table(asked: Asked, every: Every) -> Table:
    """Of the first of the page's tables the best and the worst of each fault: all of it is too wide for a terminal."""
    from experiments.matrix.page import tables
    from experiments.matrix.table import BEST, WORST

    shown = Table("fault", BEST, "", WORST, "", box=box.SIMPLE_HEAD, show_edge=False, header_style="bold")
    for first in list(tables(asked, every).values())[:1]:
        shown.title = first.title
        for fault, column in first.columns.items():
            shown.add_row(escape(fault), *_ends(asked, column, BEST), *_ends(asked, column, WORST))
    return shown


def _ends(asked: Asked, column: Sequence[Cell], mark: str) -> tuple[str, str]:
    """(the value, the designs that have it)."""
    marked = [(policy, cell) for policy, cell in zip(asked.policies, column, strict=True) if cell.mark == mark]
    return (marked[0][1].words if marked else "alike", ", ".join(policy for policy, _ in marked))
