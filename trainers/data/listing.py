"""Which files a path means: a file, or the `*.parquet` of a directory, each once."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pyarrow import fs

from trainers.problems import list_names
from trainers.spec import SpecError

SUFFIX = ".parquet"
# What a table format keeps beside its files, by the folder's name.
TABLE_LOGS = {"_delta_log": "Delta", ".hoodie": "Hudi"}
ICEBERG_FOLDER, ICEBERG_SUFFIX = "metadata", ".metadata.json"


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file of rows. `identity` is the same for every path that leads to it, by whatever kind of link."""

    path: str
    identity: str
    size: int | None
    mtime_ns: int | None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a data set, ordered by path, and what its directory holds beside them, in a line each."""

    files: tuple[FoundFile, ...]
    left_out: tuple[str, ...] = ()


@dataclass
class _Walk:
    """What a walk through a directory meets: data, and what isn't read; paths are below the directory."""

    files: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    hidden: dict[str, int] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)

    def sort_in(self, inner: str) -> bool:
        """Note a file; whether it is data."""
        *folders, name = inner.split("/")
        above = next((at for at, folder in enumerate(folders, 1) if is_hidden(folder)), None)
        if above is not None:
            folder = "/".join(folders[:above])
            if name.endswith(SUFFIX) and not folders[above - 1].startswith("."):
                self.hidden[folder] = self.hidden.get(folder, 0) + 1
            return False
        if is_hidden(name):
            return False
        if not name.endswith(SUFFIX):
            self.misnamed.append(inner)
            return False
        return True


def list_files(uri: str, filesystem: fs.FileSystem, path: str) -> Listing:
    """List a file, or the `*.parquet` below a directory.

    Files and folders whose name starts with `_` or `.` are skipped, as Hadoop and Spark do. On this machine a file
    that several links lead to, hard or symbolic, is listed once, and a link to a folder around it isn't followed.

    Raises:
        SpecError: nothing there, no Parquet file below, or a table of Delta, Hudi or Iceberg: which of its files
            count only the table's own log knows.
    """
    try:
        info = filesystem.get_file_info(path)
        if info.type == fs.FileType.NotFound:
            raise SpecError(f"dataset: {uri!r} doesn't exist; give a Parquet file, or a directory of them")
        if info.type == fs.FileType.File:
            return Listing(files=(_found(filesystem, info),))
        _refuse_table_around(uri, filesystem, path)
        walk = _walk_local(uri, path) if isinstance(filesystem, fs.LocalFileSystem) else _walk(uri, filesystem, path)
        infos = filesystem.get_file_info(sorted(walk.files))
    except OSError as error:
        raise SpecError(f"dataset: {uri!r} can't be read ({error}); check the path and the credentials") from None
    left_out = tuple(_describe(uri, walk))
    if not infos:
        remedy = f"write the rows there, or give another directory{''.join(f' ({line})' for line in left_out[:1])}"
        raise SpecError(f"dataset: {uri!r} holds no *{SUFFIX} file; {remedy}")
    return Listing(files=tuple(_found(filesystem, info) for info in infos), left_out=left_out)


def _found(filesystem: fs.FileSystem, info: fs.FileInfo) -> FoundFile:
    identity = _identify(info.path) if isinstance(filesystem, fs.LocalFileSystem) else info.path
    return FoundFile(path=info.path, identity=identity, size=info.size, mtime_ns=info.mtime_ns)


def _identify(path: str) -> str:
    """Device and inode of what a path of this machine leads to; its real path where these can't be told."""
    with suppress(OSError):
        found = Path(path).stat()
        if found.st_ino:
            return f"{found.st_dev}:{found.st_ino}"
    return os.path.realpath(path)


def is_hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def _walk(uri: str, filesystem: fs.FileSystem, base: str) -> _Walk:
    """Through a store without links."""
    walk = _Walk()
    for info in filesystem.get_file_info(fs.FileSelector(base, recursive=True)):
        inner = info.path.strip("/").removeprefix(base.strip("/")).strip("/")
        _refuse_table(uri, inner)
        if info.type == fs.FileType.File and walk.sort_in(inner):
            walk.files.append(info.path)
    return walk


