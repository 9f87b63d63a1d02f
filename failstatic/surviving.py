"""``failstatic survive``: how long each design lives without its brain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from failstatic import names
from failstatic.commands import errors, out

INCOMPLETE = 3


def add(app: typer.Typer) -> None:
    app.command("survive", epilog=EXAMPLES)(survive)


EXAMPLES = """[bold]Examples:[/bold]

failstatic survive headless-survival

failstatic survive headless-survival --topology cities:100 --policy fast-reroute --seeds 200"""


def survive(  # noqa: PLR0913, PLR0917 – one parameter per option
    name: Annotated[
        str, typer.Argument(help="A shipped study or the path of a YAML file.", autocompletion=names.studies)
    ],
    topology: Annotated[Optional[str], typer.Option(help="Networks, as a,b; those of the study when absent.")] = None,  # noqa: UP045
    policy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Designs to compare, as a,b.", autocompletion=names.policies),
    ] = None,
    seeds: Annotated[Optional[int], typer.Option(help="Lives per network and design.")] = None,  # noqa: UP045
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--workers", "-w", min=1, help="Processes on this machine; as many as cores when absent."),
    ] = None,
    scheduler: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="A dask.distributed scheduler whose workers do it, such as tcp://host:8786."),
    ] = None,
    into: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--into", help="A document whose results, between its two markers, are written anew."),
    ] = None,
    results: Annotated[Path, typer.Option("--results", help="Folder that the results go to.")] = Path("results"),
) -> None:
    """Kill the brain, let fibres break and be mended at random, and see how long each design keeps its promise.

    Computed, not emulated. What is finished is kept at once: the same command goes on from there. Exit status 0 when
    every life is finished, 3 when some could not be worked out.
    """
    from experiments.survival.spec import Choice, read
    from experiments.survival.study import insert, study
    from experiments.sweep.cluster import Crew
    from failstatic.tally import view

    spec = read(name, Choice(_listed(topology), _listed(policy), seeds))
    console = out()
    done = study(spec, results, Crew(workers, scheduler), view(console))
    console.print(_table(done.words))
    console.print(f"Results: {escape(str(done.folder))}", highlight=False, soft_wrap=True)
    if into is not None:
        insert(into, done)
    for error in done.failed:
        errors.print(f"failed: {error}", markup=False)
    raise typer.Exit(INCOMPLETE if done.failed else 0)


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _table(rows: list[tuple[str, ...]]) -> Table:
    """Without the intervals, which the page has room for."""
    from experiments.survival.table import HEADINGS

    shown = Table(*HEADINGS, box=box.SIMPLE_HEAD, show_edge=False, header_style="bold", pad_edge=False)
    for row in rows:
        shown.add_row(*(cell.partition(" (")[0] for cell in row))
    return shown
