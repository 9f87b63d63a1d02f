"""The command line: which benches, how often, and where the figures go.

Exit status: 0 also where a bound is missed (a bench measures, a test decides) or where this machine
lacks something; 2 for wrong input; 3 when something broke and was not measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import brain, delay, modelled, outages, reaction, start, throughput, verdicts, whole
from bench.bench import Bench, Site
from bench.outcome import Outcome, perform
from bench.runs import Runs
from bench.table import output, show
from rich.console import Console

from failstatic.commands import explain, stoppable
from topology.errors import FailstaticError, InputError, unknown
from topology.replica.preflight import probe

BENCHES = (
    Bench("brain", "all paths, backups and rules of 330 PoPs; one link change; growth", 3, 60, brain.measure),
    Bench(
        "modelled", "the same experiment computed, edge12 to 330 PoPs: time, memory, growth", 1, 60, modelled.measure
    ),
    Bench("lives", "1,000 seeds of headless-survival; one worker at 330 PoPs", 1, 90, modelled.lives),
    Bench("start", "edge12 from nothing to ready and back, beside stock Mininet", 3, 90, start.measure),
    Bench("tcp", "TCP over emulated links, as a share of their rate", 1, 25, throughput.measure),
    Bench("delay", "one-way delay under the experiment's load", 1, 30, delay.measure),
    Bench("outages", "repair of a cut and of a silent cut; the loss of the brain alone", 1, 75, outages.measure),
    Bench("reaction", "from the port event to the last barrier", 1, 30, reaction.measure),
    Bench("memory", "memory of a run", 1, 30, whole.memory),
    Bench("verdicts", "good designs pass, bad ones fail, busy machines are unknown", 3, 200, verdicts.measure),
    Bench("experiment", "the whole experiment control-plane-loss", 1, 110, whole.experiment),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.list:
        for bench in BENCHES:
            sys.stdout.write(f"{bench.name:<11} {bench.about} (n = {bench.n}, about {bench.takes:g} s)\n")
        return 0
    try:
        with stoppable():
            return _run(chosen(options.only), options.n, options.json)
    except FailstaticError as error:
        explain(error)
        return error.exit_status
    except KeyboardInterrupt:
        return 130


def chosen(names: Sequence[str]) -> list[Bench]:
    """The benches of these names (each may be ``a,b``), all without any; raises InputError for others."""
    known = {bench.name: bench for bench in BENCHES}
    wanted = [name for entry in names for name in entry.split(",") if name]
    if wrong := [name for name in wanted if name not in known]:
        raise InputError(unknown("bench", wrong[0], known), place="--only")
    return [known[name] for name in dict.fromkeys(wanted or known)]


def _run(benches: Sequence[Bench], n: int | None, file: Path | None) -> int:
    machine, errors = probe(), Console(stderr=True, highlight=False, soft_wrap=True)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="failstatic-bench-") as folder:
        runs = Runs(Path(folder), lambda words: errors.print(f"[dim]· {words}[/dim]"))
        for bench in benches:
            site = Site(n or bench.n, machine, runs, runs.say)
            outcomes.append(perform(bench, site))
    show(output(), outcomes, machine)
    if file is not None:
        _write(file, {"machine": machine.as_dict(), "benches": [outcome.as_dict() for outcome in outcomes]})
    return max((outcome.status for outcome in outcomes), default=0)


def _write(file: Path, data: dict[str, Any]) -> None:
    try:
        file.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", place=str(file)) from error


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, not '{text}'")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/bench", description="The performance bounds, measured here and now.")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this one; may be given again")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("-n", type=_positive, help="repeat so often (else as --list says)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values there as well")
    return parser
