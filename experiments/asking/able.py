"""Which of a run's policies this machine can bring up. The others are skipped by name, the rest runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from experiments.asking.prepare import Prepared
from topology.errors import MachineError
from topology.replica.machine import Ability, Machine


def able(prepared: Prepared, machine: Machine) -> tuple[Prepared, Mapping[str, str]]:
    """What can be run of it, and for each policy that cannot the reason with its remedy.

    Raises MachineError when nothing is left.
    """
    lacking = {
        policy.name: [machine.ability(need) for need in policy.needs if not machine.has(need)]
        for policy in prepared.policies
    }
    skipped = {name: _reason(abilities) for name, abilities in lacking.items() if abilities}
    rest = tuple(policy for policy in prepared.policies if policy.name not in skipped)
    if not rest:
        first = next(abilities[0] for abilities in lacking.values())
        raise MachineError(f"{first.name}: {first.detail}", first.remedy)
    names = tuple(policy.name for policy in rest)
    return replace(prepared, spec=prepared.spec.model_copy(update={"policies": names}), policies=rest), skipped


def _reason(abilities: list[Ability]) -> str:
    return "; ".join(f"{ability.name}: {ability.detail}. {ability.remedy}" for ability in abilities)
