"""Features as a table: CSV with a header, a row each, empty where a feature has no such part.

Tags stand in one cell, separated by spaces. A `default` that is text but looks like a number, or begins with a
quotation mark, is written as a JSON string. Text that a spreadsheet would take for a formula has a quote in front.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from service.core.csv_cells import as_text, from_text

COLUMNS = (
    "name",
    "kind",
    "dim",
    "column",
    "hash_size",
    "ids",
    "pooling",
    "default",
    "normalize",
    "cost",
    "owner",
    "tags",
    "status",
)
NUMBERS = {"dim", "hash_size"}


def write(features: Iterable[Mapping[str, Any]]) -> str:
    """CSV of features in the form in which they are registered."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # RFC 4180: lines end in CR LF
    writer.writerow(COLUMNS)
    for feature in features:
        cells = {**feature, "tags": " ".join(feature["tags"])}
        if "default" in cells:
            cells["default"] = _cell(cells["default"])
        writer.writerow([as_text(cells.get(column, "")) for column in COLUMNS])
    return text.getvalue()


def read(text: str) -> list[dict[str, Any]]:
    """Features as they stand in CSV, not yet checked. Raises ValueError with the line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None
    header = rows[0][1] if rows else []
    if not header or set(header) - set(COLUMNS) or len(set(header)) < len(header):
        raise ValueError(f"line 1: the header is {','.join(header)!r}; take each at most once of {','.join(COLUMNS)}")
    return [_feature(header, row, line) for line, row in rows[1:]]


def _feature(header: list[str], row: list[str], line: int) -> dict[str, Any]:
    if len(row) != len(header):
        raise ValueError(f"line {line}: {len(row)} cells under a header of {len(header)}; quote cells with commas")
    found: dict[str, Any] = {column: cell for column, cell in zip(header, row, strict=True) if cell != ""}
    found = {column: from_text(cell) for column, cell in found.items()}
    if "tags" in found:
        found["tags"] = found["tags"].split()
    if "default" in found:
        found["default"] = _value(found["default"], line)
    if "cost" in found and (cost := _number(found["cost"])) is not None:
        found["cost"] = cost
    for column in NUMBERS & found.keys():
        if found[column].isascii() and found[column].isdigit():
            found[column] = int(found[column])
    return found


def _cell(value: Any) -> Any:
    if isinstance(value, str) and (value.startswith('"') or not value or _number(value) is not None):
        return json.dumps(value, ensure_ascii=False)
    return value


def _value(cell: str, line: int) -> Any:
    if cell.startswith('"'):
        try:
            return json.loads(cell)
        except ValueError:
            raise ValueError(f"line {line}: default {cell!r} begins with a quotation mark and is no JSON") from None
    number = _number(cell)
    return cell if number is None else number


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None
