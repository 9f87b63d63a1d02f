"""Where runs leave what they found: a folder with a unique name, ``latest`` pointing at the newest.

Contents: ``manifest.json`` (before the run), ``journal.jsonl`` and the streamed samples (during),
everything else by the judge and the report (after, and again by ``failstatic report``).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from topology.errors import InputError, LabError, unknown

JOURNAL = "journal.jsonl"
MANIFEST = "manifest.json"
LATEST = "latest"
SWEEPS = "sweeps"
"""The folder of sweeps, beside those of the experiments."""


def make(results: Path, experiment: str, seed: int, prefix: str = "") -> Path:
    """``results/<experiment>/<prefix><UTC time>-<seed>``, with ``.2``, ``.3``, … when that exists already.

    Raises LabError when it cannot be made (read-only or full disk).
    """
    parent = results / experiment
    stem = f"{prefix}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{seed}"
    number = 1
    try:
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            folder = parent / (stem if number == 1 else f"{stem}.{number}")
            try:
                # mkdir is atomic: of two runs in the same second exactly one gets the name
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder.absolute()
    except OSError as error:
        raise LabError(f"cannot make a results folder in {parent}: {error.strerror}") from error


def point_latest(folder: Path) -> None:
    """Swap ``latest`` beside the folder atomically: a reader sees the old one or the new one."""
    fresh = folder.parent / f".{LATEST}-{folder.name}"
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder.name)
        fresh.replace(folder.parent / LATEST)
    except OSError as error:
        raise LabError(f"cannot point {folder.parent / LATEST} at the run: {error.strerror}") from error


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Whole or not at all. Raises LabError when the disk is full."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from error


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file. Raises InputError, naming the file; ``what``: as ``the manifest``."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {what}: {error.strerror}", place=str(path)) from error
    except ValueError as error:
        raise InputError(f"{what} is not JSON: {error}", place=str(path)) from error
    if not isinstance(found, dict):
        raise InputError(f"{what} is not a JSON object", place=str(path))
    return found


def find(results: Path, run: str) -> Path:
    """The folder that a user means: a path, ``NAME`` or ``NAME/latest``, ``NAME/<run>``, or ``<run>`` alone.

    Raises InputError, naming the runs that are there.
    """
    for candidate in (Path(run), results / run, results / run / LATEST):
        if (candidate / MANIFEST).is_file():
            return candidate.resolve()
        if candidate.is_dir() and not os.access(candidate, os.R_OK | os.X_OK):
            raise InputError("this folder cannot be read (permissions)", place=str(candidate))
    known = runs(results)
    alike = [name for name in known if name.split("/")[-1] == run]
    if len(alike) == 1:
        return (results / alike[0]).resolve()
    raise InputError(unknown("run", run, known), place=str(results))


def runs(results: Path) -> list[str]:
    """``NAME/<run>`` of all runs in a folder of results."""
    folders = (path.parent for path in results.glob(f"*/*/{MANIFEST}"))
    found = (folder.relative_to(results) for folder in folders if folder.name != LATEST)
    return sorted(str(folder) for folder in found if folder.parts[0] != SWEEPS)


def name_for_slot(experiment: str, run: str) -> str:
    """How ``failstatic ls`` calls a run: printable ASCII, no spaces, at most 60 characters."""
    return re.sub(r"[^!-~]", "-", f"{experiment}/{run}")[:60]
