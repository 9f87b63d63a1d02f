"""The file that a prober leaves: a header line of JSON, then records of 16 bytes, little-endian.

    u32 slot | u32 kind | i64 time_ns

    kind SENT      slot left at time_ns (CLOCK_REALTIME, read just before sendto)
         RECEIVED  slot arrived at time_ns (CLOCK_REALTIME, stamped by the kernel)
         DROPPED   ``slot`` datagrams were lost in the prober's own socket buffers
         END       sending stopped at time_ns on purpose, and what was in flight was waited for

A slot of the fine wheel carries the bit ``schedule.FINE``. A slot that was never sent has no
record. A file whose writer was killed ends anywhere, inside a record too: ``traffic.samples``
reads what is whole. This module writes, and stays free of numpy: the prober imports it.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import asdict
from pathlib import Path

from traffic.schedule import ProbePlan

SENT, RECEIVED, DROPPED, END = 0, 1, 2, 3
RECORD = struct.Struct("<IIq")
FORMAT = "failstatic probes 1"
BUFFER_BYTES = 1 << 16


def header(plan: ProbePlan, zero_ns: int) -> bytes:
    """The first line; padded so that the records begin on a multiple of their size."""
    line = json.dumps({"format": FORMAT, "zero_ns": zero_ns, "plan": asdict(plan)}, separators=(",", ":")).encode()
    return line + b" " * (-(len(line) + 1) % RECORD.size) + b"\n"


class Recorder:
    """Appends records through a buffer; call ``flush`` a few times per second."""

    def __init__(self, path: Path, plan: ProbePlan, zero_ns: int) -> None:
        """Raises OSError if the file cannot be made."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._buffer = bytearray(BUFFER_BYTES)
        self._used = 0
        _write_all(self._file, header(plan, zero_ns))

    def put(self, slot: int, kind: int, time_ns: int) -> None:
        RECORD.pack_into(self._buffer, self._used, slot, kind, time_ns)
        self._used += 16
        if self._used == BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Raises OSError when the disk is full."""
        _write_all(self._file, memoryview(self._buffer)[: self._used])
        self._used = 0

    def close(self) -> None:
        self.flush()
        os.close(self._file)


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
