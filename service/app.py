"""The FastAPI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.routing import BaseRoute

from service.api.audit_log import RefusalAudit
from service.api.bodies import BodyLimit
from service.api.event_stream import EventStreams
from service.api.openapi import DESCRIPTION, TAGS, document_problems, summarize
from service.api.problems import install
from service.api.rate_limits import RateLimiter, RateLimitHeaders
from service.api.request_log import RequestLog, trace_requests
from service.api.response_cache import ResponseCache
from service.api.routers import (
    audit,
    events,
    features,
    fires,
    gates,
    health,
    job_actions,
    jobs,
    keys,
    latency,
    logs,
    me,
    metrics,
    models,
    overview,
    prune_lists,
    queue,
    reports,
    results,
    schedules,
    triggers,
    webhooks,
)
from service.api.session import ConcurrencyLimit
from service.core.background_loop import Loop, RunningLoops
from service.core.clock import Clock, utc_now
from service.core.shutdown import on_shutdown
from service.jobs.reconciler import Reconciler
from service.jobs.retention import Retention
from service.metrics import Metrics
from service.prune_lists.totals import Figures
from service.ray.client import Engine
from service.ray.local_cluster import LocalRay
from service.schedules.scheduler import Scheduler
from service.settings import EVERYWHERE, Settings
from service.store.database import connect, read_only_sessions
from service.triggers.evaluator import Evaluator
from service.web import error_page, sign_in
from service.web import routes as pages
from service.web.headers import PageHeaders
from service.webhooks.delivery import Deliverer

STOP_SECONDS = 5.0
RESTORE_SECONDS = 5.0  # between two looks at the Ray that the service runs
ROUTERS = (
    health.router,
    metrics.router,
    jobs.router,
    job_actions.router,
    queue.router,
    overview.router,
    events.router,
    reports.router,
    gates.router,
    results.router,
    logs.router,
    schedules.router,
    fires.router,
    triggers.router,
    latency.router,
    models.router,
    features.router,
    prune_lists.router,
    keys.router,
    me.router,
    audit.router,
    webhooks.router,
    sign_in.router,
    pages.router,
)


def create_app(settings: Settings, engine: Engine, *, open_to_local: bool = False, now: Clock = utc_now) -> FastAPI:
    """The control plane over one store and one engine; its loops run while the application does.

    Args:
        open_to_local: let callers in without a key until the first key is made; for a service on loopback alone.
        now: the clock.
    """
    if open_to_local and not settings.data_roots:
        settings = settings.model_copy(update={"data_roots": (EVERYWHERE,)})
    settings.home.mkdir(parents=True, exist_ok=True)
    sessions = connect(settings.database)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def ending() -> None:
            app.state.ending = True
            app.state.event_streams.close()

        running = RunningLoops(_loops(sessions, engine, settings, now), app.state.metrics)
        with on_shutdown(lambda: loop.call_soon_threadsafe(ending)):
            yield
        ending()
        running.stop(STOP_SECONDS)

    app = FastAPI(
        title="Winnow",
        version="0.1.0",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        routes=routes(),
    )
    app.state.settings, app.state.engine, app.state.sessions = settings, engine, sessions
    app.state.readers, app.state.request_slots = read_only_sessions(sessions), ConcurrencyLimit()
    app.state.open_to_local, app.state.now = open_to_local, now
    app.state.event_streams = EventStreams(sessions, now)
    app.state.ending = False
    app.state.metrics = Metrics(
        sessions, app.state.readers, settings, now, lambda: len(app.state.event_streams.listeners)
    )
    app.state.limits, app.state.response_cache = RateLimiter(settings), ResponseCache()
    app.state.figures = Figures()
    install(app)
    error_page.install(app)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(RateLimitHeaders)
    app.add_middleware(RefusalAudit)
    app.add_middleware(PageHeaders)
    app.add_middleware(RequestLog)
    trace_requests(app)
    document_problems(app)
    return app


@cache
def routes() -> list[BaseRoute]:
    """Every route, as its router made it: `include_router` would make each again, with the first request."""
    for router in ROUTERS:
        summarize(router)
    return [route for router in ROUTERS for route in router.routes]


def _loops(sessions: sessionmaker[Session], engine: Engine, settings: Settings, now: Clock) -> list[Loop]:
    reconciler = Reconciler(sessions, engine, settings, now)
    own_ray = [Loop("ray", engine.restore, RESTORE_SECONDS)] if isinstance(engine, LocalRay) else []
    return [
        *own_ray,
        Loop("reconcile", reconciler.step, settings.poll_seconds),
        Loop("retention", Retention(sessions, settings, now).step, settings.retention_seconds),
        Loop("triggers", Evaluator(sessions, settings, now).step, min(settings.trigger_seconds, 5.0)),
        Loop("schedules", Scheduler(sessions, settings, now).step, settings.poll_seconds),
        Loop("deliver", Deliverer(sessions, settings, now).step, settings.poll_seconds),
    ]
