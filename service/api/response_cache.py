"""ResponseCache about a run that many watch: worked out once for each state of the run's files, whoever asks.

Their ETags come from the files' states, so that one who has the newest is told so (304) without a file being read.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from fastapi import Request, Response

from service.api.compression import CompressedContent, accepts_gzip
from service.api.etag import is_known

KEPT = 32
# Gates are smooth: at the fastest level they shrink to a fifth, at the best one to a sixth in three times the time.
LEVEL = 1


class ResponseCache:
    """The newest KEPT answers of this process. Who asks for one that is being worked out waits for it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Future[CompressedContent]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], Mapping[str, Any]]) -> CompressedContent:
        """The content under `key`; `make` is called once: those who ask meanwhile wait for what it makes or raises."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                made = self._kept[key] = Future[CompressedContent]()
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(key)
        if found is not None:
            return found.result()
        try:
            made.set_result(CompressedContent.of(_json(make()), LEVEL))
        except BaseException as error:
            with self._lock:
                self._kept.pop(key, None)
            made.set_exception(error)
            raise
        return made.result()


def answer(
    request: Request,
    known: list[str] | None,
    files: Iterable[Path],
    query: tuple[Any, ...],
    make: Callable[[], Mapping[str, Any]],
) -> Response:
    """The document that `make` reads from the files, as `query` asks; by gzip where the caller takes that.

    Args:
        known: the caller's `If-None-Match`.
        query: whatever else the document depends on, its kind among it.
    """
    cache: ResponseCache = request.app.state.response_cache
    key = _digest([*query, *map(_state, files)])
    tag = f'"{key}.gzip"' if accepts_gzip(request) else f'"{key}"'
    headers = {"ETag": tag, "Vary": "Accept-Encoding", "Cache-Control": "private, no-cache"}
    if is_known(known, tag):
        return Response(status_code=304, headers=headers)
    return cache.get(key, make).answer(request, "application/json", headers)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _state(path: Path) -> tuple[str, int, int, int] | None:
    """What changes when a file is replaced; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return str(path), found.st_ino, found.st_mtime_ns, found.st_size


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
