"""Two runs, made now or long ago → a folder with what they agree on: JSON, page and picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from experiments import results
from experiments.agreement.compare import EMULATED, MODELLED, Whole, compare, plain, twins_of
from experiments.asking.prepare import Prepared
from experiments.conclude import View
from experiments.inside import Means
from experiments.judging import folder
from experiments.judging.folder import Run
from experiments.labs.modelled.refusals import check
from topology.errors import LabError

PREFIX = "agree-"
ANSWER, PAGE, PICTURE = "agreement.json", "agreement.html", "agreement.png"


@dataclass(frozen=True, slots=True)
class Answer:
    """``folder`` holds it; ``errors`` by policy, of the emulated run."""

    folder: Path
    whole: Whole
    errors: dict[str, str]
    stopped: bool = False


def of_experiment(prepared: Prepared, means: Means, view: View) -> Answer:
    """Run it on both backends, emulated first, and compare.

    Raises InputError, before anything is started, for what the model cannot represent; MachineError where no
    emulated run can be made; LabError without a folder.
    """
    from experiments import modelled, run

    check(prepared, pcap=False)
    here = results.make(means.results, prepared.spec.name, prepared.seed, PREFIX)
    try:
        emulated = run.execute(prepared, replace(means, folder=_inner(here, EMULATED)), view)
        computed = modelled.execute(prepared, means.results, view, run=_inner(here, MODELLED))
    finally:
        _tidy(here)
    answer = _answer(here, folder.read(emulated.run), folder.read(computed.run))
    return replace(answer, errors=emulated.errors, stopped=emulated.stopped or computed.stopped)


def of_runs(first: Path, second: Path, where: Path) -> Answer:
    """Compare two run folders, one of each backend in any order. Raises InputError when they do not belong together."""
    runs = [folder.read(path) for path in (first, second)]
    runs.sort(key=lambda one: str(one.manifest.get("backend") or EMULATED))
    compare(*runs)  # whatever is wrong is told before a folder is made
    name, seed = str(runs[0].spec.get("name") or "runs"), int(runs[0].manifest.get("seed") or 0)
    return _answer(results.make(where, name, seed, PREFIX), *runs)


def _inner(here: Path, backend: str) -> Path:
    path = here / backend
    path.mkdir()
    return path


def _tidy(here: Path) -> None:
    """Take away folders that nothing was written to: nothing had begun."""
    for path in (here / EMULATED, here / MODELLED, here):
        try:
            path.rmdir()
        except OSError:
            continue


def _answer(here: Path, emulated: Run, modelled: Run) -> Answer:
    from experiments.agreement.picture import draw
    from experiments.agreement.words import page_of
    from experiments.report.palette import png, save

    whole = compare(emulated, modelled)
    picture = draw(list(twins_of(emulated, modelled)), whole)
    try:
        results.write_json(here / ANSWER, {"runs": _runs(here, emulated, modelled), **plain(whole)})
        save(here / PICTURE, png(picture))
        save(here / PAGE, page_of(whole, (emulated, modelled), picture).encode())
    except OSError as error:
        raise LabError(f"cannot write the comparison into {here}: {error.strerror}") from error
    return Answer(here, whole, {})


def _runs(here: Path, emulated: Run, modelled: Run) -> dict[str, dict[str, str]]:
    """Where the two runs are, and of which commits."""
    return {
        backend: {
            "path": str(run.path.relative_to(here)) if run.path.is_relative_to(here) else str(run.path),
            "commit": str(run.manifest.get("commit") or ""),
        }
        for backend, run in ((EMULATED, emulated), (MODELLED, modelled))
    }
