"""An absolute timer to wait for with epoll: timerfd(2), by ctypes where Python has none (< 3.13).

``epoll.poll`` rounds its own timeout up to whole milliseconds: too coarse for a link.
"""

from __future__ import annotations

import ctypes
import os
import time

_TFD_TIMER_ABSTIME = 1
_libc = ctypes.PyDLL(None, use_errno=True)  # PyDLL: keeps the GIL; there is no other thread to give it to


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Timer:
    """Readable from the moment it was set to. Registered edge-triggered, it need never be read."""

    def __init__(self) -> None:
        self.descriptor: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"timerfd_create: {os.strerror(number)}")
        self._spec = _Itimerspec()
        self._reference = ctypes.byref(self._spec)
        self._settime = _libc.timerfd_settime
        self._settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

    def set(self, due_ns: int) -> None:
        """``due_ns`` on CLOCK_MONOTONIC, above 0; a time that has passed fires at once."""
        self._spec.value_s, self._spec.value_ns = divmod(due_ns, 1_000_000_000)
        self._settime(self.descriptor, _TFD_TIMER_ABSTIME, self._reference, None)
