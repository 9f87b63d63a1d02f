"""What an operator may ask of a running brain, and how it reaches the process: JSON lines on its standard input."""

from __future__ import annotations

import json
import math
import os
import select
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any

from controller.edge import MODES, Config
from controller.paths import METRICS
from topology.errors import InputError, unknown


@dataclass(frozen=True, slots=True)
class Push:
    """Bring a new version of the configuration to the PoPs, stage by stage."""

    config: Config
    order: tuple[str, ...]
    """All PoPs, as the rollout goes through them; canaries first."""
    stages: tuple[float, ...] = (1.0,)
    """Share of the PoPs that have it at the end of each stage (0…1), rising to 1; at least one PoP."""
    gate_s: float = 0.0
    """From a stage's arrival until its health is looked at."""

    def steps(self) -> list[tuple[str, ...]]:
        """The PoPs that each stage adds; never none, so small networks have fewer stages."""
        ends = (max(1, math.ceil(share * len(self.order) - 1e-9)) for share in self.stages)
        borders = sorted({0, *ends})
        return [self.order[begin:end] for begin, end in pairwise(borders)]


@dataclass(frozen=True, slots=True)
class Freeze:
    """No stage begins any more, and no push: only a roll-back is obeyed."""


@dataclass(frozen=True, slots=True)
class Thaw:
    """Ends a freeze; what it stopped stays where it is."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """Back to the last known good version, everywhere at once; or to the one before all pushes."""

    to_first: bool = False


@dataclass(frozen=True, slots=True)
class Replan:
    """Change the paths of the whole network, make before break."""

    metric: str
    """What they are shortest by: a name of ``paths.METRICS``."""


Order = Push | Freeze | Thaw | Rollback | Replan
_KINDS: dict[str, type[Any]] = {kind.__name__.lower(): kind for kind in (Push, Freeze, Thaw, Rollback, Replan)}


def dump(order: Order) -> str:
    """One line of JSON, without its end."""
    return json.dumps({"kind": type(order).__name__.lower(), **asdict(order)})


def parse(line: str) -> Order:
    """Raises InputError for what is no order."""
    try:
        data = dict(json.loads(line))
        kind = data.pop("kind", "")
    except (TypeError, ValueError):
        raise InputError(f"not an order: '{line[:60]}'") from None
    if kind not in _KINDS:
        raise InputError(unknown("order", str(kind), _KINDS))
    if strange := set(data) - {each.name for each in fields(_KINDS[kind])}:
        raise InputError(f"an order '{kind}' has no {', '.join(sorted(strange))}")
    order: Order = _KINDS[kind](**{name: _frozen(name, value) for name, value in data.items()})
    if isinstance(order, Replan) and order.metric not in METRICS:
        raise InputError(unknown("metric", order.metric, METRICS))
    return order


def _frozen(name: str, value: Any) -> Any:
    """JSON's lists as tuples, its objects as what they were."""
    if name == "config":
        config = Config(**{key: _frozen(key, part) for key, part in value.items()})
        if config.mode not in MODES:
            raise InputError(unknown("mode", config.mode, MODES))
        return config
    return tuple(value) if isinstance(value, list) else value


@dataclass(slots=True)
class Inbox:
    """Orders that have come in by a file descriptor; never waits."""

    descriptor: int = 0
    _begun: bytes = b""
    _closed: bool = field(default=False)

    def take(self) -> Iterator[str]:
        """Each complete line since the last time."""
        while not self._closed and select.select([self.descriptor], [], [], 0)[0]:
            chunk = os.read(self.descriptor, 1 << 16)
            self._closed = not chunk
            *lines, self._begun = (self._begun + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
