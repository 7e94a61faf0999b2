"""Folders for what a process needs while it runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

# A socket's path has at most 107 bytes, and Ray's sockets lie some 75 below the folder that it is given.
SHORT = 30


def private_folder(prefix: str) -> Path:
    """A new folder that nobody else can read, whose path is short enough for Ray's sockets: not below a long TMPDIR.

    Raises:
        ValueError: neither the folder for temporary files nor /tmp can be written.
    """
    usual = tempfile.gettempdir()
    base = usual if len(usual) <= SHORT else "/tmp"  # noqa: S108 (a private folder is made there)
    try:
        return Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    except OSError as error:
        raise ValueError(
            f"TMPDIR: Ray's sockets need a short path, and {base} can't be written ({error.strerror}); "
            f"set TMPDIR to a folder of at most {SHORT} characters that can"
        ) from None
