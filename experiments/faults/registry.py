"""Kind name → fault. Refuses duplicates; asked for the unknown, lists the known."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, TypeVar

from experiments.faults.kind import Fault
from topology.errors import InputError, unknown

T = TypeVar("T")
FaultType = type[Any]
"""A class whose instances are ``Fault``."""


class Registry:
    """``@FAULTS.register`` on a class makes its ``kind`` known to specs."""

    def __init__(self) -> None:
        self._kinds: dict[str, FaultType] = {}

    def register(self, kind: type[T]) -> type[T]:
        name: str = kind.kind  # type: ignore[attr-defined]
        if name in self._kinds:
            raise ValueError(f"the fault '{name}' exists already, in {self._kinds[name].__module__}")
        self._kinds[name] = kind
        return kind

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._kinds))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def summary(self, name: str) -> str:
        """One line: how the module of this kind begins."""
        first = (sys.modules[self[name].__module__].__doc__ or "").splitlines()[0]
        return first.partition("``: ")[2]

    def __getitem__(self, name: str) -> FaultType:
        """Raises InputError, naming the known kinds."""
        try:
            return self._kinds[name]
        except KeyError:
            raise InputError(unknown("fault", name, self._kinds)) from None

    def make(self, name: str, *targets: str, **settings: Any) -> Fault:
        """A fault ready to inject. ``settings`` are those of its class, already checked by the spec."""
        fault: Fault = self[name](targets, **settings)
        return fault


FAULTS = Registry()
