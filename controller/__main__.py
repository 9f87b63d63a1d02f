"""The controller process, the one that experiments kill: ``python -m controller --topology FILE …``.

It runs until it is killed. Log lines (``controller.app``) go to stdout, what went wrong to stderr.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from controller import app, runtime
from controller.brain import Brain, BrainSettings
from controller.election import ElectionSettings
from controller.memory import MEMORIES, RECONCILE
from topology import inventory
from topology.addressing import OPENFLOW_PORT
from topology.errors import FailstaticError, InputError, unknown
from topology.model import Topology

Settings = TypeVar("Settings", BrainSettings, ElectionSettings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 2 for wrong input, 3 when the controller cannot run or go on running."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    try:
        topology = inventory.loads(_read(options.topology))
        brain, store = _brain(topology, options)
        framework = runtime.load(options.framework)
        collect_rarely()
        app.run(framework, topology, brain, options.port, store)
    except FailstaticError as error:
        sys.stderr.write(f"controller: {error}\n")
        return error.exit_status
    return 0


def _brain(topology: Topology, options: argparse.Namespace) -> tuple[app.Brain, app.Store | None]:
    """The only brain, or one of several with the store of their election."""
    settings = brain_settings(options.settings)
    if not options.store:
        return Brain(topology, settings, options.memory), None
    # not needed by the only brain, and 15 ms of its start
    from controller.etcd import Store
    from controller.standby import Standby

    election = _from_json(ElectionSettings, options.election, "--election")
    store = Store(options.name, options.store, election.patience_s)
    return Standby(topology, settings, options.name, election, options.memory), store


def brain_settings(text: str) -> BrainSettings:
    """BrainSettings from a JSON object of its fields. Raises InputError, naming the known ones."""
    return _from_json(BrainSettings, text, "--settings")


def _from_json(kind: type[Settings], text: str, place: str) -> Settings:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", place=place) from None
    if not isinstance(data, dict):
        raise InputError("not a JSON object", place=place)
    known = {field.name for field in fields(kind)}
    for name in data:
        if name not in known:
            raise InputError(unknown("brain setting", name, known), place=place)
    return kind(**{name: _frozen(value) for name, value in data.items()})


def _frozen(value: Any) -> Any:
    """JSON's lists as tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(error.strerror or str(error), place=str(path)) from None


def collect_rarely() -> None:
    """What is there by now stays: no collection needs to look at it again. Nor at a whole plan while it is made.

    A plan for hundreds of PoPs is some 10^5 objects that all live on; looking for garbage among them
    again and again took a third of its time.
    """
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m controller", description="The brain and its OpenFlow shim.")
    parser.add_argument("--topology", type=Path, required=True, help="inventory file (topology.inventory)")
    parser.add_argument("--settings", default="{}", help="fields of BrainSettings as a JSON object")
    parser.add_argument("--memory", default=RECONCILE, help=f"how it begins: {', '.join(MEMORIES)}")
    parser.add_argument("--framework", default="ryu", help="ryu (default) or os-ken")
    parser.add_argument("--port", type=int, default=OPENFLOW_PORT, help="TCP port to listen on (default %(default)s)")
    parser.add_argument("--name", default="brain", help="of several brains: what this one is called")
    parser.add_argument("--election", default="{}", help="of several brains: ElectionSettings, as JSON")
    parser.add_argument("--store", type=_ports, default=(), help="of several brains: etcd's client ports, with commas")
    return parser


def _ports(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    sys.exit(main())
