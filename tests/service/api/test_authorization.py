"""Who may do what: every operation of the OpenAPI document, by every scope, on what is the caller's and what isn't.

Operations come from the document, so that none can be forgotten: one without security, with a scope that doesn't exist,
or with a path parameter that the service of `tests.support.inhabited` has no value for, fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from service.api.auth import SESSION_COOKIE
from service.core.identity import INCLUDED
from tests.support import inhabited
from tests.support.inhabited import FEATURE, FOREIGN, OWN, SPEC

# What needs no caller: whether the process lives, and whether it is ready.
OPEN = {"getHealth", "getReadiness"}
# What only a key of all models may do; others are told so with 403.
FOR_KEYS_OF_ALL_MODELS = {
    "getMetrics",
    "submitJob",
    "createModel",
    "deleteModel",
    "createKey",  # of no model
    "createWebhook",
    "listWebhooks",
    "listAudit",
}
# Bodies of those, as the refusal comes when they have been read; others get an empty one.
BODIES: dict[str, dict[str, Any]] = {
    "submitJob": {"name": "small", **SPEC, "features": [FEATURE]},
    "createModel": {"name": "another", "owner": "team", "spec": SPEC},
    "createKey": {"name": "another", "scopes": ["read"]},
    "createWebhook": {"url": "https://example.com/"},
}
# What a run does with a token of its own, which no key replaces.
FOR_RUNS = {"reportProgress"}
REFUSED = {401, 403}
# Where what is the caller's may have nothing to show yet.
MAY_BE_EMPTY = {"getLogs", "getGates", "getResults"}


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    scopes: frozenset[str]
    scheme: str | None
    has_body: bool

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)


@dataclass
class Service:
    http: TestClient
    app: FastAPI
    operations: list[Operation]
    values: dict[str, dict[str, str]]

    def status(self, operation: Operation, model: str, key: str | None) -> tuple[int, str]:
        return self.ask(operation, model, {} if key is None else {"Authorization": f"Bearer {key}".encode()})

    def ask(self, operation: Operation, model: str, headers: dict[str, Any]) -> tuple[int, str]:
        body: dict[str, Any] = {"json": BODIES.get(operation.id, {})} if operation.has_body else {}
        path = operation.path.format(**self.values[model])
        answer = self.http.request(operation.method, path, headers=headers, **body)
        return answer.status_code, answer.text


def operations(app: FastAPI) -> list[Operation]:
    found = []
    for path, item in app.openapi()["paths"].items():
        for method, said in item.items():
            security = said.get("security", [])
            assert len(security) <= 1, f"{said['operationId']}: one way of saying who calls, not {security}"
            scheme, scopes = next(iter(security[0].items())) if security else (None, [])
            has_body = "requestBody" in said
            found.append(Operation(said["operationId"], method.upper(), path, frozenset(scopes), scheme, has_body))
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    app, values = inhabited.service(tmp_path_factory.mktemp("home"))

    def roll_back(session: Session, *_: Any) -> None:
        """No request changes what the next one finds."""
        session.flush()
        session.rollback()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.api.session.record_change", roll_back)
        patch.setattr("service.api.audit_log._record_refusal", lambda *_: None)
        yield Service(TestClient(app, raise_server_exceptions=False), app, operations(app), values)


def test_every_operation_says_who_may(service: Service) -> None:
    ids = [operation.id for operation in service.operations]
    assert len(set(ids)) == len(ids)
    assert {operation.id for operation in service.operations if operation.scheme is None} == OPEN
    assert {operation.id for operation in service.operations if operation.scheme == "runToken"} == FOR_RUNS
    for operation in service.operations:
        if operation.scheme == "HTTPBearer":
            assert operation.scopes, operation.id
            assert operation.scopes <= set(INCLUDED), operation.id
    assert set(ids) >= FOR_KEYS_OF_ALL_MODELS | MAY_BE_EMPTY


def test_every_parameter_has_a_value(service: Service) -> None:
    named = {name for operation in service.operations for name in operation.parameters}
    assert named <= set(service.values[OWN])


@pytest.mark.parametrize("key", [None, "wnw_0123456789abcdef_unknown", "x", "wnw_é"], ids=str)
def test_without_a_good_key_nothing_is_shown(service: Service, key: str | None) -> None:
    wrong = {}
    for operation in service.operations:
        status, text = service.status(operation, OWN, key)
        refused = status == 401 or (operation.id in FOR_RUNS and status in REFUSED)
        if refused is (operation.id in OPEN) or OWN in text:
            wrong[operation.id] = status, text
    assert wrong == {}


@pytest.mark.parametrize("scope", INCLUDED)
def test_scopes_of_a_key_for_all_models(service: Service, scope: str) -> None:
    key = inhabited.secret(service.app, f"{scope}-of-all", [scope])
    wrong = {}
    for operation in service.operations:
        for model in (OWN, FOREIGN):
            status, text = service.status(operation, model, key)
            if not _fits(operation, status, scope):
                wrong[f"{operation.id} of {model}"] = status, text
    assert wrong == {}


def _fits(operation: Operation, status: int, scope: str) -> bool:
    """Whether a key that sees what is asked for, and has this scope, is rightly answered so."""
    if status >= 500 and not (operation.id == "getReadiness" and status == 503):
        return False
    if operation.id in FOR_RUNS:
        return status in REFUSED
    if not operation.scopes <= INCLUDED[scope]:
        return status == 403
    return status not in {401, 403} and (status != 404 or operation.id in MAY_BE_EMPTY)


@pytest.mark.parametrize("scope", INCLUDED)
def test_scopes_of_a_key_for_one_model(service: Service, scope: str) -> None:
    key = inhabited.secret(service.app, f"{scope}-of-one", [scope], OWN)
    wrong = {}
    for operation in service.operations:
        status, text = service.status(operation, OWN, key)
        for_others = operation.id in FOR_KEYS_OF_ALL_MODELS
        fits = status == 403 if for_others else _fits(operation, status, scope)
        if not fits or FOREIGN in text:
            wrong[operation.id] = status, text
    assert wrong == {}


@pytest.mark.parametrize("scope", INCLUDED)
def test_what_is_foreign_is_as_if_it_were_not_there(service: Service, scope: str) -> None:
    key = inhabited.secret(service.app, f"{scope}-beside", [scope], OWN)
    wrong = {}
    for operation in service.operations:
        if not operation.parameters:
            continue
        status, text = service.status(operation, FOREIGN, key)
        expected = REFUSED if operation.id in FOR_RUNS else {404}
        if not operation.scopes <= INCLUDED[scope] or operation.id in FOR_KEYS_OF_ALL_MODELS:
            expected = expected | {403}
        shown = [name for name, value in service.values[FOREIGN].items() if f'"{value}"' in text]
        if status not in expected or shown:
            wrong[operation.id] = status, text
    assert wrong == {}


@pytest.mark.parametrize(
    ("scope", "of"),
    [
        pytest.param(scope, of, id=f"{of}-{scope}", marks=[] if (place % 2 == 0) is (of is None) else pytest.mark.slow)
        for place, scope in enumerate(INCLUDED)
        for of in (None, OWN)
    ],
)
def test_a_browser_may_what_the_key_may_that_it_signed_in_with(service: Service, scope: str, of: str | None) -> None:
    """From the service's own pages. Each scope once, of all models and of one by turns; the others are slow."""
    key = inhabited.secret(service.app, f"{scope}-{of}-in-a-browser", [scope], of)
    own = str(service.http.base_url)
    cookie = {"Cookie": f"{SESSION_COOKIE}={inhabited.signed_in(service.app, key)}"}
    wrong = {}
    for operation in service.operations:
        for model in (OWN,) if of is None else (OWN, FOREIGN):  # without a model of its own, a key has no foreign one
            expected, _ = service.status(operation, model, key)
            if operation.id in FOR_RUNS:
                expected = 401
            status, text = service.ask(operation, model, {**cookie, "Origin": own})
            if status != expected or (of is not None and status == 200 and FOREIGN in text):
                wrong[f"{operation.id} of {model}"] = status, expected, text
    assert wrong == {}


