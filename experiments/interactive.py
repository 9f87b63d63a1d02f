"""``failstatic up``: a network with its brain, and Mininet's own command line inside the sandbox."""

from __future__ import annotations

from collections.abc import Callable

from experiments.lab import Record
from experiments.policies import policy
from experiments.results import name_for_slot
from topology.errors import MachineError
from topology.load import load
from topology.replica import preflight
from topology.replica.sandbox import Inside, Sandbox
from topology.replica.slots import slot


def visit(reference: str, policy_name: str, framework: str, *, record: Record, on_wait: Callable[[int], None]) -> int:
    """Build, open the command line, take down; returns the sandbox's exit status.

    ``record`` hears of the steps of building. Raises InputError and MachineError before anything starts.
    """
    from experiments.labs.emulated import EmulatedLab, Outfit

    topology, chosen = load(reference), policy(policy_name)
    machine = preflight.probe()
    if missing := machine.missing():
        raise MachineError("; ".join(f"{each.name}: {each.detail}" for each in missing), missing[0].remedy)

    def main(inside: Inside) -> int:
        lab = EmulatedLab(
            topology, chosen, inside=inside, outfit=Outfit(machine, framework), record=record, folder=inside.rundir
        )
        try:
            lab.build()
            lab.network.cli()
        finally:
            lab.close()
        return 0

    with slot(name_for_slot("up", topology.name), on_wait=on_wait):
        return Sandbox(f"up-{topology.name}", main, interactive=True).run()
