"""How commands fail and stop: one clear block without a traceback, and the right exit status.

0    pass             every check holds
1    fail             a check is broken, and the measurement can be trusted
2    bad input        nothing was started
3    inconclusive     the machine could not keep up, or the run broke
4    this machine     cannot run it; the message says what is missing
130  stopped          by Ctrl-C or ``failstatic stop``; what was measured is kept and judged
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from topology.errors import FailstaticError, InputError, MachineError

STOPPED = 130
VERDICT_STATUS = {"pass": 0, "fail": 1, "unknown": 3}
MODELLED_HINT = "BACKEND=modelled needs nothing of the machine: it computes the same experiment and sends no packet."
errors = Console(stderr=True, soft_wrap=True, highlight=False)


class Commands(TyperGroup):
    """Takes ``--debug`` anywhere on the line, and turns errors into messages."""

    debug = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        self.debug = "--debug" in args
        return super().parse_args(ctx, [arg for arg in args if arg != "--debug"])

    def invoke(self, ctx: Any) -> Any:
        try:
            with stoppable():
                return super().invoke(ctx)
        except FailstaticError as error:
            if self.debug:
                raise
            explain(error)
            raise typer.Exit(error.exit_status) from None
        except KeyboardInterrupt:
            errors.print("Stopped.")
            raise typer.Exit(STOPPED) from None


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM (``failstatic stop``) and SIGHUP (the terminal is gone) end things like Ctrl-C."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # no SIGHUP on Windows
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def explain(error: FailstaticError) -> None:
    """The error on stderr, as one block."""
    if isinstance(error, InputError):
        problems = error.problems
        if len(problems) > 1:
            errors.print(f"{len(problems)} mistakes:", markup=False)
        for problem in problems:
            errors.print(str(problem), markup=False)
    elif isinstance(error, MachineError):
        errors.print(f"This machine cannot run it: {error.missing}", markup=False)
        way = error.remedy and f"{error.remedy.rstrip('.')}."
        errors.print(" ".join(filter(None, (way, "`failstatic doctor` tells all.", MODELLED_HINT))), markup=False)
    else:
        errors.print(f"It broke: {error}", markup=False)


def out() -> Console:
    """Standard output, as it is at this moment; not wrapped when it is no terminal."""
    return Console(soft_wrap=not sys.stdout.isatty())
