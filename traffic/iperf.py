"""One iperf3 test in a process of its own: the forked children of ``traffic.bulk_process``.

libiperf keeps global state and may hang, so a test never runs in a process that has other work. The
bindings leave some of libiperf's setters out; ``_call`` reaches them.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import iperf3

from topology.replica.namespaces import die_with_parent, enter_network
from traffic.bulk import INTERVAL_S

CONNECT_MS = 3000
PACING_US = 40_000
"""iperf3's own 1 ms would wake a dozen clients a thousand times per second each; and a few datagrams that go together
wake the processes on their way once (``traffic.schedule``)."""
_IOLBF = 1


def check() -> None:
    """Raises OSError when libiperf is missing."""
    iperf3.Server(verbose=False)


def serve(order: dict[str, Any]) -> None:
    """In the child: one test as the server, its interval lines unbuffered on stdout."""
    enter_network(order["server_pid"])
    libc = ctypes.CDLL(None)
    libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, _IOLBF, 0)
    server = iperf3.Server(verbose=False)
    server.json_output = False
    server.port = order["port"]
    _set_report_interval(server, INTERVAL_S)
    server.run()


def send(order: dict[str, Any], seconds: float) -> None:
    """In the child: one test as the client; a failure becomes one line on stdout."""
    enter_network(order["client_pid"])
    client = iperf3.Client(verbose=False)
    client.protocol = "udp"
    client.server_hostname, client.port = order["address"], order["port"]
    client.blksize, client.bandwidth = order["block_bytes"], order["rate_bps"]
    client.duration = max(1, math.ceil(seconds))
    _set_report_interval(client, 0.0)  # no intervals: the bindings' pipe holds 64 kB, a longer report hangs them
    _call(client, "iperf_set_test_pacing_timer", ctypes.c_int, PACING_US)
    _call(client, "iperf_set_test_connect_timeout", ctypes.c_int, CONNECT_MS)
    error = client.run().error
    if error:
        os.write(1, f"client: {error}\n".encode())


def _set_report_interval(test: iperf3.IPerf3, seconds: float) -> None:
    for name in ("iperf_set_test_stats_interval", "iperf_set_test_reporter_interval"):
        _call(test, name, ctypes.c_double, seconds)


def _call(test: iperf3.IPerf3, name: str, kind: type[Any], value: float) -> None:
    """A setter of libiperf that the bindings leave out; an old libiperf without it keeps its default."""
    setter = getattr(test.lib, name, None)
    if setter is not None:
        setter.argtypes = (ctypes.c_void_p, kind)
        setter(test._test, value)


@dataclass
class Child:
    """A forked process and the pipe on which it speaks."""

    pid: int
    pipe: int
    pending: bytes = b""

    def read(self) -> list[str] | None:
        """Whole lines that have come; None when the child has closed its end, by dying."""
        chunk = os.read(self.pipe, 1 << 12)
        if not chunk:
            return None
        *lines, self.pending = (self.pending + chunk).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.pipe)


def fork(task: Callable[[], None]) -> Child:
    """Run ``task`` in a child that speaks on a pipe and dies with us."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            die_with_parent()
            for descriptor in (1, 2):
                os.dup2(theirs, descriptor)
            task()
            status = 0
        except Exception as error:  # its last words: the parent notes them
            os.write(1, f"{error}\n".encode())
        finally:
            os._exit(status)
    os.close(theirs)
    return Child(pid, ours)
