"""Which data sets and outputs the operator allows: those under `Settings.data_roots`.

A root is an absolute directory (`/data`), the beginning of a URI (`s3://bucket/folder`), or `*`, which is every
absolute path and every URI but `file:`. What a root covers is decided by whole segments of the path, after symbolic
links are followed; whatever could be read in two ways is refused.

Links are followed as this machine sees them: where the control plane does not mount the data, a link on the workers'
side is the operator's to keep out.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from service.core.errors import InvalidError
from service.settings import EVERYWHERE, Settings
from trainers.spec import JobSpec

DECODINGS = 4  # how deep percent-encoding may be nested before it is a trick


def check_spec(spec: JobSpec, settings: Settings) -> None:
    """Every place that a job's spec names. Raises InvalidError."""
    for split in ("train", "validation", "test"):
        uri = getattr(spec.dataset, split)
        if uri is not None:
            require_allowed(uri, settings, f"dataset.{split}")
    if spec.output is not None:
        require_allowed(spec.output, settings, "output")


def require_allowed(uri: str, settings: Settings, field: str = "uri") -> None:
    """Pass where a root covers `uri`, a path or a URI that the body gives as `field`.

    Raises:
        InvalidError: kind `relative-path` or `outside-roots`.
    """
    if not uri.startswith("/") and "://" not in uri and not uri.lower().startswith("file:"):
        detail = f"{field}: {uri!r} is a relative path; give an absolute path, or a URI"
        raise InvalidError("relative-path", detail)
    trick = _trick(uri)
    if trick is not None:
        raise _refusal(f"{field}: {uri!r} has {trick}; give the place itself, under one of the allowed roots")
    if not any(_covers(root, uri) for root in settings.data_roots):
        roots = ", ".join(settings.data_roots) or "none: the operator sets WINNOW_DATA_ROOTS"
        raise _refusal(f"{field}: {uri!r} lies under none of the roots allowed here ({roots}); move the data there")
    path = _local(uri)
    link = None if path is None else next(_links_out(path, settings), None)
    if link is not None:
        raise _refusal(f"{field}: {uri!r} holds {link!r}, a link out of the allowed roots; copy the file instead")


def _refusal(detail: str) -> InvalidError:
    return InvalidError("outside-roots", detail)


def _trick(uri: str) -> str | None:
    """What in a place could make it mean another one."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in uri):
        return "a control character"
    decoded = uri
    for _ in range(DECODINGS):
        if "\\" in decoded:
            return "a backslash"
        if ".." in decoded.replace("?", "/").replace("#", "/").split("/"):
            return "a `..`"
        plain, decoded = decoded, unquote(decoded)
        if plain == decoded:
            break
    else:
        return "percent-encoding within percent-encoding"
    if "%2f" in uri.lower() or any(ord(character) < ord(" ") for character in decoded):
        return "an encoded slash or control character"
    return None


def _covers(root: str, uri: str) -> bool:
    if root == EVERYWHERE:
        return not uri.lower().startswith("file:")
    if root.startswith("/"):
        path = _local(uri)
        return path is not None and _resolve(path).is_relative_to(_resolve(root))
    try:
        return not uri.startswith("/") and _begins(urlsplit(root), urlsplit(uri))
    except ValueError:  # brackets that hold no address
        return False


def _local(uri: str) -> str | None:
    """The local path that pyarrow would read; None where it would read elsewhere."""
    if uri.startswith("/"):
        return uri
    plain = uri.startswith("file:///") and "?" not in uri and "#" not in uri
    return unquote(uri.removeprefix("file://")) if plain else None


def _resolve(path: str) -> Path:
    """With links followed as far as the path exists. POSIX lets two leading slashes mean something else."""
    return Path(os.path.realpath("/" + path.lstrip("/")))


def _begins(root: SplitResult, place: SplitResult) -> bool:
    """Whether `place` is `root` or below. Credentials, ports and endpoints are the root's, or there are none."""
    same = (root.scheme, root.netloc, root.query) == (place.scheme, place.netloc, place.query)
    above = [part for part in unquote(root.path).strip("/").split("/") if part]
    below = unquote(place.path).removeprefix("/").removesuffix("/").split("/")
    return same and not place.fragment and "." not in below and below[: len(above)] == above


def _links_out(path: str, settings: Settings) -> Iterator[str]:
    """Links below a directory that lead out of the roots: a reader of the directory would follow them."""
    if EVERYWHERE in settings.data_roots:
        return
    roots = [_resolve(root) for root in settings.data_roots if root.startswith("/")]
    waiting, seen = [_resolve(path)], set[Path]()
    while waiting:
        for folder, directories, files in os.walk(waiting.pop()):
            for link in filter(Path.is_symlink, map(Path(folder).joinpath, directories + files)):
                target = _resolve(str(link))
                if not any(target.is_relative_to(root) for root in roots):
                    yield str(link)
                elif target not in seen:
                    seen.add(target)
                    waiting.append(target)
