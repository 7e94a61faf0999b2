"""Errors as RFC 9457 problem documents. Never a traceback."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

log = structlog.get_logger()


class FieldError(BaseModel):
    """Where a body is wrong, what was given, and what to do."""

    field: str
    value: Any = None
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem document; `type` is stable."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class ApiError(Exception):
    """An answer other than success. `kind` ends the stable type URI; `errors` are of single fields."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.errors, self.headers = status, kind, detail, errors, headers


def answer(
    status: int,
    kind: str,
    detail: str,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    title = HTTPStatus(status).phrase
    problem = Problem(
        type=f"urn:winnow:{kind}", title=title, status=status, detail=sendable(detail), errors=errors or []
    )
    return JSONResponse(problem.model_dump(mode="json"), status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""

    @app.exception_handler(ApiError)
    async def _ours(request: Request, error: ApiError) -> JSONResponse:
        return answer(error.status, error.kind, error.detail, error.errors, error.headers)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return answer(
            error.status_code, kind, f"{request.method} {request.url.path}: {error.detail}", headers=error.headers
        )

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            FieldError(
                field=sendable(_path(problem["loc"], error.body)),
                value=_shown(problem.get("input")),
                message=sendable(problem["msg"].removeprefix("Value error, ")),
            )
            for problem in error.errors()
        ]
        return answer(422, "invalid-request", f"{len(errors)} field(s) can't be used; see `errors`", errors)

    @app.exception_handler(RecursionError)
    async def _deep(request: Request, error: RecursionError) -> JSONResponse:
        return answer(400, "nested-too-deep", "the body nests lists or objects hundreds deep; flatten it")

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("unforeseen", path=request.url.path, error=repr(error))
        return answer(500, "internal", "something went wrong here; the service's log has more")


def _path(place: Sequence[str | int], body: Any) -> str:
    """Where it is in the body as sent: pydantic also names the type that it tried, where there are several."""
    parts, inside = [], body
    for depth, part in enumerate(place[1:], start=2):
        known = part in inside if isinstance(inside, dict) else isinstance(inside, list) and part in range(len(inside))
        if isinstance(inside, dict) and not known and depth < len(place):
            continue
        inside = inside[part] if known else None
        parts.append(str(part))
    return ".".join(parts) or str(place[0])


def sendable(text: str) -> str:
    """With what UTF-8 can't carry escaped: JSON lets a client name half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _shown(value: Any) -> Any:
    """Scalars as given; a container would repeat the whole body."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return sendable(value)
    return value if isinstance(value, int | float | bool) else None
