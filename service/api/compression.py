"""Content that is sent again and again: held as it is and by gzip, and answered as the caller takes it."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request, Response


@dataclass(frozen=True)
class CompressedContent:
    """Bytes, and the same by gzip."""

    plain: bytes
    zipped: bytes

    @classmethod
    def of(cls, content: bytes, level: int) -> CompressedContent:
        return cls(content, gzip.compress(content, level, mtime=0))

    def answer(self, request: Request, media_type: str, headers: Mapping[str, str]) -> Response:
        """By gzip where the caller takes that."""
        told = {"Vary": "Accept-Encoding", **headers}
        if accepts_gzip(request):
            return Response(self.zipped, media_type=media_type, headers={**told, "Content-Encoding": "gzip"})
        return Response(self.plain, media_type=media_type, headers=told)


def accepts_gzip(request: Request) -> bool:
    """Whether the caller's `Accept-Encoding` has gzip, with a weight above 0."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False
