"""A study from its file to its folder: every life once, then curves, table and page. Called again, it goes on."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from experiments import results
from experiments.survival import page, table
from experiments.survival.spec import SurvivalSpec
from experiments.survival.table import Line
from experiments.survival.work import SECONDS_PER_HOUR, jobs, work
from experiments.sweep.build import mine
from experiments.sweep.cluster import Crew
from experiments.sweep.launch import View, carry_out
from topology.errors import InputError, LabError
from topology.load import load
from topology.model import Topology

PAGE, SUMMARY, TABLE = "report.html", "summary.json", "table.md"


@dataclass(frozen=True, slots=True)
class Studied:
    """``failed``: what could not be worked out, and why."""

    folder: Path
    lines: Sequence[Line]
    failed: Sequence[str]

    @property
    def words(self) -> list[tuple[str, ...]]:
        """Under ``table.HEADINGS``."""
        return list(table.words(self.lines))


def study(spec: SurvivalSpec, folder: Path, crew: Crew, view: View) -> Studied:
    """Raises InputError for a network that cannot be had, LabError when the folder cannot be written."""
    place = folder / "survival" / spec.name
    networks = networks_of(spec)
    found = carry_out(place, jobs(spec, networks), work, crew, view)
    lines = _in_order(table.lines(found.rows, spec.process.horizon / SECONDS_PER_HOUR), networks, spec)
    facts = _facts(spec, networks)
    results.write_json(place / results.MANIFEST, facts)
    results.write_json(place / SUMMARY, {"study": spec.name, "lines": [_plain(line) for line in lines]})
    _write(place / TABLE, table.markdown(lines))
    _write(place / PAGE, page.render(spec, lines, networks, facts))
    return Studied(place, lines, sorted(set(found.failed.values())))


def networks_of(spec: SurvivalSpec) -> list[Topology]:
    """Raises InputError with the mistakes of all of them."""
    found, problems = [], []
    for name in spec.topologies:
        try:
            found.append(load(name))
        except InputError as error:
            problems += [replace(problem, place=problem.place or name) for problem in error.problems]
    if problems:
        raise InputError(problems)
    return found


def _in_order(lines: Sequence[Line], networks: Sequence[Topology], spec: SurvivalSpec) -> list[Line]:
    """As the file has them; what any design must lose comes last of each network."""
    names = [topology.name for topology in networks]
    rank = {policy: place for place, policy in enumerate(spec.policies)}
    return sorted(lines, key=lambda line: (names.index(line.topology), rank.get(line.policy, len(rank))))


def _facts(spec: SurvivalSpec, networks: Sequence[Topology]) -> dict[str, Any]:
    """What identifies the study, and what repeats it."""
    return {
        "format": 1,
        "study": json.loads(spec.model_dump_json()),
        "backend": "modelled",
        "networks": {t.name: {"pops": len(t.pops), "links": len(t.links), "source": t.source} for t in networks},
        "build": asdict(mine()),
        "system": platform.platform(),
    }


def insert(document: Path, done: Studied) -> None:
    """The table, between the two markers of a document. Raises InputError when it has none, LabError when it is not to
    be written."""
    begin, end = (f"<!-- {done.folder.name}: {word} -->" for word in ("results", "end"))
    text = document.read_text(encoding="utf-8") if document.is_file() else ""
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise InputError(f"has no lines '{begin}' and '{end}'", place=str(document))
    _write(document, f"{before}{begin}\n{_made(done)}\n{table.markdown(done.lines)}{end}{after}")


def _made(done: Studied) -> str:
    """A sentence on where the figures come from."""
    build, lives = mine(), max(line.lives for line in done.lines)
    return f"{lives:,} lives per row; commit {build.commit}, Python {build.python}.\n"


def _plain(line: Line) -> Mapping[str, Any]:
    found = asdict(line)
    return {name: found[name] for name in found if name not in ("survival", "budget")}


def _write(path: Path, text: str) -> None:
    from experiments.report.palette import save

    try:
        save(path, text.encode())
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from error
