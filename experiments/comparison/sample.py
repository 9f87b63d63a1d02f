"""What is kept of a run for a comparison, the files it is read from, and the baseline that keeps it.

A baseline is a small JSON file to be committed: fingerprint of the question, and the numbers of some runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from experiments.results import MANIFEST, find, read_json, write_json
from topology.errors import InputError, Problem

FORMAT = 1
WHOLE = ""
"""The phase of numbers about the whole run."""
_ANSWER = ("seed", "question", "policies", "checks", "slo")
"""What two runs of one question may differ in."""


class Key(NamedTuple):
    """Which number: ``phase`` is WHOLE for the whole run."""

    policy: str
    phase: str
    metric: str


@dataclass(frozen=True, slots=True)
class Question:
    """What must be the same for two runs to compare."""

    experiment: str
    backend: str
    digest: str
    """Of the resolved spec and the topology."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The numbers of one run, each with its error; ``trusted``: policies whose numbers can be believed."""

    run: str
    question: Question
    trusted: frozenset[str]
    values: Mapping[Key, tuple[float, float]]


def of_run(folder: Path) -> Sample:
    """Read a judged run. Raises InputError when the folder does not hold one."""
    folder = folder.resolve()
    manifest, summary = read_json(folder / MANIFEST, "the manifest"), read_json(folder / "summary.json", "the summary")
    question = Question(str(summary["experiment"]), str(summary["backend"]), _digest(manifest))
    trusted = frozenset(name for name, one in summary["fidelity"]["policies"].items() if one["trusted"])
    return Sample(f"{folder.parent.name}/{folder.name}", question, trusted, dict(_values(summary)))


def _digest(manifest: Mapping[str, Any]) -> str:
    """Of what was asked, not of what chance made of it: the seed may have drawn other targets."""
    spec = {name: value for name, value in (manifest.get("spec") or {}).items() if name not in _ANSWER}
    spec["timeline"] = [{**strike, "target": strike.get("asked", "")} for strike in spec.get("timeline", ())]
    text = json.dumps([spec, manifest.get("topology")], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _values(summary: Mapping[str, Any]) -> Iterator[tuple[Key, tuple[float, float]]]:
    for policy, found in summary["policies"].items():
        parts = {**found["phases"], WHOLE: found["metrics"]}
        errors = {**found["errors"]["phases"], WHOLE: found["errors"]["metrics"]}
        for phase, metrics in parts.items():
            for metric, value in metrics.items():
                if value is not None:
                    yield Key(policy, phase, metric), (float(value), float(errors.get(phase, {}).get(metric, 0.0)))


def gather(results: Path, words: str, last: int | None = None) -> tuple[Sample, ...]:
    """The set that a user means: runs, folders of runs, or baseline files, as a comma list. No run counts twice.

    ``last`` keeps the newest so many of a folder. Raises InputError with all that cannot be read, and for
    runs that do not ask the same question.
    """
    found: list[Sample] = []
    problems: list[Problem] = []
    for part in filter(None, (word.strip() for word in words.split(","))):
        try:
            found += _part(results, part, last)
        except InputError as error:
            problems += [Problem(problem.place or part, problem.message) for problem in error.problems]
    if problems:
        raise InputError(problems)
    if not found:
        raise InputError("names no run", place=words or "(nothing)")
    alike(found)
    return tuple(sample for place, sample in enumerate(found) if sample not in found[:place])


def _part(results: Path, word: str, last: int | None) -> list[Sample]:
    if Path(word).is_file():
        return read_baseline(Path(word))
    for folder in (Path(word), results / word):
        runs = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}") if path.parent.name != "latest")
        if runs:
            return [of_run(run) for run in (runs[-last:] if last else runs)]
    return [of_run(find(results, word))]


def alike(samples: Sequence[Sample]) -> None:
    """Raises InputError, naming what differs, when the samples do not answer one question."""
    first = samples[0]
    for sample in samples[1:]:
        for name, value in asdict(sample.question).items():
            expected = getattr(first.question, name)
            if value != expected:
                what = "spec or topology differs" if name == "digest" else f"{name} is {value}, not {expected}"
                raise InputError(f"cannot be compared with {first.run}: {what}", place=sample.run)


def write_baseline(path: Path, samples: Sequence[Sample]) -> None:
    """Raises LabError when it cannot be written."""
    alike(samples)
    runs = [
        {
            "run": sample.run,
            "trusted": sorted(sample.trusted),
            "values": [[*key, *value] for key, value in sorted(sample.values.items())],
        }
        for sample in samples
    ]
    write_json(path, {"failstatic": "baseline", "format": FORMAT, **asdict(samples[0].question), "runs": runs})


def read_baseline(path: Path) -> list[Sample]:
    """Raises InputError when the file is not a baseline that this version can read."""
    data = read_json(path, "the baseline")
    if data.get("failstatic") != "baseline" or data.get("format") != FORMAT:
        raise InputError(f"is no baseline of format {FORMAT}; make one with: failstatic baseline", place=str(path))
    question = Question(data["experiment"], data["backend"], data["digest"])
    return [
        Sample(
            run["run"],
            question,
            frozenset(run["trusted"]),
            {Key(policy, phase, metric): (value, error) for policy, phase, metric, value, error in run["values"]},
        )
        for run in data["runs"]
    ]
