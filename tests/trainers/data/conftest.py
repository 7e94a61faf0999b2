"""What is read of Parquet files."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.data.files import ParquetFiles


@pytest.fixture
def groups_read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """A file's name and the row groups of each call that reads some, from here on."""
    read: list[tuple[str, list[int]]] = []
    original = ParquetFiles.read

    def recorded(self: ParquetFiles, part, groups, columns, most=None):  # type: ignore[no-untyped-def]
        read.append((Path(part.path).name, list(groups)))
        return original(self, part, groups, columns, most)

    monkeypatch.setattr(ParquetFiles, "read", recorded)
    return read
