"""Bodies of requests: of a known type, limited in size, and checked where they hold up no other request."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from email.message import Message as Header
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import ApiError, answer
from service.core.errors import InvalidError
from trainers.documents import DocumentError, RepeatedKeyError, read_json

UNREAD = object()
LARGE = 64 * 2**10  # bytes; checking fewer takes about a millisecond


class BodyLimit:
    """The middleware that refuses larger bodies than the settings allow, before they are read as far as can be."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        if told.isdigit() and int(told) > self.most:
            await answer(413, TOO_LARGE, self._detail())(scope, receive, send)
            return
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most:
                raise ApiError(413, TOO_LARGE, self._detail())
            return message

        await self.app(scope, limited, send)

    def _detail(self) -> str:
        return f"the body has more than {self.most:,} bytes; send less at a time"


TOO_LARGE = "body-too-large"


class JsonBodyRoute(APIRoute):
    """A route whose body, where it has one, is JSON. A large one is read and checked on a thread."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        field = self.body_field
        if field is None or isinstance(field.field_info, Form):
            return handler

        async def handle(request: Request) -> Response:
            body = await request.body()
            if body:
                _require_json(request.headers.get("content-type", ""))
            content = read(body) if len(body) <= LARGE else await run_in_threadpool(read, body)
            if content is UNREAD or len(body) <= LARGE:
                return await handler(request)  # which says where the fault is
            checked, errors = await run_in_threadpool(field.validate, content, {}, loc=("body",))
            if errors:
                raise RequestValidationError(errors, body=content)
            return await handler(_CheckedRequest(request, checked))

        return handle


def read(body: bytes) -> Any:
    """What a JSON body says, or UNREAD where it is none. Raises InvalidError where an object has a key twice."""
    try:
        return read_json(body)
    except RepeatedKeyError as error:
        raise InvalidError("repeated-key", f"body: {error}") from None
    except DocumentError:
        return UNREAD


class _CheckedRequest(Request):
    """A request whose body is read and checked: validation takes an instance of the body's model as it is."""

    def __init__(self, request: Request, checked: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._body, self._json = b"{}", checked


def _require_json(given: str) -> None:
    header = Header()
    header["content-type"] = given
    kind = header.get_content_type() if given else ""
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        said = repr(given[:100]) if given else "missing"
        raise ApiError(415, "unsupported-form", f"Content-Type: {said}; send `Content-Type: application/json`")
