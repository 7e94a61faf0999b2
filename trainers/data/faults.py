"""Whose fault it is that a file of rows can't be read: the data's, which its author mends, or the machine's."""

from __future__ import annotations

import errno

from pyarrow import fs

from trainers.data.listing import FoundFile
from trainers.spec import SpecError

DENIED = (errno.EACCES, errno.EPERM)


def find_change(filesystem: fs.FileSystem, file: FoundFile) -> SpecError | None:
    """The error to raise where a file is another one than was listed. Raises OSError where the store is away."""
    now = filesystem.get_file_info(file.path)
    if now.type == fs.FileType.NotFound:
        return SpecError(
            f"dataset: {file.path!r} was deleted or moved while it was read; put it back, and leave files alone while "
            "a run reads them"
        )
    if (now.size, now.mtime_ns) != (file.size, file.mtime_ns):
        return SpecError(
            f"dataset: {file.path!r} was written anew while it was read; start again, and leave files alone while a "
            "run reads them"
        )
    return None


def explain(error: Exception, filesystem: fs.FileSystem, file: FoundFile) -> Exception:
    """The error to raise in place of what reading a file raised, with the file's name.

    Returns:
        SpecError where the file is gone, replaced, damaged or not to be read by this user: trying again won't help.
        Otherwise the machine's or the network's own error.
    """
    try:
        if change := find_change(filesystem, file):
            return change
    except OSError:
        return OSError(f"{file.path}: {error}")
    number = error.errno if isinstance(error, OSError) else None
    if number in DENIED:
        return SpecError(f"dataset: {file.path!r} may not be read ({error}); give this user the right to")
    if number is not None:
        return OSError(number, f"{file.path}: {error}")
    return SpecError(
        f"dataset: {file.path!r} can't be read as Parquet ({_first_line(error)}); write it anew, or take it out of "
        "the directory"
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
