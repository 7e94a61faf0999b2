"""What every request leaves: a log line, a count, and an id that its caller and its log lines share."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.core.tracing import tracer_provider

log = structlog.get_logger()

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# https://www.w3.org/TR/trace-context/#traceparent-header; ids of zeros alone are invalid there.
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


class RequestLog:
    """The middleware. Plain ASGI, so that a stream passes through it as it is.

    The request's id is the caller's `X-Request-Id` where that is usable; `request.state.request_id` has it, and the
    answer repeats it. A W3C `traceparent` gives the log lines its `trace_id`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, answered = time.perf_counter(), 500, 0.0
        headers = Headers(scope=scope)
        ids = {"request_id": _request_id(headers), **_trace(headers)}
        scope.setdefault("state", {}).update(ids)

        async def send_with_id(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], time.perf_counter() - began
                MutableHeaders(scope=message)["X-Request-Id"] = ids["request_id"]
            await send(message)

        structlog.contextvars.bind_contextvars(**ids)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            _note(scope, status, time.perf_counter() - began, answered)
            structlog.contextvars.unbind_contextvars(*ids)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:16]


def _trace(headers: Headers) -> dict[str, str]:
    given = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return {"trace_id": given.group(1)} if given else {}


def _note(scope: Scope, status: int, seconds: float, answered: float) -> None:
    """By route, not by path: a count for every id would be without end. A stream is `answered` when it begins."""
    route = getattr(scope.get("route"), "path", "none")
    caller = scope["state"].get("caller")
    about = {"key": getattr(caller, "id", None), **scope.get("path_params", {})}
    about = {name: value for name, value in about.items() if isinstance(value, str)}
    log.info("request", method=scope["method"], route=route, status=status, seconds=round(seconds, 6), **about)
    scope["app"].state.metrics.request(scope["method"], route, status, answered or seconds)


def trace_requests(app: FastAPI) -> None:
    """Send a span of every request to the collector, where there is one."""
    provider = tracer_provider()
    if provider is not None:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
