"""How many points are finished: a bar with the time that is left on a terminal, plain lines everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeft

if TYPE_CHECKING:
    from experiments.sweep.pool import Job

STEPS = 10
"""Lines about the progress where there is no terminal to draw on."""


class PlainView:
    """A line per tenth: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._done = self._total = self._failed = 0

    def begun(self, finished: int, total: int) -> None:
        self._done, self._total = finished, total
        if finished:
            self.console.print(f"{finished} of {total} points were finished before.")

    def finished(self, _job: Job, error: str) -> None:
        before = self._done * STEPS // self._total
        self._done, self._failed = self._done + 1, self._failed + bool(error)
        if self._done * STEPS // self._total > before:
            failures = f", {self._failed} failed" if self._failed else ""
            self.console.print(f"{self._done} of {self._total} points{failures}")

    def ended(self) -> None:
        """Every line is out."""


class LiveView(PlainView):
    """A bar with the time that is left."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, TextColumn("[dim]left[/dim]"), TimeLeft(), console=console)
        self._task: TaskID | None = None

    def begun(self, finished: int, total: int) -> None:
        super().begun(finished, total)
        self._bar.start()
        self._task = self._bar.add_task("points", total=total, completed=finished)

    def finished(self, _job: Job, error: str) -> None:
        self._failed += bool(error)
        if self._task is not None:
            words = f"points [red]({self._failed} failed)[/red]" if self._failed else "points"
            self._bar.update(self._task, advance=1, description=words)

    def ended(self) -> None:
        self._bar.stop()


def view(console: Console) -> PlainView:
    """The bar on a terminal, lines elsewhere."""
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView(console)
