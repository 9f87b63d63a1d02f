"""A CSV of cities → PoPs; the links are generated.

Columns, in any order: ``city``, and optionally ``name``, ``region``, ``lat``, ``lon``,
``population``. What is missing or empty comes from GeoNames, a name from the city's.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import TypeVar

from topology import fields, generate
from topology.document import read_text
from topology.draft import Draft, complete
from topology.errors import InputError, Problem, unknown
from topology.model import Pop

COLUMNS = ("name", "city", "region", "lat", "lon", "population")
MAX_ROWS = 1000
T = TypeVar("T")


class _Rows:
    """Reads fields row by row and keeps every mistake with its line and column."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.problems: list[Problem] = []

    def add(self, line: int, column: str, message: str) -> None:
        self.problems.append(Problem(f"{self._file}:{line}" + (f": {column}" if column else ""), message))

    def field(self, line: int, row: dict[str, str], column: str, convert: Callable[[str], T]) -> T | None:
        text = (row.get(column) or "").strip()
        try:
            return convert(text) if text else None
        except ValueError as error:
            self.add(line, column, str(error))
            return None


def draft(file: Path) -> Draft:
    """The cities of the file, joined by synthetic links; raises InputError with all mistakes."""
    reader = csv.DictReader(StringIO(read_text(file), newline=""), strict=True)
    rows = _Rows(file)
    pops: dict[str, Pop] = {}
    try:
        _check_header(list(reader.fieldnames or ()), rows)
        for row in reader:
            _read(reader.line_num, row, pops, rows)
    except csv.Error as error:
        rows.add(reader.line_num, "", f"not CSV: {error}")
    if not rows.problems and not generate.MIN_CITIES <= len(pops) <= MAX_ROWS:
        rows.add(1, "", f"{len(pops)} cities; from {generate.MIN_CITIES} to {MAX_ROWS} are taken")
    if rows.problems:
        raise InputError(rows.problems)
    return generate.generated(file.stem, tuple(pops.values()))


def _check_header(header: list[str], rows: _Rows) -> None:
    for column in header:
        if column not in COLUMNS:
            rows.add(1, "", unknown("column", column, COLUMNS))
    if "city" not in header:
        rows.add(1, "", f"the column 'city' is missing; the first line names the columns: {', '.join(COLUMNS)}")
    if rows.problems:
        raise InputError(rows.problems)


def _read(line: int, row: dict[str, str], pops: dict[str, Pop], rows: _Rows) -> None:
    """Adds one PoP, or what is wrong with it."""
    before = len(rows.problems)
    city = rows.field(line, row, "city", str)
    name = rows.field(line, row, "name", fields.pop_name)
    region = rows.field(line, row, "region", str)
    lat, lon = rows.field(line, row, "lat", fields.latitude), rows.field(line, row, "lon", fields.longitude)
    population = rows.field(line, row, "population", fields.population)
    if None in row:
        rows.add(line, "", "more fields than columns; a comma within a field needs quotes")
    elif city is None:
        rows.add(line, "city", "is missing")
    elif name in pops:
        rows.add(line, "name", f"PoP '{name}' stands here twice")
    if len(rows.problems) > before or city is None:
        return
    if (lat is None) != (lon is None):
        rows.add(line, "lat" if lat is None else "lon", "is missing; give both, or none to look the city up")
        return
    name = name or fields.slug(city, pops)
    where = (lat, lon) if lat is not None and lon is not None else None
    try:
        pops[name] = complete(len(pops), name, city, where=where, region=region, population=population)
    except ValueError as error:
        rows.add(line, "city", str(error))
