"""Errors as RFC 9457 problem documents. Never a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.core.errors import (
    SHOWN,
    ConflictError,
    DomainError,
    FieldError,
    ForbiddenError,
    InvalidError,
    InvalidFieldsError,
    NotFoundError,
    field_errors,
    sendable,
    shortened,
)
from service.schemas.common import Problem

log = structlog.get_logger()

STATUS: dict[type[DomainError], int] = {InvalidError: 422, ForbiddenError: 403, NotFoundError: 404, ConflictError: 409}


class ApiError(Exception):
    """A refusal that HTTP itself knows: 401, 406, 412, 415, 429, a foreign origin. `kind` ends the stable type URI."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers


class NotModifiedError(Exception):
    """The caller has the current answer: 304 with its ETag."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


def answer(
    status: int,
    kind: str,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document (RFC 9457) of the type `urn:winnow:KIND`."""
    title, detail = HTTPStatus(status).phrase, shortened(sendable(detail), 20 * SHOWN)
    problem = Problem(type=f"urn:winnow:{kind}", title=title, status=status, detail=detail, errors=list(errors))
    return JSONResponse(problem.model_dump(mode="json"), status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""

    @app.exception_handler(DomainError)
    async def _refused(request: Request, error: DomainError) -> JSONResponse:
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        return answer(status, error.kind, error.detail, error.errors)

    @app.exception_handler(ApiError)
    async def _ours(request: Request, error: ApiError) -> JSONResponse:
        return answer(error.status, error.kind, error.detail, headers=error.headers)

    @app.exception_handler(NotModifiedError)
    async def _same(request: Request, error: NotModifiedError) -> Response:
        return Response(status_code=304, headers={"ETag": error.tag})

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return answer(
            error.status_code, kind, f"{request.method} {request.url.path}: {error.detail}", headers=error.headers
        )

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return await _refused(request, InvalidFieldsError(field_errors(error.errors(), error.body)))

    @app.exception_handler(RecursionError)
    async def _deep(request: Request, error: RecursionError) -> JSONResponse:
        return answer(400, "nested-too-deep", "the body nests lists or objects hundreds deep; flatten it")

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("unforeseen", path=request.url.path, error=repr(error))
        return answer(500, "internal", "something went wrong here; the service's log has more")
