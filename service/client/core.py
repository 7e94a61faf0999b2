"""What the sync and the async client share: a call is described once, and sent by either."""

from __future__ import annotations

import os
import random
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from httpx_sse import ServerSentEvent
from pydantic import BaseModel, TypeAdapter, ValidationError

from service.core.loopback import is_loopback
from service.schemas.events import EventView
from trainers.spec import JobSpec, load_spec, parse_spec

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_SECONDS = 30.0
# A stream is silent between its keep-alives, not longer.
STREAM_TIMEOUT = httpx.Timeout(TIMEOUT_SECONDS, read=60.0)
# How long who waits for a job, or reads a stream, waits for a service that is away: as long as an upgrade takes.
OUTAGE_SECONDS = 300.0
LONGEST_PAUSE = 5.0
# The server is away, or busy; what was asked can be asked again.
AGAIN = frozenset({429, 502, 503, 504})
HEADER = re.compile(r"[!-~]([ -~]*[!-~])?")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
REPEATABLE = frozenset({"GET", "PUT", "DELETE"})


class WinnowError(Exception):
    """An answer other than success, with the server's problem document.

    Attributes:
        status: HTTP status; 0 where no answer came.
        kind: the end of the problem's stable `type`, such as `job-not-found`.
        errors: of a body that can't be used, each with field, value and message.
    """

    def __init__(self, status: int, kind: str, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        lines = [f"{error['field']}: {error['message']}{_given(error.get('value'))}" for error in errors or []]
        super().__init__("\n".join([detail, *lines]))
        self.status, self.kind, self.errors = status, kind, errors or []


def _given(value: Any) -> str:
    return "" if value is None else f" (got {value!r})"


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and what its answer is read as: a type, str and bytes for the body as it is, None for none.

    httpx.Response is for the answer itself, whether it brings something or says that nothing has changed (304).
    """

    method: str
    path: str
    answer: Any
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    body: Any = None

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """The request that a client of httpx sends; arguments that are None are left out."""
        query = {name: _plain(value) for name, value in self.query.items() if value is not None}
        headers = {name: _header(name, value) for name, value in self.headers.items() if value is not None}
        content: dict[str, Any] = {}
        if self.body is not None:
            content = {"content": self.body} if isinstance(self.body, str | bytes) else {"json": _plain(self.body)}
        return client.build_request(self.method, self.path, params=query, headers=headers, **content)

    def may_repeat(self, failure: httpx.TransportError | httpx.Response) -> bool:
        """Whether sending it anew can help, and does no more than sending it once: it was never taken, or it's safe."""
        if isinstance(failure, httpx.Response) and failure.status_code not in AGAIN:
            return False
        refused = isinstance(failure, httpx.Response) and failure.status_code == 429
        return refused or isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout) or self._is_safe()

    def _is_safe(self) -> bool:
        return self.method in REPEATABLE or self.headers.get("Idempotency-Key") is not None

    def read(self, answer: httpx.Response) -> T:
        """Raises WinnowError for an answer other than success."""
        if self.answer is httpx.Response and answer.status_code == 304:
            return answer  # type: ignore[return-value]
        if not answer.is_success:
            raise error_of(answer)
        found: Any = None
        if self.answer is httpx.Response:
            found = answer
        elif self.answer is str:
            found = answer.text
        elif self.answer is bytes:
            found = answer.content
        elif self.answer is not None:
            try:
                # A newer service may say more than this client knows of.
                found = _reader(self.answer).validate_json(answer.content, extra="ignore")
            except ValidationError as error:
                raise WinnowError(
                    answer.status_code,
                    "not-understood",
                    f"{answer.request.url} answered what this client can't read; are both of one version? {error}",
                ) from None
        return found  # type: ignore[no-any-return]


@dataclass(frozen=True)
class ActiveList:
    """The prune list that a model serves, and the ETag that stands for it."""

    content: dict[str, Any]
    etag: str


def active_list_call(model: str, known: ActiveList | None) -> Call[httpx.Response]:
    """Ask for the active list; the answer is 304 where `known` is still it."""
    headers = {"If-None-Match": None if known is None else known.etag}
    return Call("GET", f"/v1/models/{segment(model)}/prune-list", httpx.Response, headers=headers)


def active_list_of(answer: httpx.Response, known: ActiveList | None) -> ActiveList:
    """The active list of an answer to `active_list_call`."""
    if answer.status_code == 304 and known is not None:
        return known
    return ActiveList(answer.json(), answer.headers["ETag"])


@dataclass
class Patience:
    """How long a call is repeated, in seconds, from here on."""

    seconds: float
    tried: int = 0

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.seconds

    def pause(self, answer: httpx.Response | None = None) -> float | None:
        """Seconds before the next try: what the server asks for, or a doubling time with jitter; None at the end."""
        asked = None if answer is None else answer.headers.get("Retry-After")
        if asked is not None and asked.isdigit():
            pause = float(asked)
        else:
            pause = min(0.25 * 2**self.tried, LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)
        self.tried += 1
        return pause if time.monotonic() + pause <= self.until else None


