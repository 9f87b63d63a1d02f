"""``failstatic experiments``, ``policies``, ``faults``, ``topologies``: what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterable

import typer
from rich.table import Table

from failstatic.commands import out


def add(app: typer.Typer) -> None:
    app.command("experiments")(experiments)
    app.command("policies")(policies)
    app.command("faults")(faults)
    app.command("topologies")(topologies)


def experiments() -> None:
    """The shipped experiments and what each of them asks; then the replays of incidents."""
    from experiments.asking.reading import CATALOGUE, INCIDENTS, question, shipped_in

    print_rows((name, question(path)) for name, path in shipped_in(CATALOGUE).items())
    out().print("\nIncidents, replayed in their shape (times, sources and what is not modelled: in each file):")
    print_rows((name, question(path)) for name, path in shipped_in(INCIDENTS).items())


def policies() -> None:
    """The designs that can be compared and what each keeps when the brain is gone; then how they can be varied."""
    from experiments.policies import POLICIES, VARIANTS

    print_rows((policy.name, policy.summary) for policy in POLICIES.values())
    out().print("\nEach can be varied, such as fast-reroute+wipe or fail-static+stale+probe-10s:")
    print_rows((f"+{name}", f"{variant.axis}: {variant.summary}") for name, variant in VARIANTS.items())


def faults() -> None:
    """What can be broken, what each kind strikes, and its settings. More: docs/faults.md."""
    from experiments.asking.targets import TARGETS
    from experiments.faults import FAULTS

    print_rows((name, FAULTS[name].aims_at, ", ".join(FAULTS[name].settings), FAULTS.summary(name)) for name in FAULTS)
    out().print("\n[bold]Targets[/bold]")
    print_rows(TARGETS.items())


def topologies() -> None:
    """The shipped topologies, and how to name others."""
    from topology.load import known, load

    shipped = [load(name) for name in known()]
    print_rows(
        [
            *((t.name, f"{len(t.pops)} PoPs, {len(t.links)} links, brain in {t.pop(t.brain).city}") for t in shipped),
            ("FILE.yaml", "your own"),
            ("topohub:KEY", "any network of topohub, such as topohub:sndlib/nobel-eu"),
            ("csv:FILE", "cities of a CSV file; links are generated"),
            ("cities:N", "the N largest cities, spread over the world; links are generated"),
        ]
    )


def print_rows(rows: Iterable[tuple[str, ...]]) -> None:
    """Names and what they mean."""
    table = Table.grid(padding=(0, 3))
    for row in rows:
        table.add_row(*row)
    out().print(table)
