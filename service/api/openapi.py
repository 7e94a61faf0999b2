"""What the OpenAPI document says of the groups of operations."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from service.schemas.common import Problem

PROBLEM = {"$ref": "#/components/schemas/Problem"}
DESCRIPTION = """Finds the features a ranking model does not need. A job is a spec; its result is a prune list.

Errors are RFC 9457 problem documents with a stable `type`; 404 also stands for what isn't the caller's. Lists are read
page by page: `next` is the following page's `cursor`. Answers that have an `ETag` take `If-Match` on a change.
"""
TAGS = [
    {"name": "health", "description": "Whether the service is well, and its metrics."},
    {"name": "models", "description": "Ranking models under management: spec, policy, retention."},
    {"name": "features", "description": "A model's features, their statuses and every decision on them."},
    {"name": "jobs", "description": "Selections: submitted, watched, cancelled, run again."},
    {"name": "gates", "description": "How a run's gates moved, and its measures over time."},
    {"name": "events", "description": "All that happened, in order, as pages or as a stream."},
    {"name": "triggers", "description": "Conditions on a model that start a selection, and the latencies they read."},
    {"name": "schedules", "description": "Selections at set times, and what came of each."},
    {"name": "prune lists", "description": "Lists proposed, approved, active and superseded; what serving reads."},
    {"name": "webhooks", "description": "Events sent to a URL, signed and retried."},
    {"name": "keys", "description": "API keys and what they may do."},
    {"name": "audit", "description": "Who did what."},
    {"name": "runs", "description": "What a run reports, by the token of its attempt."},
]


def summarize(router: APIRouter) -> None:
    """Give every operation without a summary one that stands alone: of "listPruneLists" it is "List prune lists"."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.operation_id and not route.summary:
            words = re.sub(r"(?<!^)([A-Z])", lambda found: f" {found[1].lower()}", route.operation_id)
            route.summary = words[0].upper() + words[1:]


def document_problems(app: FastAPI) -> None:
    """Let the document say that errors are `application/problem+json`; FastAPI takes them for the routes' own type."""
    made = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            for item in made()["paths"].values():
                for operation in item.values():
                    _correct(operation["responses"])
                    if "requestBody" in operation:
                        operation["responses"].update(_of_bodies(operation["responses"]))
            schemas = made()["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        return made()

    app.openapi = document  # type: ignore[method-assign]


def _correct(responses: dict[str, Any]) -> None:
    for response in responses.values():
        for content in list(response.get("content", {}).values()):
            if content.get("schema", {}).get("$ref", "").rpartition("/")[2] in {"Problem", "HTTPValidationError"}:
                response["content"] = {"application/problem+json": {"schema": PROBLEM}}


def _of_bodies(told: dict[str, Any]) -> dict[str, Any]:
    """What every operation with a body can answer, beside what it says itself."""
    problem = {"application/problem+json": {"schema": PROBLEM}}
    return {
        str(status): {"description": PROBLEMS[status], "content": problem}
        for status in (413, 415)
        if str(status) not in told
    }


Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """OpenAPI's `responses` of a route that can give these; every route of a caller can give 401, 403 and 429.

    422 is always told: FastAPI would else tell of an error document of its own wherever there is a parameter.
    """
    told = {status: PROBLEMS[status] for status in sorted({401, 403, 422, 429, *statuses})}
    return {status: {"model": Problem, "description": description} for status, description in told.items()}


PROBLEMS = {
    400: "The body is no JSON",
    401: "No API key, or one that is unknown, expired or revoked",
    403: "The key lacks the scope, or is of another model",
    404: "It isn't there, or isn't the caller's",
    406: "`Accept` takes none of the forms that there are",
    409: "It isn't in a state that allows this, or the idempotency key was used for another request",
    412: "`If-Match` names an older version",
    413: "The body is larger than the service takes",
    415: "`Content-Type` is none that can be read",
    422: "A field can't be used; `errors` has field, value and remedy",
    429: "Too many requests; `Retry-After` says when",
    503: "A part that this needs doesn't answer; ask again after `Retry-After` seconds",
}
