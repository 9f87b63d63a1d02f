"""Forks that never return, and what their parents hear of them."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

UNBUILT = 4
"""Exit status when the namespaces could not be made."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the launcher hands to the guard."""

    main: Callable[[socket.socket], int]
    """Runs as a child of PID 1; its argument leads to the guard."""
    report: int
    """Pipe to the launcher: one JSON object a line."""
    interactive: bool
    """Stay in the terminal's session, so that Ctrl-C reaches main and not the processes here."""


def exit_status(status: int) -> int:
    """waitpid's status → what a shell would say (128 + signal)."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def report(pipe: int, **data: object) -> None:
    """Tell the launcher."""
    with suppress(OSError):
        os.write(pipe, json.dumps(data).encode() + b"\n")


def fork(body: Callable[[], int]) -> int:
    """Run ``body`` in a child that leaves by ``os._exit``: clean-up handlers are the launcher's. Its pid."""
    pid = os.fork()
    if pid == 0:
        _leave(body)
    return pid


def _leave(body: Callable[[], int]) -> NoReturn:
    status = UNBUILT
    try:
        status = body()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def status_of(pid: int) -> int:
    """Wait for a child."""
    return exit_status(os.waitpid(pid, 0)[1])
