"""A tick from the kernel: an absolute, periodic timerfd, by ctypes as ``os`` has it only from Python 3.13 on.

A blocking read of it is the prober's only wait: no time-out that epoll would round up to whole
milliseconds (CPython 3.11), and no drift, since a late wake-up does not move the ticks that follow.
"""

from __future__ import annotations

import ctypes
import os
import time

NS_PER_S = 1_000_000_000
_TFD_TIMER_ABSTIME = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Ticker:
    """Ticks every ``period_ns`` of CLOCK_MONOTONIC from ``first_ns`` on."""

    def __init__(self, first_ns: int, period_ns: int) -> None:
        """Raises OSError if the kernel refuses."""
        self._descriptor = _checked(_libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_CLOEXEC))
        moments = (*divmod(period_ns, NS_PER_S), *divmod(first_ns, NS_PER_S))
        setting = (ctypes.c_long * 4)(*moments)
        _checked(_libc.timerfd_settime(self._descriptor, _TFD_TIMER_ABSTIME, setting, None))

    def wait(self) -> None:
        """Until the next tick; at once when one or more have passed since the last call."""
        os.read(self._descriptor, 8)

    def close(self) -> None:
        os.close(self._descriptor)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"timerfd: {os.strerror(number)}")
    return result
