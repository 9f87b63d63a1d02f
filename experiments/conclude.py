"""How a run ends, whatever it ran on: judged, reported, told. Imports nothing that needs a machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from experiments.asking.prepare import Prepared
from experiments.journal import Line
from topology.errors import LabError


class View(Protocol):
    """Whoever watches: the terminal, or nobody."""

    def queued(self, position: int) -> None:
        """Other runs come first."""

    def begun(self, run: Path, prepared: Prepared) -> None: ...

    def told(self, line: Line) -> None:
        """A new line of the journal."""

    def tick(self) -> None:
        """Some time has passed."""

    def ended(self) -> None:
        """All policies are done, or stopped."""


class Unwatched:
    """A ``View`` for runs that nobody looks at while they go on."""

    def queued(self, position: int) -> None: ...

    def begun(self, run: Path, prepared: Prepared) -> None: ...

    def told(self, line: Line) -> None: ...

    def tick(self) -> None: ...

    def ended(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Result:
    """``summary`` is what the judge wrote; ``errors`` by policy, as are the reasons of those ``skipped``."""

    run: Path
    summary: dict[str, Any]
    errors: dict[str, str]
    stopped: bool
    skipped: Mapping[str, str] = field(default_factory=dict)


def finish(run: Path) -> dict[str, Any]:
    """Judge a run's folder and write its report; can be done again at any time.

    Raises InputError when there is no run in the folder, LabError when it cannot be written.
    """
    from experiments.judging.judge import judge
    from experiments.report import write_all

    try:
        summary = dict(judge(run))
        write_all(run, summary)
    except OSError as error:
        raise LabError(f"cannot write the report into {run}: {error.strerror}") from error
    return summary
