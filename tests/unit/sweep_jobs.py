"""Jobs for the tests of sweeps; workers find them here by name."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from experiments.sweep.pool import Row

STARTS, VICTIM = "starts", "victim"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Errand:
    """A number, and the folder in which the test looks on."""

    number: int
    folder: str


def square(errand: Errand) -> list[Row]:
    """A row. In the process whose id stands in ``victim`` it never ends; it fails for -1."""
    folder = Path(errand.folder)
    with (folder / STARTS).open("a") as log:
        log.write(f"{errand.number} {os.getpid()}\n")
    victim = folder / VICTIM
    if victim.exists() and victim.read_text() == str(os.getpid()):
        threading.Event().wait(PATIENCE_S)
    if errand.number == -1:
        raise ValueError("minus one has no root")
    return [{"policy": "a", "phase": "all", "value": float(errand.number**2)}]
