"""Whether what is written would lie among the rows that are read: the next reader would take it for data."""

from __future__ import annotations

import os
from pathlib import Path

from trainers.data.files import resolve
from trainers.data.listing import is_hidden
from trainers.data.splits import SPLITS
from trainers.spec import DatasetSpec, SpecError


def require_output_apart(dataset: DatasetSpec, output: Path) -> None:
    """Raises SpecError where `output`, a file or a directory to be made, is a data file, or lies in a folder that is
    read as data."""
    if problem := find_output_problem(dataset, output):
        raise SpecError(problem)


def find_output_problem(dataset: DatasetSpec, output: Path) -> str | None:
    """The same, as a line that names the field, the value and the remedy; None where the two lie apart.

    What isn't of this machine, or can't be read, has no problem of this kind.
    """
    target = Path(os.path.realpath(output))
    for split in SPLITS:
        uri = getattr(dataset, split)
        path = None if uri is None else _local_path(uri)
        if path is None:
            continue
        if target == path and not path.is_dir():
            return f"output: {output} is dataset.{split} itself, and would be written over; name another place"
        if path.is_dir() and any(_would_be_read(folder, target) for folder in _read_folders(path)):
            return (
                f"output: {output} lies in {uri}, the folder of dataset.{split}, where what is written would be read "
                "as data; name a place outside of it"
            )
    return None


def _local_path(uri: str) -> Path | None:
    """Where data of this machine really are; None of another store's, or of what can't be looked at."""
    if "://" not in uri:
        return Path(os.path.realpath(uri))
    if not uri.startswith("file:"):
        return None
    try:
        _, path = resolve(uri)
    except SpecError:
        return None
    return Path(os.path.realpath(path))


def _read_folders(top: Path) -> set[str]:
    """The real paths of a folder and of those below it whose files are read. See `list_files`."""
    found, waiting = set[str](), [str(top)]
    while waiting:
        folder = waiting.pop()
        if folder in found or str(top).startswith(folder + os.sep):
            continue
        found.add(folder)
        try:
            with os.scandir(folder) as entries:
                waiting += [
                    os.path.realpath(entry.path) for entry in entries if not is_hidden(entry.name) and entry.is_dir()
                ]
        except OSError:  # the check of the data says so
            continue
    return found


def _would_be_read(folder: str, target: Path) -> bool:
    return target.is_relative_to(folder) and not any(map(is_hidden, target.relative_to(folder).parts))
