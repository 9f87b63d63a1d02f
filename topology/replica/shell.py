"""Mininet's node shell, begun and awaited apart, so that all nodes of a network come up side by side.

A mix-in for Mininet's Node classes; it replaces ``Node.startShell``, which waits for the
shell's prompt twice and runs ``stty``, and so makes every node wait for the one before.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from typing import Any

from topology.errors import LabError
from topology.replica.vswitch import START_S

_PROMPT = chr(127)
"""What Mininet takes for the end of a command's output."""
_IPV6_OFF = "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done 2> /dev/null"
_GREETING = f"unset HISTFILE; set +m; {_IPV6_OFF}\n"
"""Only what bash does itself: no other process. Router solicitations would be noise in every capture."""


class NodeShell:
    """A bash in namespaces of its own (network, mount), attached to a pseudo-terminal."""

    name: str
    params: dict[str, Any]
    shell: subprocess.Popen[bytes]

    def startShell(self, mnopts: str | None = None) -> None:  # noqa: N802
        """Begin; ``params["environment"]`` is added to the environment."""
        self.master, self.slave = pty.openpty()
        _echo_off(self.slave)
        self.shell = subprocess.Popen(
            ["mnexec", mnopts or "-dn", "bash", "--norc", "--noediting", "-is", f"mininet:{self.name}"],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**os.environ, "PS1": _PROMPT, **self.params.get("environment", {})},
        )
        self._remember_shell()
        os.write(self.master, _GREETING.encode())

    def await_shell(self) -> None:
        """Return once the shell is in its namespaces and takes commands; raises LabError."""
        text, deadline = "", time.monotonic() + START_S
        while text.count(_PROMPT) < 2:  # its first prompt, and the one after the greeting
            if not self.pollOut.poll(max(0, 1000 * (deadline - time.monotonic()))):
                raise LabError(f"the shell of {self.name} does not come up: {text.strip()}")
            try:
                text += os.read(self.master, 1024).decode(errors="replace")
            except OSError:  # EIO: nobody holds the other end any more
                raise LabError(f"the shell of {self.name} ended: {text.strip()}") from None

    def _remember_shell(self) -> None:
        """The attributes that Mininet's own ``startShell`` leaves behind."""
        self.stdin = self.stdout = os.fdopen(self.master, "r")
        self.pid = self.shell.pid
        self.pollOut = select.poll()
        self.pollOut.register(self.stdout, select.POLLIN)
        self.outToNode: dict[int, Any]
        self.inToNode: dict[int, Any]
        self.outToNode[self.master] = self.inToNode[self.master] = self
        self.lastCmd = self.lastPid = None
        self.readbuf, self.waiting, self.execed = "", False, False


def _echo_off(terminal: int) -> None:
    modes = termios.tcgetattr(terminal)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, modes)
