"""The launcher of modelled runs: folder → each policy in virtual time → judge → report.

No sandbox, no slot, no other process: a run is a computation. What it leaves is what an emulated
run leaves, and every page of it says that no packet was sent.
"""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

from experiments import results
from experiments.asking.prepare import Prepared
from experiments.conclude import Result, View, finish
from experiments.journal import Follower, Journal
from experiments.labs.modelled.lab import ModelledLab
from experiments.labs.modelled.oracle import Oracle
from experiments.labs.modelled.refusals import check
from experiments.manifest import manifest
from experiments.policies import Policy
from experiments.runner import Plan
from experiments.runner import run as play

BACKEND = "modelled"
STOPPED = "stopped"


def execute(prepared: Prepared, folder: Path, view: View, *, pcap: bool = False, run: Path | None = None) -> Result:
    """Run all policies into a new folder below ``folder``, or into ``run`` if the caller has made one, and judge.

    Raises InputError, before anything is started, when the model cannot represent what is asked, LabError
    when there can be no folder.
    """
    check(prepared, pcap=pcap)
    made = run is None
    run = run or results.make(folder, prepared.spec.name, prepared.seed)
    errors: dict[str, str] = {}
    outcome = ""
    try:
        results.write_json(run / results.MANIFEST, manifest(prepared, _machine(), {"backend": BACKEND}))
        if made:
            results.point_latest(run)
        view.begun(run, prepared)
        for policy in prepared.policies:
            outcome = _policy(prepared, policy, run, view, errors)
            if outcome == STOPPED:
                break
    finally:
        view.ended()
        with suppress(OSError):  # only an empty folder can go: nothing had begun
            run.rmdir()
    return Result(run, finish(run), errors, outcome == STOPPED)


def _policy(prepared: Prepared, policy: Policy, run: Path, view: View, errors: dict[str, str]) -> str:
    follower = Follower(run / results.JOURNAL)
    try:
        return compute(prepared, policy, run, errors)
    finally:
        for line in follower.new():
            if line["policy"] == policy.name:
                view.told(line)
        view.tick()


def compute(prepared: Prepared, policy: Policy, run: Path, errors: dict[str, str]) -> str:
    """One policy into its journal and probes; how it ended. What broke stands in ``errors``."""
    # late: the lab, whose clock it is, wants the journal first
    journal = Journal(run / results.JOURNAL, policy.name, lambda: lab.now_s())  # noqa: PLW0108

    def record(event: str, /, **data: object) -> None:
        journal.record(event, **data)
        if event == "end" and data.get("error"):
            errors[policy.name] = str(data["error"])

    lab = ModelledLab(prepared.topology, policy, seed=prepared.seed, record=record, folder=run)
    record("design", moves=policy.moves)
    sliced = policy.brain.slices > 1
    plan = Plan(prepared.timeline, prepared.planned.traffic, prepared.planned.traced, own_ways=sliced)
    try:
        return play(lab, plan, record, Oracle(lab.known))
    finally:
        journal.close()


def _machine() -> dict[str, str]:
    return {"packets": "none was sent: this run was computed", "system": platform.platform()}
