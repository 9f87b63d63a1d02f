"""Names that the shell can complete; each list is imported only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path


def experiments(incomplete: str) -> Iterator[tuple[str, str]]:
    """Name and question."""
    from experiments.asking.reading import shipped

    return _asked(shipped(), incomplete)


def sweeps(incomplete: str) -> Iterator[tuple[str, str]]:
    """Name and question."""
    from experiments.sweep.reading import shipped

    return _asked(shipped(), incomplete)


def studies(incomplete: str) -> Iterator[tuple[str, str]]:
    """Name and question of the studies of survival."""
    from experiments.survival.spec import shipped

    return _asked(shipped(), incomplete)


def _asked(files: Mapping[str, Path], incomplete: str) -> Iterator[tuple[str, str]]:
    from experiments.asking.reading import question

    return ((name, question(path)) for name, path in files.items() if name.startswith(incomplete))


def policies(incomplete: str) -> Iterator[tuple[str, str]]:
    """The last name of a comma-separated list."""
    from experiments.policies import POLICIES, VARIANTS

    before, comma, last = incomplete.rpartition(",")
    base, plus, _ = last.rpartition("+")
    known = {name: found.summary for name, found in POLICIES.items()}
    if plus:
        known = {f"{base}+{name}": variant.summary for name, variant in VARIANTS.items()}
    names = (name for name in known if name.startswith(last) and name not in before.split(","))
    return ((f"{before}{comma}{name}", known[name]) for name in names)


def topologies(incomplete: str) -> Iterator[str]:
    from topology.load import known

    return (name for name in [*known(), "topohub:", "csv:", "cities:"] if name.startswith(incomplete))


def backends(incomplete: str) -> Iterator[str]:
    return (name for name in ("emulated", "modelled") if name.startswith(incomplete))


def runs(incomplete: str) -> Iterator[str]:
    """Folders below results/."""
    from experiments.results import runs as known

    return (name for name in known(Path("results")) if name.startswith(incomplete))


def running(incomplete: str) -> Iterator[str]:
    """Runs that are going on."""
    from topology.replica.slots import running as register

    return (entry.run for entry in register() if entry.run.startswith(incomplete))
