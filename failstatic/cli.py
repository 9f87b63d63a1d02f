"""The command line: ``failstatic run NAME`` and what helps with it. Heavy imports happen in the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from failstatic import agreeing, comparing, listings, machine, matrices, names, options, surviving, sweeps
from failstatic.commands import STOPPED, VERDICT_STATUS, Commands, errors, out
from topology.errors import InputError, unknown

# One line per paragraph: typer keeps line breaks.
HELP = (
    "Take the control plane away from an emulated edge network and measure what the data plane does.\n\n"
    "A run builds the network in namespaces of its own, probes every pair of PoPs while faults come and go, and "
    "ends with a verdict per design: [green]pass[/green], [red]fail[/red], or [yellow]unknown[/yellow] when the "
    "machine could not be believed."
)
EPILOG = (
    "[bold]To begin:[/bold] failstatic doctor · failstatic run control-plane-loss · failstatic report "
    "control-plane-loss\n\n"
    "[bold]Exit status:[/bold] 0 pass, 1 fail, 2 bad input, 3 inconclusive, 4 this machine cannot run it, 130 "
    "stopped (what was measured is kept and judged). [bold]--debug[/bold] anywhere on the line shows tracebacks."
)
app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=HELP,
    epilog=EPILOG,
)


@app.command(
    epilog="""[bold]Examples:[/bold]

failstatic run control-plane-loss

failstatic run control-plane-loss --policy fail-static,fast-reroute --topology topohub:sndlib/nobel-eu

failstatic run my/experiment.yaml --seed 7 --pcap"""
)
def run(  # noqa: PLR0913, PLR0917 – one parameter per option
    name: Annotated[
        str, typer.Argument(help="A shipped experiment or the path of a YAML file.", autocompletion=names.experiments)
    ],
    policy: options.Policies = None,
    topology: options.Topology = None,
    seed: options.Seed = None,
    backend: Annotated[
        str,
        typer.Option(help="emulated (packets) or modelled (virtual time, no packet).", autocompletion=names.backends),
    ] = "emulated",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Policies side by side, if the cores allow.")] = 1,
    pcap: Annotated[bool, typer.Option("--pcap", help="Keep the packets of path traces.")] = False,
    framework: options.Framework = "ryu",
    results: options.Results = Path("results"),
) -> None:
    """Run an experiment, judge it, and say where the report is.

    [bold]Ctrl-C[/bold] takes everything down; what was measured until then is judged and kept (exit status 130).
    """
    _check_choices(backend, framework)
    from experiments.asking.prepare import prepare

    prepared = prepare(name, options.choice(policy, topology, seed))

    from failstatic.live import view
    from failstatic.outcome import show

    console = out()
    if backend == "modelled":
        from experiments import modelled

        result = modelled.execute(prepared, results, view(console, 1), pcap=pcap)
    else:
        from experiments.inside import Means
        from experiments.run import execute

        result = execute(prepared, Means(framework, jobs, pcap, results), view(console, jobs))
    show(console, result.run, result.summary)
    for broken, error in result.errors.items():
        errors.print(f"{broken} broke: {error}", markup=False)
    for skipped, reason in result.skipped.items():
        errors.print(f"{skipped} was skipped: {reason}", markup=False)
    if result.stopped:
        errors.print("Stopped before the end: what was measured until then is kept and judged.")
    raise typer.Exit(STOPPED if result.stopped else VERDICT_STATUS[result.summary["verdict"]])


@app.command()
def report(
    name: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run's folder, NAME/<run>, or an experiment's NAME (its latest).",
            autocompletion=names.runs,
        ),
    ],
    results: options.Results = Path("results"),
) -> None:
    """Judge a run again from its folder, without running anything, and write its report anew."""
    from experiments.conclude import finish
    from experiments.results import find
    from failstatic.outcome import show

    found = find(results, name)
    summary = finish(found)
    show(out(), found, summary)
    raise typer.Exit(VERDICT_STATUS[summary["verdict"]])


def _check_choices(backend: str, framework: str) -> None:
    if backend not in ("emulated", "modelled"):
        raise InputError(unknown("backend", backend, ("emulated", "modelled")), place="--backend")
    options.check_framework(framework)


agreeing.add(app)
comparing.add(app)
listings.add(app)
machine.add(app)
matrices.add(app)
surviving.add(app)
sweeps.add(app)


def main() -> None:
    """The console script."""
    app()
