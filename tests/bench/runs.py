"""Real runs, by the command that users type, each done once and shared by all benches that ask for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.pss import pss_mb

from experiments import results
from experiments.judging import fidelity, folder
from experiments.judging.story import Story
from topology.errors import LabError

SPECS = Path(__file__).with_name("specs")
DEADLINE_S = 900.0
POLL_S = 0.1
MEMORY_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over."""

    folder: Path
    took_s: float
    """From the command to its end, report included, without what it waited for other runs."""
    memory_mb: dict[str, float]
    """Proportional set size by program, at the moment when their sum was largest."""

    def stories(self) -> tuple[Story, ...]:
        return folder.read(self.folder).stories

    def verdict(self) -> str:
        """``pass``, ``fail`` or ``unknown``."""
        return str(json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))["verdict"])

    def doubts(self) -> str:
        """Why the machine could not be believed; empty when it could."""
        reasons = [reason for story in self.stories() for reason in fidelity.judge(story).reasons]
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return f"the machine was not to be trusted: {reasons[0]}{more}" if reasons else ""


@dataclass(slots=True)
class Runs:
    """``results`` is where the runs' folders go."""

    results: Path
    say: Callable[[str], None]
    _done: dict[tuple[str, int], Run] = field(default_factory=dict)

    def get(self, name: str, number: int) -> Run:
        """The ``number``-th run of a spec of this folder, or of a shipped experiment. Raises LabError."""
        if (name, number) not in self._done:
            self.say(f"run of {name}, number {number + 1}")
            self._done[name, number] = self._run(name, self.results / f"{name}-{number}")
        return self._done[name, number]

    def _run(self, name: str, place: Path) -> Run:
        spec = SPECS / f"{name}.yaml"
        program = Path(sys.executable).with_name("failstatic")
        command = [str(program), "run", str(spec if spec.exists() else name), "--results", str(place)]
        place.mkdir(parents=True)
        log = place / "log.txt"
        with log.open("wb") as output:
            begun = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                waited_s, memory = _follow(process, place, begun)
            finally:
                process.terminate()  # Ctrl-C, as far as a run knows
                process.wait()
        took_s = time.monotonic() - begun - waited_s
        found = next(place.glob("*/*/summary.json"), None)
        if found is None:
            raise LabError(f"the run of {name} ended with {process.returncode}: {log.read_text()[-2000:]}")
        return Run(found.parent, took_s, memory)


def _follow(process: subprocess.Popen[bytes], place: Path, begun: float) -> tuple[float, dict[str, float]]:
    """Until it has ended: seconds that it stood in the queue, and the most memory that it took."""
    made = went = 0.0
    largest: dict[str, float] = {}
    next_look = begun
    while process.poll() is None:
        now = time.monotonic()
        if now > begun + DEADLINE_S:
            raise LabError(f"it still runs after {DEADLINE_S:g} s")
        made = made or (now if any(place.glob("*/*")) else 0.0)
        went = went or (now if any(place.glob(f"*/*/{results.MANIFEST}")) else 0.0)
        if now >= next_look:
            largest = max(largest, pss_mb(process.pid), key=_total)
            next_look = now + MEMORY_EVERY_S
        _pause(process)
    return max(0.0, went - made - POLL_S), largest


def _total(memory_mb: dict[str, float]) -> float:
    return sum(memory_mb.values())


def _pause(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return