def _walk_local(uri: str, base: str) -> _Walk:
    """Through folders of this machine, links last: what is reached twice keeps its own path."""
    walk, top = _Walk(), os.path.realpath(base)
    seen, folders, links = {_identify(top)}, [base], list[str]()
    while folders or links:
        if not folders:
            entries = [links.pop(0)]
        else:
            with os.scandir(folders.pop()) as scanned:
                below = sorted(scanned, key=lambda entry: entry.name)
            links += [entry.path for entry in below if entry.is_symlink()]
            entries = [entry.path for entry in below if not entry.is_symlink()]
        for path in entries:
            inner, real = os.path.relpath(path, base), os.path.realpath(path)
            _refuse_table(uri, inner)
            is_folder = Path(real).is_dir()
            if not Path(real).exists():
                walk.dangling.append(inner)
            elif is_folder and is_hidden(Path(path).name):
                for folder, _, names in os.walk(path):
                    for name in names:
                        walk.sort_in(os.path.relpath(Path(folder, name), base))
            elif not is_folder and not walk.sort_in(inner):
                continue
            elif not is_folder and not Path(real).is_file():
                walk.special.append(inner)
            elif (identity := _identify(real)) in seen or top.startswith(real + os.sep):
                walk.again.append(inner)
            else:
                seen.add(identity)
                (folders if is_folder else walk.files).append(path)
    return walk


def _describe(uri: str, walk: _Walk) -> Iterator[str]:
    """A line for each kind of thing that the directory holds and that isn't read."""
    if walk.misnamed:
        names = list_names(walk.misnamed)
        yield f"dataset: {uri!r} holds files that don't end in {SUFFIX} and aren't read: {names}; rename those of rows"
    if walk.hidden:
        names = list_names([f"{folder} ({count} files)" for folder, count in sorted(walk.hidden.items())])
        yield f"dataset: {uri!r} holds folders whose name starts with _ and that aren't read: {names}; rename them"
    if walk.dangling:
        yield f"dataset: {uri!r} holds links that lead nowhere: {list_names(walk.dangling)}; mend or remove them"
    if walk.special:
        names = list_names(walk.special)
        yield f"dataset: {uri!r} holds pipes, sockets or devices, which aren't read: {names}; write files of rows"
    if walk.again:
        names = list_names(walk.again)
        yield f"dataset: {uri!r} holds links to what is read already, or to a folder around them: {names}; read once"


def _refuse_table(uri: str, inner: str) -> None:
    """Raises SpecError where a path below a directory is what a table format keeps there."""
    *folders, name = inner.split("/")
    for at, part in enumerate((*folders, name)):
        if part in TABLE_LOGS:
            raise _table(uri, TABLE_LOGS[part], "/".join(folders[:at]))
    if folders and folders[-1] == ICEBERG_FOLDER and name.endswith(ICEBERG_SUFFIX):
        raise _table(uri, "Iceberg", "/".join(folders[:-1]))


def _refuse_table_around(uri: str, filesystem: fs.FileSystem, path: str) -> None:
    """The same where the directory is a partition (`day=1`) or the `data` folder of a table."""
    root = path.rstrip("/")
    while "=" in posixpath.basename(root):
        root = posixpath.dirname(root)
    if root == path.rstrip("/") and posixpath.basename(root) != "data":
        return
    for folder in {root, posixpath.dirname(root)}:
        with suppress(OSError):  # What can't be looked at isn't this data set's.
            for name, kind in TABLE_LOGS.items():
                if filesystem.get_file_info(f"{folder}/{name}").type == fs.FileType.Directory:
                    raise _table(uri, kind, "")
            chosen = fs.FileSelector(f"{folder}/{ICEBERG_FOLDER}", allow_not_found=True)
            if any(info.path.endswith(ICEBERG_SUFFIX) for info in filesystem.get_file_info(chosen)):
                raise _table(uri, "Iceberg", "")


def _table(uri: str, kind: str, folder: str) -> SpecError:
    place = f"{uri!r}" if not folder else f"{folder!r} below {uri!r}"
    return SpecError(
        f"dataset: {place} belongs to a table of {kind}, and only the table's log knows which of its files count; "
        "export the rows to plain Parquet, and name that directory"
    )
