"""Which failstatic this is. All points of a sweep are computed by the same, wherever its workers run."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from experiments.manifest import commit

ROOT = Path(__file__).parents[2]
PACKAGES = ("topology", "controller", "traffic", "experiments", "failstatic")
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Build:
    """Equal builds give equal results."""

    version: str
    commit: str
    """With a digest of the sources where they differ from the commit, or there is none."""
    python: str
    """Without its patch level."""

    def __str__(self) -> str:
        return words(asdict(self))


@lru_cache(maxsize=1)
def mine() -> Build:
    """This process's. The sources are read once: what a running process has imported does not change."""
    try:
        installed = version("failstatic")
    except PackageNotFoundError:
        installed = "unknown"
    return Build(installed, _state(commit(), digest(ROOT)), ".".join(platform.python_version_tuple()[:2]))


def facts() -> dict[str, str]:
    """``mine`` in plain words, which a failstatic of any version can read."""
    return asdict(mine())


def words(found: Mapping[str, str]) -> str:
    """``facts`` in a sentence, also of a version that knows other ones."""
    version, commit, python = (found.get(name, "?") for name in ("version", "commit", "python"))
    return f"failstatic {version} ({commit}) on Python {python}"


def digest(root: Path) -> str:
    """Of all Python sources below ``root`` that belong to failstatic."""
    found = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:DIGITS]


def _state(commit: str | None, sources: str) -> str:
    """The commit while the checkout is clean; what the sources are beside it when it is not."""
    if commit is None:
        return f"sources-{sources}"
    return f"{commit}{sources}" if commit.endswith("+") else commit