def test_a_browser_changes_nothing_from_the_pages_of_others(service: Service) -> None:
    key = inhabited.secret(service.app, "admin-elsewhere", ["admin"])
    cookie = {"Cookie": f"{SESSION_COOKIE}={inhabited.signed_in(service.app, key)}"}
    wrong = {}
    for operation in service.operations:
        if operation.method != "GET" and operation.id not in FOR_RUNS:
            status, text = service.ask(operation, OWN, {**cookie, "Origin": f"{service.http.base_url}:3000"})
            if status != 403 or "foreign-origin" not in text:
                wrong[operation.id] = status, text
    assert wrong == {}


def test_what_does_not_exist_is_answered_as_what_is_foreign(service: Service) -> None:
    """Word for word but for the name asked for: 404 tells nobody what others have."""
    key = inhabited.secret(service.app, "admin-curious", ["admin"], OWN)
    absent = dict.fromkeys(service.values[OWN], "0123456789abcdef")
    absent.update(dict.fromkeys(("number", "a", "b"), "987654321"))
    service.values["absent"] = absent
    wrong = {}
    for operation in service.operations:
        if operation.parameters and operation.id not in FOR_RUNS | FOR_KEYS_OF_ALL_MODELS:
            answers = []
            for model in (FOREIGN, "absent"):
                status, text = service.status(operation, model, key)
                for value in service.values[model].values():
                    text = text.replace(f"'{value}'", "NAME")
                answers.append((status, text))
            if answers[0] != answers[1]:
                wrong[operation.id] = answers
    assert wrong == {}
