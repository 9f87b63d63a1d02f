"""``failstatic doctor``, ``ls``, ``stop``, ``up``: this machine and what runs on it."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from failstatic import names
from failstatic.commands import out
from topology.errors import MachineError


def add(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
    app.command("ls")(list_runs)
    app.command("stop")(stop)
    app.command("up")(up)


def doctor() -> None:
    """What this machine can do, what will be used therefore, and how to get what is missing.

    Exit status 4 when an experiment cannot run here.
    """
    from topology.replica.preflight import probe

    machine = probe()
    table = Table.grid(padding=(0, 2))
    for ability in machine.abilities:
        seen = ": ".join(filter(None, (ability.detail, ability.instead)))
        table.add_row("[green]✓[/green]" if ability.ok else "[yellow]–[/yellow]", ability.name, escape(seen))
        if not ability.ok and ability.remedy:
            way = f"not needed; to get it: {ability.remedy}" if ability.instead else ability.remedy
            table.add_row("", "", f"[dim]{escape(way)}[/dim]")
    console = out()
    console.print(table)
    missing = machine.missing()
    if missing:
        console.print(f"[red]An experiment cannot run here:[/red] {', '.join(each.name for each in missing)} missing.")
        raise typer.Exit(MachineError.exit_status)
    console.print(f"Runs will use the {machine.datapath} datapath and {machine.links} links.")


def list_runs() -> None:
    """Runs of this machine, going on and waiting, whoever started them."""
    from topology.replica.slots import ordinal, running

    entries = running()
    table = Table("run", "user", "pid", "since", "state", box=None, pad_edge=False)
    queue = [entry for entry in entries if entry.waiting]
    for entry in entries:
        since = time.strftime("%H:%M:%S", time.localtime(entry.since_s))
        state = f"waiting, {ordinal(queue.index(entry) + 1)}" if entry.waiting else "running"
        table.add_row(entry.run, entry.user, str(entry.pid), since, state)
    out().print(table if entries else "Nothing is running.")


def stop(
    run: Annotated[str, typer.Argument(help="As `failstatic ls` calls it.", autocompletion=names.running)],
) -> None:
    """Stop a run as Ctrl-C would: everything is taken down, what was measured is judged and kept."""
    from topology.replica import slots

    out().print(f"Asked {escape(slots.stop(run).run)} to stop.", highlight=False)


def up(
    topology: Annotated[
        str, typer.Argument(help="A shipped name, FILE.yaml, topohub:KEY …", autocompletion=names.topologies)
    ],
    policy: Annotated[str, typer.Option(help="The design to build.", autocompletion=names.policies)] = "fast-reroute",
    framework: Annotated[str, typer.Option(help="ryu or os-ken.")] = "ryu",
) -> None:
    """Build a network with its brain and open Mininet's own command line in it.

    Nodes are PoPs, `h-<pop>` (the host behind it) and `brain`. `exit` or Ctrl-D takes everything down.
    """
    from experiments.interactive import visit
    from topology.replica.slots import ordinal

    console = out()

    def tell(event: str, **data: object) -> None:
        if event == "build":
            console.print(f"[dim]{data['step']}: {data['took_s']} s[/dim]", highlight=False)

    def wait(position: int) -> None:
        console.print(f"Waiting for other runs on this machine: you are {ordinal(position)} in the queue.")

    raise typer.Exit(visit(topology, policy, framework, record=tell, on_wait=wait))
