"""``link.silent``: frames vanish both ways, carrier stays. Only BFD (RFC 5880) can notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import LINK
from experiments.faults.registry import FAULTS
from experiments.faults.severed import Silent


@FAULTS.register
@dataclass(slots=True)
class LinkSilent(Silent):
    """Carrier at both ends, and frames, which did come before, come no more."""

    kind: ClassVar[str] = "link.silent"
    aims_at: ClassVar[str] = LINK
    severs: ClassVar[bool] = True
