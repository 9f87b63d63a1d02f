"""``link.cut``: the fibre is cut. Both ends lose carrier; what is in flight is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import LINK
from experiments.faults.registry import FAULTS
from experiments.faults.severed import Cut


@FAULTS.register
@dataclass(slots=True)
class LinkCut(Cut):
    """No carrier at either end, and frames, which did come before, come no more."""

    kind: ClassVar[str] = "link.cut"
    aims_at: ClassVar[str] = LINK
    severs: ClassVar[bool] = True
