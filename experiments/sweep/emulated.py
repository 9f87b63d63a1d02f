"""A point with packets: a process of its own, because a sandbox can only be started where no threads are.

The process queues for a slot of the machine as every run does, and dies with the worker that started it.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topology.errors import FailstaticError, LabError

if TYPE_CHECKING:
    from experiments.sweep.plan import Task


def run(task: Task, folder: Path) -> Mapping[str, Any]:
    """The summary. Raises LabError when it broke, or this machine cannot."""
    ask = [sys.executable, "-m", __name__, str(folder)]
    asked = json.dumps(dataclasses.asdict(task))
    done = subprocess.run(ask, input=asked, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("*/*/summary.json"))
    if done.returncode or not found:
        raise LabError(done.stderr.strip()[-500:] or f"its process ended with status {done.returncode}")
    summary: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8"))
    return summary


def main(folder: Path) -> None:
    from experiments.conclude import Unwatched
    from experiments.inside import Means
    from experiments.run import execute
    from experiments.sweep.plan import Task
    from experiments.sweep.work import prepared
    from topology.replica.namespaces import die_with_parent

    die_with_parent(signal.SIGKILL)
    task = Task(**json.load(sys.stdin))
    try:
        result = execute(prepared(task), Means(results=folder), Unwatched())
    except FailstaticError as error:
        raise SystemExit(str(error)) from None
    if result.errors:
        raise SystemExit("; ".join(f"{policy}: {error}" for policy, error in result.errors.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
