"""The probes of a run as columns: read from what the prober streamed, or from Parquet.

One ``Samples`` holds one policy's probes, in numpy arrays, sorted by stream: fine after
coarse, then pair, then sequence number. Parquet is written and read with polars, imported
late because the launcher forks before it needs any of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from topology.errors import InputError, LabError
from topology.model import Pair
from traffic import samples as records

if TYPE_CHECKING:
    import polars

PARQUET = "probes.parquet"
_HEALTH = "failstatic"
"""Key of the file's metadata: policy → [dropped, complete]."""
Floats = NDArray[Any]
Ints = NDArray[Any]
Bools = NDArray[Any]
"""Columns. numpy's own types do not survive arithmetic well enough to say more to a checker."""


@dataclass(frozen=True)
class Samples:
    """Every probe that was due, whether sent or not. Times are seconds on the run's clock."""

    pairs: tuple[Pair, ...]
    pair: Ints
    """Index into ``pairs``."""
    seq: Ints
    fine: Bools
    due_s: Floats
    sent_s: Floats
    """NaN when never sent: the machine's fault, not the network's."""
    recv_s: Floats
    """NaN when it never came."""
    dropped: int = 0
    """Datagrams lost in the prober's own buffers."""
    complete: bool = True
    """False when the prober died before its end."""

    def __len__(self) -> int:
        return len(self.pair)

    @cached_property
    def sent(self) -> Bools:
        return np.asarray(~np.isnan(self.sent_s))

    @cached_property
    def delivered(self) -> Bools:
        return np.asarray(self.sent & ~np.isnan(self.recv_s))

    @cached_property
    def lost(self) -> Bools:
        """Sent and never received."""
        return np.asarray(self.sent & np.isnan(self.recv_s))

    @cached_property
    def delay_ms(self) -> Floats:
        """One way; NaN unless delivered."""
        return np.asarray((self.recv_s - self.sent_s) * 1e3)

    @cached_property
    def stream(self) -> Ints:
        """One number per (fine, pair)."""
        return np.asarray(self.pair + len(self.pairs) * self.fine)

    def take(self, chosen: Bools | Ints) -> Samples:
        """The chosen probes only."""
        times = (self.due_s[chosen], self.sent_s[chosen], self.recv_s[chosen])
        return replace(
            self,
            pair=self.pair[chosen],
            seq=self.seq[chosen],
            fine=self.fine[chosen],
            due_s=times[0],
            sent_s=times[1],
            recv_s=times[2],
        )

    def sorted(self) -> Samples:
        return self.take(np.lexsort((self.seq, self.pair, self.fine)))


def collect(run_dir: Path) -> dict[str, Samples]:
    """Policy → samples, from the records that the probers streamed and, for the rest, from Parquet."""
    parquet = run_dir / PARQUET
    found = read_parquet(parquet) if parquet.exists() else {}
    for path in sorted(run_dir.glob("probes.*.bin")):
        found[path.name[len("probes.") : -len(".bin")]] = read_records(path)
    return found


def read_records(path: Path) -> Samples:
    """One prober's records. Raises InputError when they cannot be read."""
    try:
        raw = records.read(path)
    except (LabError, OSError) as error:
        raise InputError(f"cannot read the probes: {error}", place=str(path)) from error
    pairs = tuple(dict.fromkeys(raw.pairs))
    place = {pair: index for index, pair in enumerate(pairs)}
    index = np.array([place[pair] for pair in raw.pairs], dtype=np.int64)[raw.pair]
    found = Samples(pairs, index, raw.seq.astype(np.int64), raw.fine, raw.due_s, raw.sent_s, raw.recv_s)
    return replace(found, dropped=raw.dropped, complete=raw.complete).sorted()


def from_columns(pairs: Sequence[Pair], columns: Mapping[str, Any]) -> Samples:
    """``columns``: pair (index), seq, fine, due_s, sent_s, recv_s, in any order of rows."""
    due_s, sent_s, recv_s = (np.asarray(columns[name], dtype=np.float64) for name in ("due_s", "sent_s", "recv_s"))
    index, seq = (np.asarray(columns[name], dtype=np.int64) for name in ("pair", "seq"))
    fine = np.asarray(columns["fine"], dtype=np.bool_)
    return Samples(tuple(pairs), index, seq, fine, due_s, sent_s, recv_s).sorted()


def write_parquet(path: Path, samples: Mapping[str, Samples]) -> None:
    """All policies into one file: policy, src, dst, seq, fine, due_s, sent_s, recv_s (null: lost, never sent)."""
    import polars as pl

    frames = [_frame(policy, probes) for policy, probes in samples.items()]
    if frames:
        partial = path.with_suffix(".partial")
        health = {policy: [probes.dropped, probes.complete] for policy, probes in samples.items()}
        pl.concat(frames).write_parquet(partial, compression="zstd", metadata={_HEALTH: json.dumps(health)})
        partial.replace(path)


def read_parquet(path: Path) -> dict[str, Samples]:
    """Policy → samples. Raises InputError when the file is not one that ``write_parquet`` wrote."""
    import polars as pl

    try:
        frame = pl.read_parquet(path).with_columns(pl.col("policy").cast(pl.String))
        health = json.loads(pl.read_parquet_metadata(path).get(_HEALTH, "{}"))
        parts = frame.partition_by("policy", as_dict=True, maintain_order=True)
        return {str(policy): _samples(part, *health.get(policy, ())) for (policy,), part in parts.items()}
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise InputError(f"cannot read the probes: {error}", place=str(path)) from error


def _frame(policy: str, probes: Samples) -> polars.DataFrame:
    import polars as pl

    sources, targets = (pl.Series([pair[end] for pair in probes.pairs], dtype=pl.String) for end in (0, 1))
    chosen = pl.Series(probes.pair)
    columns = {
        "policy": pl.Series([policy], dtype=pl.String).gather(np.zeros(len(probes), dtype=np.int64)),
        "src": sources.gather(chosen),
        "dst": targets.gather(chosen),
        "seq": pl.Series(probes.seq),
        "fine": pl.Series(probes.fine),
        "due_s": pl.Series(probes.due_s),
        "sent_s": pl.Series(probes.sent_s).fill_nan(None),
        "recv_s": pl.Series(probes.recv_s).fill_nan(None),
    }
    return pl.DataFrame(columns).with_columns(pl.col("policy", "src", "dst").cast(pl.Categorical))


def _samples(frame: polars.DataFrame, dropped: int = 0, complete: bool = True) -> Samples:
    import polars as pl

    frame = frame.with_columns(pl.col("src", "dst").cast(pl.String))
    pairs = frame.select("src", "dst").unique(maintain_order=True).with_row_index("pair")
    frame = frame.join(pairs, on=["src", "dst"], how="left", maintain_order="left")
    columns = {name: frame[name].to_numpy() for name in ("pair", "seq", "fine", "due_s")}
    columns |= {name: frame[name].fill_null(float("nan")).to_numpy() for name in ("sent_s", "recv_s")}
    named = from_columns([(src, dst) for _, src, dst in pairs.rows()], columns)
    return replace(named, dropped=dropped, complete=complete)
