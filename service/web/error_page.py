"""Errors as pages, for a browser that asked for one; whoever else asks has the problem document."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.problems import ApiError
from service.core.errors import DomainError
from service.web.shell import WHERE, show

Handler = Callable[[Request, Exception], Awaitable[Response]]
OF_PROGRAMS = ("/v1/", f"{WHERE}/")


def install(app: FastAPI) -> None:
    """Have the answers of the handlers that `app` has shown as pages where pages were asked for."""
    for kind in (DomainError, ApiError, HTTPException):
        app.add_exception_handler(kind, _as_page(app.exception_handlers[kind]))  # type: ignore[arg-type]


def _as_page(handler: Handler) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        found = await handler(request, error)
        if found.status_code < 400 or not _wants_page(request):
            return found
        problem = json.loads(bytes(found.body))
        page = show(request, "refused.html", found.status_code, title=problem["title"], detail=problem["detail"])
        del found.headers["content-length"], found.headers["content-type"]
        page.headers.update(found.headers)
        return page

    return answer


def _wants_page(request: Request) -> bool:
    page = request.method == "GET" and not request.url.path.startswith(OF_PROGRAMS)
    return page and "text/html" in request.headers.get("accept", "")
