"""What the model cannot represent is refused by name before anything is started, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.asking.prepare import Prepared
from experiments.labs.modelled.companions import MODELS
from topology.errors import InputError, Problem

FAULTS = frozenset(
    {
        "brain.flap",
        "brain.hang",
        "brain.kill",
        "brain.poweroff",
        "brain.replan",
        "brain.restart",
        "brain.return",
        "etcd.kill",
        "etcd.return",
        "brain.slow",
        "control.cut",
        "control.degrade",
        "control.heal",
        "control.silent",
        "link.cut",
        "link.degrade",
        "link.flap",
        "link.heal",
        "link.one-way",
        "link.silent",
        "pop.down",
        "pop.overload",
        "pop.return",
        "switch.crash",
        "switch.return",
        "push.freeze",
        "push.good",
        "push.poison",
        "push.rollback",
    }
)
"""Kinds whose every effect the model knows. One that is not here may do something that nothing here would show."""
EMULATED = "only the emulated backend can"


def check(prepared: Prepared, *, pcap: bool) -> None:
    """Raises InputError with all that this run asks of the model and it has not."""
    if problems := list(_problems(prepared, pcap)):
        raise InputError(problems)


def _problems(prepared: Prepared, pcap: bool) -> Iterator[Problem]:
    if pcap:
        yield Problem("--pcap", f"no packet is sent, so none can be kept: {EMULATED}")
    for number, entry in enumerate(prepared.spec.timeline):
        if entry.fault not in FAULTS:
            yield Problem(
                f"{prepared.spec.name}: timeline[{number}].fault",
                f"the model does not know '{entry.fault}': {EMULATED}. It knows {', '.join(sorted(FAULTS))}",
            )
    for policy in prepared.policies:
        for companion in policy.companions:
            if type(companion) not in MODELS:
                yield Problem(
                    f"policy {policy.name}", f"the model does not know its companion '{companion.name}': {EMULATED}"
                )