@lru_cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def error_of(answer: httpx.Response) -> WinnowError:
    """The error that an answer's problem document describes; `not-winnow` where it has none."""
    try:
        problem = answer.json()
        kind = str(problem["type"]).removeprefix("urn:winnow:")
        return WinnowError(answer.status_code, kind, str(problem["detail"]), problem.get("errors"))
    except (ValueError, KeyError, TypeError):
        text = answer.text.strip()[:200] or answer.reason_phrase
        detail = f"{answer.request.url} answered {answer.status_code}, not as Winnow does: {text}"
        return WinnowError(answer.status_code, "not-winnow", detail)


def unreachable(error: httpx.TransportError, url: httpx.URL) -> WinnowError:
    """The error where no answer came; its status is 0."""
    said = str(error) or type(error).__name__
    return WinnowError(0, "unreachable", f"no answer from {url} ({said}); is the service up, and is this its URL?")


def settings(url: str | None, key: str | None) -> dict[str, Any]:
    """Arguments of an httpx client; WINNOW_URL and WINNOW_API_KEY stand in for what isn't given.

    Raises:
        ValueError: a URL or a key that no request could carry.
    """
    base = url or os.environ.get("WINNOW_URL") or DEFAULT_URL
    key = os.environ.get("WINNOW_API_KEY") if key is None else key
    if not _is_address(base):
        raise ValueError(f"url: {base!r} is no address of a service; give one such as {DEFAULT_URL}")
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("key: an API key has no blanks and no letters beyond ASCII; give it as it was printed")
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    return {"base_url": base, "headers": headers, "timeout": TIMEOUT_SECONDS, **proxy_settings(base)}


def proxy_settings(base: str) -> dict[str, Any]:
    """Arguments of an httpx client: a service on this machine is never called, nor given its key, through a proxy of
    the environment.

    Raises:
        ValueError: a proxy of the environment that can't be used.
    """
    if _is_here(base):
        # Certificates of the environment still count.
        return (
            {"trust_env": False, "verify": httpx.create_ssl_context()}
            if base.startswith("https")
            else {"trust_env": False}
        )
    try:
        httpx.Client(verify=False).close()  # noqa: S501 (nothing is sent)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        given = [name for name in PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
        raise ValueError(
            f"{', '.join(given)}: the proxy can't be used ({error}); give an http:// proxy, or except the service "
            "from it by no_proxy"
        ) from None
    return {}


def _is_here(base: str) -> bool:
    """Whether a URL's host is this machine, by any name that leads to it."""
    host = httpx.URL(base).host.rstrip(".")
    return host.endswith(".localhost") or is_loopback(host)


def _is_address(url: str) -> bool:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.host)


def segment(value: Any) -> str:
    """A value as one segment of a path."""
    text = quote(str(value), safe="")
    return {".": "%2E", "..": "%2E%2E"}.get(text, text)


def new_key() -> str:
    """An idempotency key."""
    return uuid.uuid4().hex


def read_spec(spec: JobSpec | Mapping[str, Any] | str | Path) -> JobSpec:
    """Raises SpecError with field, value and remedy."""
    if isinstance(spec, JobSpec):
        return spec
    return load_spec(spec) if isinstance(spec, str | Path) else parse_spec(dict(spec))


def stream_path(job_id: str | None) -> str:
    """Where events are streamed: those of a job, or all."""
    return "/v1/events" if job_id is None else f"/v1/jobs/{segment(job_id)}/events"


def stream_query(model: str | None, kinds: list[str], after: int | None) -> dict[str, Any]:
    """`after` None begins with what happens next: a number beyond any event's."""
    query = {"model": model, "kind": kinds or None, "after": 2**53 if after is None else after}
    return {name: value for name, value in query.items() if value is not None}


@dataclass
class Stream:
    """Where a stream of events stands; `over` where there is nothing to come."""

    path: str
    query: dict[str, Any]
    last: int | None = None
    over: bool = False

    def place(self) -> dict[str, str]:
        """The headers that say where to go on."""
        return {} if self.last is None else {"Last-Event-ID": str(self.last)}

    def take(self, message: ServerSentEvent) -> EventView | None:
        """None for a message without data."""
        if not message.data:
            return None
        found = EventView.model_validate_json(message.data)
        self.last = found.number
        return found


def closed_early() -> WinnowError:
    """The error of a stream that ends before anything has come, again and again; its status is 0."""
    return WinnowError(0, "unreachable", "the service ends the stream again and again; is it being stopped?")


def items_of(page: BaseModel) -> tuple[list[Any], Any]:
    """What a page lists, and the cursor of the next one."""
    found = next(value for _, value in page if isinstance(value, list))
    return found, getattr(page, "next", None)


def _header(name: str, value: Any) -> str:
    """A version as the ETag that it is. Raises ValueError for what no header can carry."""
    text = f'"{value}"' if isinstance(value, int) else str(value)
    if HEADER.fullmatch(text) is None:
        argument = name.lower().replace("-", "_")
        raise ValueError(f"{argument}: {text!r} can't be sent; give ASCII text without blanks at its ends")
    return text


def _plain(value: Any) -> Any:
    """As JSON and query strings carry it: models by their set fields, enums and times by their text."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return _reader(Any).dump_python(value, mode="json")
