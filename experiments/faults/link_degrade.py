"""``link.degrade``: fibres that are slower, narrower or lossier, but up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.degraded import Degraded
from experiments.faults.kind import LINK
from experiments.faults.registry import FAULTS


@FAULTS.register
@dataclass(slots=True)
class LinkDegrade(Degraded):
    """The lab measures the running links, each direction by itself, and finds what was asked for."""

    kind: ClassVar[str] = "link.degrade"
    aims_at: ClassVar[str] = LINK
