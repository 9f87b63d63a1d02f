"""Options that several commands share, and what was chosen by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from failstatic import names
from topology.errors import InputError, unknown

if TYPE_CHECKING:
    from experiments.asking.prepare import Choice

# Optional[…]: typer reads these at run time, on Python 3.10 too
Policies = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--policy", help="Designs to compare, as a,b; those of the spec when absent.", autocompletion=names.policies
    ),
]
Topology = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--topology",
        help="A shipped name, FILE.yaml, topohub:KEY, csv:FILE or cities:N.",
        autocompletion=names.topologies,
    ),
]
Seed = Annotated[Optional[int], typer.Option("--seed", help="Decides all that chance decides.")]  # noqa: UP045
Framework = Annotated[str, typer.Option("--framework", help="What carries the brain's OpenFlow: ryu or os-ken.")]
Results = Annotated[Path, typer.Option("--results", help="Folder that the runs' folders go to.")]


def choice(policies: str | None, topology: str | None, seed: int | None) -> Choice:
    """What these change in a spec."""
    from experiments.asking.prepare import Choice

    named = tuple(part.strip() for part in policies.split(",")) if policies is not None else None
    return Choice(named, topology, seed)


def check_framework(framework: str) -> None:
    """Raises InputError for an unknown one."""
    if framework not in ("ryu", "os-ken"):
        raise InputError(unknown("framework", framework, ("ryu", "os-ken")), place="--framework")
