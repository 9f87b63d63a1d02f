"""What a sweep has found so far: a folder that bears being left at any moment.

    points.jsonl     one line per point, appended as soon as it is finished
    points.parquet   all points, of this and of earlier commits; ``merge`` puts the lines into it

A line that was cut short, by a kill or a full disk, is no line: its point is run again.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.sweep.pool import Job, Row
from topology.errors import InputError, LabError

if TYPE_CHECKING:
    import polars

LINES, PARQUET = "points.jsonl", "points.parquet"
KEY = "point"
RESUME = "nothing that was finished is lost; the same command goes on from there"


class Store:
    """The folder of one sweep, for one process at a time. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor = -1
        self._finished: set[str] = set()

    def __enter__(self) -> Store:
        """Raises LabError when the folder cannot be made or is in use, InputError when its dataset cannot be read."""
        self._finished = set(_known(self.folder / PARQUET))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.folder / LINES, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise LabError(f"cannot write into {self.folder}: {error.strerror}") from error
        try:
            _lock(self._descriptor, self.folder)
            lines = read_lines(self.folder / LINES)
            os.ftruncate(self._descriptor, sum(size for size, _ in lines))
        except BaseException:
            self.__exit__()
            raise
        self._finished |= {str(line[KEY]) for _, line in lines}
        return self

    def __exit__(self, *_: object) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    @property
    def finished(self) -> frozenset[str]:
        """Keys of all jobs that need not be run."""
        return frozenset(self._finished)

    def keep(self, job: Job, rows: Sequence[Row]) -> None:
        """At once, whole or not at all. Raises LabError when the disk is full."""
        line = (json.dumps({KEY: job.key, "rows": [{**job.columns, **row} for row in rows]}) + "\n").encode()
        size = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(self._descriptor, size)
            raise LabError(f"cannot write {self.folder / LINES}: {error.strerror}; {RESUME}") from error
        self._finished.add(job.key)

    def merge(self, jobs: Iterable[Job]) -> polars.DataFrame:
        """All lines into the dataset, under the columns that ``jobs`` have now; returns the rows of ``jobs``.

        Raises LabError when the disk is full: the lines stay.
        """
        import polars as pl

        columns = {job.key: job.columns for job in jobs}
        path = self.folder / PARQUET
        kept = [pl.read_parquet(path)] if path.exists() else []
        fresh = [{KEY: line[KEY], **row} for _, line in read_lines(self.folder / LINES) for row in line["rows"]]
        if fresh:
            known = {str(row[KEY]) for row in fresh}
            kept = [frame.filter(~pl.col(KEY).is_in(known)) for frame in kept] + [frame_of(fresh)]
        if not kept:
            return pl.DataFrame(schema={KEY: pl.String})
        whole = _relabelled(joined(kept), columns)
        try:
            _write(path, whole)
            os.ftruncate(self._descriptor, 0)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise LabError(f"cannot write {path}: {error}; {RESUME}") from error
        return whole.filter(pl.col(KEY).is_in(list(columns)))


def read_lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """(bytes, content) of the whole lines at the beginning of the file; nothing is believed after a broken one."""
    found: list[tuple[int, dict[str, Any]]] = []
    for raw in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        try:
            line = json.loads(raw)
        except ValueError:
            break
        if not raw.endswith(b"\n") or not isinstance(line, dict) or not {KEY, "rows"} <= line.keys():
            break
        found.append((len(raw), line))
    return found


def frame_of(rows: Sequence[Row]) -> polars.DataFrame:
    """Every number a float, so that a column is of one kind whatever came first."""
    import polars as pl

    frame = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    return frame.with_columns(pl.col(pl.Int64).exclude("seed").cast(pl.Float64))


def joined(frames: Sequence[polars.DataFrame]) -> polars.DataFrame:
    """One below the other, with the columns of all. What is text in one is text in all."""
    import polars as pl

    texts = {name for frame in frames for name, kind in frame.schema.items() if kind == pl.String}
    alike = [frame.with_columns(pl.col(name).cast(pl.String) for name in texts & {*frame.columns}) for frame in frames]
    return pl.concat(alike, how="diagonal_relaxed")


def _relabelled(whole: polars.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> polars.DataFrame:
    """Rows whose job is asked for now, perhaps under other axes, get its columns."""
    import polars as pl

    mine = pl.col(KEY).is_in(list(columns))
    labels = [{KEY: key, **one} for key, one in columns.items()]
    if not labels or not len(names := list(dict.fromkeys(name for one in labels for name in one if name != KEY))):
        return whole
    rows = whole.filter(mine).drop(names, strict=False).join(frame_of(labels), on=KEY, how="left")
    return joined([rows, whole.filter(~mine)]).select(
        [KEY, *names, *(n for n in whole.columns if n not in {KEY, *names})]
    )


def _write(path: Path, frame: polars.DataFrame) -> None:
    partial = path.with_name(f"{path.name}.partial")
    frame.write_parquet(partial, compression="zstd")
    partial.replace(path)


def _known(path: Path) -> Iterable[str]:
    import polars as pl

    if not path.exists():
        return ()
    try:
        return pl.read_parquet(path, columns=[KEY])[KEY].unique().to_list()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"cannot be read ({error}); move it away to begin anew", place=str(path)) from error


def _lock(descriptor: int, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on Windows: there two sweeps of one name are not told apart
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise LabError(f"another process is at work on {folder}; wait for it, or end it") from None
