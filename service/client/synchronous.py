"""The sync client. Made by `python -m service.codegen`; not to be edited."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
from httpx_sse import connect_sse
from pydantic import BaseModel

from service.client.core import (
    AGAIN,
    OUTAGE_SECONDS,
    STREAM_TIMEOUT,
    ActiveList,
    Call,
    Patience,
    Stream,
    T,
    WinnowError,
    active_list_call,
    active_list_of,
    closed_early,
    error_of,
    items_of,
    new_key,
    read_spec,
    settings,
    stream_path,
    stream_query,
    unreachable,
)
from service.client.operations import Operations
from service.schemas.events import EventView
from trainers.spec import JobSpec

if TYPE_CHECKING:
    from service.schemas.jobs import JobView


class Winnow(Operations):
    """A service and who asks it. Every operation of the API is a method, named by its operation id.

    Args:
        url: of the service; WINNOW_URL, then loopback, unless given.
        key: an API key; WINNOW_API_KEY unless without_none, none where it is empty.
        patience: seconds for which a call that may be repeated is repeated while the service is away or busy.
        transport: of httpx, for proxies and tests.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        patience: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.patience = patience
        self._http = httpx.Client(**settings(url, key), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def waiting(self, patience: float) -> Self:
        """The same client with other patience."""
        other = copy.copy(self)
        other.patience = patience
        return other

    def send(self, call: Call[T]) -> T:
        """Send a call; again, after a pause, where that can help and does no more than sending it once.

        Raises:
            WinnowError: the service refused, or can't be reached.
        """
        patience = Patience(self.patience)
        while True:
            try:
                answer = self._http.send(call.request(self._http))
            except httpx.TransportError as error:
                pause = patience.pause() if call.may_repeat(error) else None
                if pause is None:
                    raise unreachable(error, self._http.base_url) from error
            else:
                pause = patience.pause(answer) if call.may_repeat(answer) else None
                if pause is None:
                    return call.read(answer)
            time.sleep(pause)

    def submit(
        self,
        spec: JobSpec | Mapping[str, Any] | str | Path,
        *,
        priority: int | None = None,
        dry_run: bool | None = None,
        deadline_seconds: int | None = None,
        max_failures: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Submit a spec, or the YAML or JSON file of one. One whose answer is lost, and is repeated, starts one job.

        Raises:
            SpecError: the spec can't be a job's; nothing was sent.
        """
        job = self.submit_job(
            read_spec(spec),
            priority=priority,
            dry_run=dry_run,
            deadline_seconds=deadline_seconds,
            max_failures=max_failures,
            idempotency_key=idempotency_key or new_key(),
        )
        return Run(self, job.id)

    def submit_for(
        self,
        model: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Run:
        """Submit a job over a model's own features; `options` are the other fields of `JobOfModel`."""
        body = {**options, "overrides": dict(overrides or {})}
        job = self.submit_model_job(model, body, idempotency_key=idempotency_key or new_key())
        return Run(self, job.id)

    def run(self, job_id: str) -> Run:
        return Run(self, job_id)

    def active_list(self, model: str, known: ActiveList | None = None) -> ActiveList:
        """The prune list that a model serves; `known` itself where nothing has changed since: for polling.

        Raises:
            WinnowError: 404 where no list is active.
        """
        return active_list_of(self.send(active_list_call(model, known)), known)

    def each(self, operation: Callable[..., BaseModel], *place: Any, **filters: Any) -> Iterator[Any]:
        """What an operation lists, over all its pages: `each(winnow.list_jobs, state=["failed"])`."""
        while True:
            found, cursor = items_of(operation(*place, **filters))
            yield from found
            if cursor is None:
                return
            filters["cursor"] = cursor

    def events(
        self,
        job_id: str | None = None,
        *,
        model: str | None = None,
        kinds: Sequence[str] = (),
        after: int | None = 0,
    ) -> Iterator[EventView]:
        """Events as they happen: of one job, until it has ended, or of all, without end.

        A connection that breaks is taken up again where it broke.

        Args:
            job_id: one job's alone; `model` and `kinds` don't apply then.
            kinds: names, or prefixes such as `job.*`.
            after: number of the newest event known; None begins with what happens next.
        """
        stream = Stream(stream_path(job_id), stream_query(model, list(kinds), after))
        patience = Patience(OUTAGE_SECONDS)
        while not stream.over:
            failure = closed_early()
            try:
                with closing(self._connection(stream)) as connection:
                    for found in connection:
                        patience = Patience(OUTAGE_SECONDS)
                        yield found
            except httpx.TransportError as error:
                failure = unreachable(error, self._http.base_url)
            except WinnowError as error:
                if error.status not in AGAIN:
                    raise
                failure = error
            if not stream.over:
                pause = patience.pause()
                if pause is None:
                    raise failure
                time.sleep(pause)

    def _connection(self, stream: Stream) -> Generator[EventView, None, None]:
        """The stream's events from where it stands, until the connection ends."""
        with connect_sse(
            self._http, "GET", stream.path, params=stream.query, headers=stream.place(), timeout=STREAM_TIMEOUT
        ) as source:
            stream.over = source.response.status_code == 204
            if not source.response.is_success:
                source.response.read()
                raise error_of(source.response)
            if not stream.over:
                for message in source.iter_sse():
                    found = stream.take(message)
                    if found is not None:
                        yield found


@dataclass(frozen=True)
class Run:
    """A job on the service."""

    winnow: Winnow
    id: str

    def job(self) -> JobView:
        return self.winnow.get_job(self.id)

    def wait(self, timeout: float | None = None, every: float = 1.0) -> JobView:
        """The job when it has ended, however it did; a service that is restarted meanwhile is waited for.

        Raises:
            TimeoutError: it hasn't ended after `timeout` seconds, and goes on.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = OUTAGE_SECONDS if until is None else max(0.0, until - time.monotonic())
            job = self.winnow.waiting(min(left, OUTAGE_SECONDS)).get_job(self.id)
            if job.state.ended:
                return job
            if until is not None and time.monotonic() + every > until:
                raise TimeoutError(f"job {self.id} is {job.state} after {timeout:g} s; it goes on")
            time.sleep(every)

    def events(self) -> Iterator[EventView]:
        """From the first to the end of the job, as they happen."""
        return self.winnow.events(self.id)

    def cancel(self) -> JobView:
        return self.winnow.cancel_job(self.id)

    def prune_list(self) -> dict[str, Any]:
        """Raises WinnowError where the job has none."""
        return self.winnow.get_job_prune_list(self.id)
