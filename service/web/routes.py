"""The pages' addresses. A page is a module of `modules/`, told the parameters of its address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from service.api.routers.me import view_of
from service.core.errors import NotFoundError
from service.web.shell import WHERE, file, files, show
from service.web.sign_in import PageCaller
from trainers.spec import BACKBONES, JobSpec

FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Page:
    """`module` is the one below `modules/` whose `show(main, parameters, caller)` fills the page."""

    path: str
    module: str
    title: str


PAGES = (
    Page("/", "overview", "Overview"),
    Page("/jobs", "jobs", "Jobs"),
    Page("/jobs/{job_id}", "job", "Job"),
    Page("/models/{model}", "features", "Features"),
    Page("/models/{model}/features/{feature}", "feature", "Feature"),
    Page("/models/{model}/lists", "lists", "Prune lists"),
    Page("/models/{model}/lists/{number}", "decision", "Decision"),
    Page("/models/{model}/starting", "starting", "Schedules and triggers"),
    Page("/models/{model}/settings", "settings", "Settings"),
    Page("/compare", "compare", "Compare"),
    Page("/keys", "keys", "Keys"),
    Page("/webhooks", "webhooks", "Webhooks"),
    Page("/audit", "audit", "Audit"),
)

router = APIRouter(include_in_schema=False)


@cache
def preloads(page: Page) -> list[str]:
    return files().preloads(page.module)


@cache
def backbones() -> list[str]:
    """Names of the backbones that are installed, the default first."""
    default = JobSpec.model_fields["model"].default.backbone
    return [default, *(name for name in BACKBONES if name != default)]


def _route(page: Page) -> Callable[[Request, PageCaller], HTMLResponse]:
    def answer(request: Request, caller: PageCaller) -> HTMLResponse:
        # Who reads stands in the page, so that its module needn't ask before it asks for anything else.
        reader = view_of(caller).model_dump(mode="json")
        parameters = dict(request.path_params)
        told: dict[str, Any] = {"parameters": parameters, "reader": reader, "backbones": backbones()}
        return show(request, "page.html", page=page, preloads=preloads(page), **told)

    return answer


for _page in PAGES:
    router.get(_page.path, response_class=HTMLResponse, name=f"page-{_page.module}")(_route(_page))


@router.get("/docs", response_class=HTMLResponse)
def reference(request: Request) -> HTMLResponse:
    """The API's reference. Needs no key, as /openapi.json needs none."""
    return show(request, "reference.html")


@router.get(f"{WHERE}/{{path:path}}")
def asset(path: str, request: Request) -> Response:
    """A script or a style sheet. Needs no key: it is the same for all, and holds no data."""
    found = file(f"{WHERE}/{path}")
    if found is None:
        raise NotFoundError("asset-not-found", f"there is no {WHERE}/{path}; load the page again")
    return found.content.answer(request, found.media_type, {"Cache-Control": FOR_EVER})
