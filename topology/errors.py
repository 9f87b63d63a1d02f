"""Everything that can go wrong, as one tree.

FailstaticError              exit status
├── InputError               2   what the user wrote is wrong; nothing was started
├── MachineError             4   this machine cannot run it; says what is missing
└── LabError                 3   something in a running lab broke; what was measured is kept
    └── TooLate              –   an observation did not end in time and was given up
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class FailstaticError(Exception):
    """Base of all errors that a user can meet; ``exit_status`` is the process's."""

    exit_status = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands (``file: key path``) and what is wrong with it."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class InputError(FailstaticError):
    """All mistakes of an input at once."""

    exit_status = 2

    def __init__(self, problems: Iterable[Problem] | str, *, place: str = "") -> None:
        self.problems: tuple[Problem, ...] = (
            (Problem(place, problems),) if isinstance(problems, str) else tuple(problems)
        )
        super().__init__("\n".join(map(str, self.problems)))


class MachineError(FailstaticError):
    """This machine lacks something; ``remedy`` says how to get it."""

    exit_status = 4

    def __init__(self, missing: str, remedy: str = "") -> None:
        self.missing, self.remedy = missing, remedy
        super().__init__(f"{missing}. {remedy}" if remedy else missing)


class LabError(FailstaticError):
    """A daemon, a link or a file of a running lab failed."""


class TooLate(LabError):
    """An observation would not have ended in time and was given up: caught where it was asked for."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The message for a name that does not exist: the nearest, then the known ones.

    >>> unknown("policy", "fail-statik", ["fail-static", "soft-state"])
    "unknown policy 'fail-statik'; did you mean 'fail-static'? Known: fail-static, soft-state"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    shown = ", ".join(names[:40]) + (f", … ({len(names)} in all)" if len(names) > 40 else "")
    return f"unknown {kind} '{name}'{hint} Known: {shown or 'none'}"
