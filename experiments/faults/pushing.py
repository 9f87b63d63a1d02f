"""What good and bad pushes have in common: settings of the rollout, and the proof that its first stage arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from controller.orders import Push
from experiments.faults.kind import Evidence, Fact, Settings, until
from experiments.faults.ordering import Ordering, versions
from experiments.lab import Lab
from topology.units import parse_share, parse_time_s

PROOF_S = 4.0
"""For the first stage's barriers from the farthest PoP."""
INSTANT = "instant"


def parse_stages(text: object) -> tuple[float, ...]:
    """``instant``, ``1-5-25-100 %`` or a list of shares. Raises ValueError unless they rise to 100 %."""
    parts = [f"{part} %" for part in text.removesuffix("%").split("-")] if isinstance(text, str) else text
    if text == INSTANT:
        return (1.0,)
    if not isinstance(parts, Sequence) or not parts:
        raise ValueError(f"'{text}' are no stages; write {INSTANT}, 1-5-25-100 % or a list of shares")
    shares = tuple(parse_share(part) for part in parts)
    if list(shares) != sorted(set(shares)) or shares[0] == 0 or shares[-1] != 1:
        raise ValueError(f"stages rise from more than 0 % to 100 %; found '{text}'")
    return shares


ROLLOUT: Settings = {"stages": parse_stages, "gate": parse_time_s}


@dataclass(slots=True)
class Pushing(Ordering):
    """A push, proven by what the brain says and by the switches' tables, which hold the version that it says."""

    _first: int = field(default=1, init=False)

    def push(self, lab: Lab, push: Push) -> None:
        self._first = len(push.steps()[0])
        self.tell(lab, push, "push", "configured")

    def arrived(self, lab: Lab) -> Evidence:
        """Of the first stage; others may have followed."""
        pushed, configured = (
            self.fact(lab, word, least, PROOF_S) for word, least in (("push", self.told), ("configured", self._first))
        )
        version = self.version(lab, "push")
        until(lab, lambda: _holding(lab, version) >= self._first, PROOF_S)
        count = _holding(lab, version)
        return Evidence((pushed, configured, Fact(f"switches_with_version_{version}", count, count >= self._first)))


def _holding(lab: Lab, version: int | None) -> int:
    """Switches whose tables hold that version."""
    return sum(held == version for held in versions(lab).values())
