"""The launcher: folder → slot → a sandbox per policy → judge → report.

The launcher starts no thread (a sandbox is forked from it), measures nothing and touches nothing
of the host; it follows the journal for the live view. Ctrl-C (and SIGTERM, from ``failstatic
stop``) ends the sandboxes, healed where time allows, and judges what there is.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path

from experiments import cores, results
from experiments.asking.able import able
from experiments.asking.prepare import Prepared
from experiments.conclude import Result, View, finish
from experiments.inside import Means, player
from experiments.journal import Follower, Journal
from experiments.manifest import manifest
from experiments.policies import Policy
from topology.errors import FailstaticError, MachineError
from topology.replica import preflight
from topology.replica.sandbox import Sandbox
from topology.replica.slots import slot

POLL_S = 0.1
GRACE_S = 8.0
"""For a stopped run to heal, collect its samples and close."""


def execute(prepared: Prepared, means: Means, view: View) -> Result:
    """Run all policies and judge. Raises MachineError (nothing started) and LabError (no folder)."""
    machine = preflight.probe()
    if missing := machine.missing():
        raise MachineError("; ".join(f"{each.name}: {each.detail}" for each in missing), missing[0].remedy)
    cores.check_jobs(means.jobs)
    prepared, skipped = able(prepared, machine)
    run = means.folder or results.make(means.results, prepared.spec.name, prepared.seed)
    crew = Crew(prepared, means, view, run, machine)
    stopped = False
    try:
        with slot(results.name_for_slot(run.parent.name, run.name), cost=means.jobs, on_wait=view.queued):
            facts = {"framework": means.framework, "jobs": means.jobs, "skipped": skipped}
            results.write_json(run / results.MANIFEST, manifest(prepared, machine.as_dict(), facts))
            if means.folder is None:
                results.point_latest(run)
            view.begun(run, prepared)
            crew.play()
    except KeyboardInterrupt:
        stopped = True
    finally:
        view.ended()
        with suppress(OSError):  # only an empty folder can go: nothing had begun
            run.rmdir()
    if not run.exists():
        raise KeyboardInterrupt
    return Result(run, finish(run), crew.errors, stopped, skipped)


class Crew:
    """The sandboxes of a run: as many at once as asked for, in the order of the policies."""

    def __init__(self, prepared: Prepared, means: Means, view: View, run: Path, machine: preflight.Machine) -> None:
        self.prepared, self.means, self.view, self.run, self.machine = prepared, means, view, run, machine
        self.errors: dict[str, str] = {}
        self._running: dict[str, Sandbox] = {}
        self._follower = Follower(run / results.JOURNAL)
        self._last_t: dict[str, float] = {}
        self._ended: set[str] = set()

    def play(self) -> None:
        """Until all policies are through; a KeyboardInterrupt stops them and goes on."""
        pending = deque(self.prepared.policies)
        try:
            while pending or self._running:
                while pending and len(self._running) < self.means.jobs:
                    self._start(pending.popleft())
                self._wait()
        except KeyboardInterrupt:
            for sandbox in self._running.values():
                sandbox.stop(grace_s=GRACE_S)
            raise
        finally:
            for name, sandbox in list(self._running.items()):
                sandbox.stop()
                self._take(name, sandbox)

    def _start(self, policy: Policy) -> None:
        main = player(self.prepared, policy, self.run, self.machine, self.means)
        sandbox = Sandbox(f"{self.run.name}-{policy.name}", main, output=self.run / f"log.{policy.name}.txt")
        sandbox.start()
        self._running[policy.name] = sandbox

    def _wait(self) -> None:
        for name, sandbox in list(self._running.items()):
            if sandbox.wait(POLL_S / len(self._running)) is not None:
                self._take(name, sandbox)
        self._tell()
        self.view.tick()

    def _take(self, name: str, sandbox: Sandbox) -> None:
        """A sandbox has ended: make sure that its journal says how."""
        del self._running[name]
        self._tell()
        status = sandbox.wait(0)
        if sandbox.failure is not None and sandbox.failure.traceback:
            with suppress(OSError), (self.run / f"log.{name}.txt").open("a") as log:
                log.write(sandbox.failure.traceback)
        if name not in self._ended and status != 0:
            error = sandbox.failure.message if sandbox.failure else f"the sandbox ended with status {status}"
            self._write_end(name, error)

    def _write_end(self, name: str, error: str) -> None:
        journal = Journal(self.run / results.JOURNAL, name, lambda: self._last_t.get(name, 0.0))
        try:
            journal.record("end", outcome="error", error=error)
        except FailstaticError as problem:
            self.errors[name] = f"{error}; {problem}"
        finally:
            journal.close()
        self._tell()

    def _tell(self) -> None:
        for line in self._follower.new():
            policy = str(line.get("policy"))
            self._last_t[policy] = float(line.get("t") or 0.0)
            if line["event"] == "end":
                self._ended.add(policy)
                if line.get("error"):
                    self.errors[policy] = str(line["error"])
            self.view.told(line)
