"""The run while it runs: a live picture on a terminal, plain lines everywhere else.

No thread refreshes the picture: sandboxes are forked from this process (and may not inherit a
thread's locks), so it is drawn whenever the launcher calls.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from experiments.asking.prepare import Prepared
from experiments.journal import Line
from failstatic.progress import Course, Happening, Progress, sparkline

SHOWN = 8
"""Happenings in the picture; all of them are in the journal."""
STYLES = {"complete": "green", "error": "red", "stopped": "yellow", "waiting": "dim", "building": "cyan"}
MARKS = {"✓": "[green]✓[/green]", "✗": "[red]✗[/red]", "…": "[dim]…[/dim]"}


class PlainView:
    """One line per thing that happens: for logs and pipes."""

    def __init__(self, console: Console, jobs: int = 1) -> None:
        self.console, self.jobs = console, jobs
        self.progress = Progress((), 0.0, 0)
        self._position = 0

    def queued(self, position: int) -> None:
        if position != self._position:
            self._position = position
            from topology.replica.slots import ordinal

            self.console.print(f"Waiting for other runs on this machine: you are {ordinal(position)} in the queue.")

    def begun(self, run: Path, prepared: Prepared) -> None:
        self.progress = _progress(prepared)
        self.console.print(heading(prepared))
        self.console.print(f"Recording in {escape(str(run))}", highlight=False)

    def told(self, line: Line) -> None:
        happening = self.progress.told(line)
        course = self.progress.courses[str(line["policy"])]
        at = f"[dim]{course.t:7.2f} s[/dim]  {course.policy:14s}"
        if happening and happening.held is not None:
            self.console.print(f"{at} {describe(happening)}", highlight=False)
        elif line["event"] == "phase":
            self.console.print(f"{at} [bold]{course.state}[/bold]", highlight=False)
        elif line["event"] == "built":
            self.console.print(f"{at} built in {float(line['took_s']):.1f} s", highlight=False)
        elif line["event"] == "end":
            style = STYLES.get(course.state, "")
            self.console.print(f"{at} [{style}]{course.state}[/{style}] {escape(course.error)}", highlight=False)

    def tick(self) -> None:
        """Nothing moves between lines."""

    def ended(self) -> None:
        """Every line is out."""


class LiveView(PlainView):
    """The picture, redrawn in place."""

    def __init__(self, console: Console, jobs: int = 1) -> None:
        super().__init__(console, jobs)
        self._live: Live | None = None

    def begun(self, run: Path, prepared: Prepared) -> None:
        super().begun(run, prepared)
        self._live = Live(console=self.console, auto_refresh=False, transient=False)
        self._live.start()

    def told(self, line: Line) -> None:
        self.progress.told(line)

    def tick(self) -> None:
        if self._live is not None:
            self._live.update(picture(self.progress, self.jobs), refresh=True)

    def ended(self) -> None:
        self.tick()
        live, self._live = self._live, None
        if live is not None:
            live.stop()


def view(console: Console, jobs: int) -> PlainView:
    """The live picture on a terminal, lines elsewhere."""
    return LiveView(console, jobs) if console.is_terminal and not console.is_dumb_terminal else PlainView(console, jobs)


def heading(prepared: Prepared) -> str:
    """What is about to run, in one line."""
    topology = prepared.topology
    size = f"{len(topology.pops)} PoPs, {len(topology.links)} links"
    question = f"\n[italic]{escape(prepared.spec.question)}[/italic]" if prepared.spec.question else ""
    return f"[bold]{prepared.spec.name}[/bold] on {escape(topology.name)} ({size}), seed {prepared.seed}{question}"


def describe(happening: Happening) -> str:
    """``✓ brain.kill (process gone, switches_connected 0)``."""
    evidence = f" [dim]({escape(happening.evidence)})[/dim]" if happening.evidence else ""
    return f"{MARKS[happening.mark]} {escape(happening.what)}{evidence}"


def picture(progress: Progress, jobs: int) -> Group:
    """Policies with phase, bar and pairs down; below them what happened last."""
    table = Table.grid(padding=(0, 2))
    for course in progress.courses.values():
        table.add_row(*_row(course, progress))
    latest = Table.grid(padding=(0, 2))
    for happening in progress.happenings[-SHOWN:]:
        latest.add_row(f"[dim]{happening.t:6.2f} s[/dim]", f"[dim]{happening.policy}[/dim]", describe(happening))
    left_s = progress.left_s(jobs)
    rest = f"about {left_s:.0f} s left" if left_s > 0 else "judging"
    return Group(Text(), table, Text(), latest, Text(rest, style="dim"))


def _row(course: Course, progress: Progress) -> tuple[RenderableType, ...]:
    down = course.down[-1] if course.down else 0
    style = STYLES.get(course.state, "bold")
    finished = progress.end_s if course.state == "complete" else min(max(course.t, 0.0), progress.end_s)
    return (
        course.policy,
        Text(course.state, style=style),
        ProgressBar(total=progress.end_s or 1.0, completed=finished, width=24),
        f"{finished:4.1f} s",
        Text(f"{down:4d} of {progress.pairs} pairs down", style="red" if down else "dim"),
        Text(sparkline(course.down, progress.pairs), style="red" if any(course.down) else "dim"),
    )


def _progress(prepared: Prepared) -> Progress:
    names = tuple(policy.name for policy in prepared.policies)
    return Progress(names, prepared.spec.end, len(prepared.planned.traffic.probes.pairs))
