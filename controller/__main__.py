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
from typing import Any

from controller import app, runtime
from controller.brain import Brain, BrainSettings
from controller.memory import MEMORIES, RECONCILE
from topology import inventory
from topology.addressing import OPENFLOW_PORT
from topology.errors import FailstaticError, InputError, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 2 for wrong input, 3 when the controller cannot run or go on running."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    try:
        topology = inventory.loads(_read(options.topology))
        brain = Brain(topology, brain_settings(options.settings), options.memory)
        framework = runtime.load(options.framework)
        gc.freeze()  # what is there by now stays: no collection needs to look at it again
        app.run(framework, topology, brain, options.port)
    except FailstaticError as error:
        sys.stderr.write(f"controller: {error}\n")
        return error.exit_status
    return 0


def brain_settings(text: str) -> BrainSettings:
    """BrainSettings from a JSON object of its fields. Raises InputError, naming the known ones."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", place="--settings") from None
    if not isinstance(data, dict):
        raise InputError("not a JSON object", place="--settings")
    known = {field.name for field in fields(BrainSettings)}
    for name in data:
        if name not in known:
            raise InputError(unknown("brain setting", name, known), place="--settings")
    return BrainSettings(**{name: _frozen(value) for name, value in data.items()})


def _frozen(value: Any) -> Any:
    """JSON's lists as tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(error.strerror or str(error), place=str(path)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m controller", description="The brain and its OpenFlow shim.")
    parser.add_argument("--topology", type=Path, required=True, help="inventory file (topology.inventory)")
    parser.add_argument("--settings", default="{}", help="fields of BrainSettings as a JSON object")
    parser.add_argument("--memory", default=RECONCILE, help=f"how it begins: {', '.join(MEMORIES)}")
    parser.add_argument("--framework", default="ryu", help="ryu (default) or os-ken")
    parser.add_argument("--port", type=int, default=OPENFLOW_PORT, help="TCP port to listen on (default %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
