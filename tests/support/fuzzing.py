"""Generated requests for every operation of the OpenAPI document. Importing schemathesis takes seconds: import this in
the tests that use it.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy.orm import Session
from starlette.types import Scope

from service.api.audit_log import record_change
from tests.support import inhabited
from tests.support.inhabited import OWN

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Asked for as JSON: as a stream it has no end.
STREAMS = {"listEvents", "listJobEvents"}
READINESS = "getReadiness"  # answers 503 here, where there is no Ray


class Fuzzed:
    """A service, what is asked of it, and what is wrong with its answers."""

    def __init__(self, home: Path) -> None:
        self.app, values = inhabited.service(home)
        self.values = values[OWN]
        self.key = inhabited.secret(self.app, "fuzzer", ["admin"])
        self.cases: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.wrong: dict[str, str] = {}

    def operations(self) -> list[APIOperation]:
        """Without keys to generate: every request has ours. What other keys are told is tested apart."""
        config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
        schema = schemathesis.openapi.from_asgi("/openapi.json", self.app, config=config)
        return [found.ok() for found in schema.get_all_operations()]

    def ask(self, operation: APIOperation, cases: int) -> None:
        """Generated requests, half of them against the document; most path parameters name what there is."""
        label = str(operation.definition.raw["operationId"])
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @given(case=operation.as_strategy(generation_mode=mode), real=st.integers(0, 3))
            @settings(
                max_examples=-(-cases // 2),
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def one(case: schemathesis.Case, real: int) -> None:
                if real and case.path_parameters:
                    case.path_parameters = {name: self.values[name] for name in case.path_parameters}
                self._hold(label, case)

            try:
                one()
            except Exception as error:
                if "Unsatisfiable" not in type(error).__name__:
                    raise  # an operation without anything to get wrong has no negative cases

    def _hold(self, label: str, case: schemathesis.Case) -> None:
        self.cases[label] += 1
        headers = {"Authorization": f"Bearer {self.key}"}
        if label in STREAMS:
            headers["Accept"] = "application/json"
        try:
            answer = case.call(headers=headers, timeout=60)
            self.statuses[answer.status_code] += 1
            if (label, answer.status_code) != (READINESS, 503):
                case.validate_response(answer, checks=CHECKS)
        except (Exception, BaseExceptionGroup) as error:
            said = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:1500]
            self.wrong.setdefault(label, f"{said} -- {case.as_curl_command()[:1500]}")


def keep_what_is_deleted(session: Session, scope: Scope, now: datetime) -> None:
    """What is deleted stays, so that later requests find it; other changes are recorded as always."""
    if scope["method"] == "DELETE":
        session.flush()
        session.rollback()
    record_change(session, scope, now)


def fuzz(home: Path, cases: int) -> Fuzzed:
    fuzzed = Fuzzed(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.api.session.record_change", keep_what_is_deleted)
        for operation in fuzzed.operations():
            fuzzed.ask(operation, cases)
    fuzzed.app.state.sessions.kw["bind"].dispose()
    print(f"{fuzzed.cases.total()} cases of {len(fuzzed.cases)} operations: {dict(sorted(fuzzed.statuses.items()))}")
    return fuzzed
