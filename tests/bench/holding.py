"""A sandbox whose main function tells once what it found, and then stays as it is until it is ended."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.bench import Site

from topology.errors import LabError
from topology.replica.inside import Inside
from topology.replica.sandbox import Sandbox
from topology.replica.slots import slot

Facts = dict[str, Any]
Main = Callable[[Inside], tuple[Facts, Callable[[], object]]]
"""Returns its facts (as JSON can carry them), and what to do when it is told to end in good order."""
POLL_S = 0.05


@contextmanager
def holding(site: Site, name: str, main: Main, deadline_s: float) -> Iterator[tuple[Sandbox, Facts]]:
    """The sandbox, still running, and what it told; it takes one of the machine's slots.

    Raises LabError when it has not told within the deadline, and what main raised.
    """
    with slot(f"bench/{name}", on_wait=lambda position: site.say(f"{name} waits: {position} before it")):
        reader, writer = os.pipe()
        sandbox = Sandbox(f"bench-{name}", lambda inside: _perform(main, inside, writer))
        facts: Facts = {"forked_s": time.monotonic()}
        try:
            with sandbox:
                yield sandbox, facts | _read(reader, sandbox, time.monotonic() + deadline_s)
        finally:
            os.close(reader)
            os.close(writer)


def told(site: Site, name: str, main: Main, deadline_s: float) -> Facts:
    """What it told; it is over then."""
    with holding(site, name, main, deadline_s) as (_, facts):
        return facts


def _perform(main: Main, inside: Inside, writer: int) -> int:
    facts, end = main(inside)
    os.write(writer, json.dumps(facts).encode() + b"\n")
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        end()
    return 0


def _read(reader: int, sandbox: Sandbox, deadline_s: float) -> Facts:
    text = b""
    while not text.endswith(b"\n"):
        if select.select([reader], [], [], POLL_S)[0]:
            text += os.read(reader, 1 << 16)
        elif sandbox.wait(0) is not None:
            raise sandbox.failure.error() if sandbox.failure else LabError(f"{sandbox.name} ended without a word")
        elif time.monotonic() > deadline_s:
            raise LabError(f"{sandbox.name} has not come up in time")
    return dict(json.loads(text))
