"""Readiness, metrics, log lines, ending, and the OpenAPI document."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi.testclient import TestClient
from opentelemetry import trace as otel

from service.api.routers.health import DATABASE, ENDING, STORAGE
from service.app import create_app
from service.ray.absence import OWN
from service.settings import Settings
from tests.support.automatic import NoEngine, Plane, on_sqlite, sqlite_plane  # noqa: F401 (fixtures)
from tests.support.engines import HandEngine

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_readiness_tries_each_part(tmp_path: Path) -> None:
    engine = HandEngine()
    app = create_app(Settings(home=tmp_path / "home"), engine, open_to_local=True)
    http = TestClient(app)

    def ready() -> tuple[int, dict[str, Any]]:
        answer = http.get("/readyz")
        return answer.status_code, answer.json()

    well = {"ready": True, "database": True, "storage": True, "ray": True, "problems": []}
    assert ready() == (200, well)
    engine.down = True
    assert ready() == (503, {**well, "ready": False, "ray": False, "problems": [OWN]})
    engine.down = False
    app.state.ending = True
    assert ready() == (503, {**well, "ready": False, "problems": [ENDING]})
    app.state.ending = False
    (tmp_path / "home").rename(tmp_path / "away")
    code, found = ready()
    assert (code, found["ready"], found["storage"], found["problems"]) == (503, False, False, [STORAGE])
    (tmp_path / "away").rename(tmp_path / "home")
    assert ready() == (200, well)
    assert [path.name for path in (tmp_path / "home").iterdir() if "winnow.db" not in path.name] == []


def test_a_database_that_does_not_answer_is_told(postgresql: str, tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path, database_url=postgresql), HandEngine(), open_to_local=True)
    http = TestClient(app, raise_server_exceptions=False)
    assert http.get("/readyz").status_code == 200
    bind = app.state.sessions.kw["bind"]
    bind.dispose()
    app.state.sessions.configure(bind=None)
    told = {"ready": False, "database": False, "storage": True, "ray": True, "problems": [DATABASE]}
    assert http.get("/readyz").json() == told
    assert http.get("/healthz").json() == {"status": "ok"}


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as captured:
        yield captured  # type: ignore[misc]


def test_a_request_leaves_a_line_with_its_ids(plane: Plane, lines: list[dict[str, Any]]) -> None:
    headers = {"X-Request-Id": "mine-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    answer = plane.http.get("/v1/jobs/none", headers=headers)
    assert answer.headers["X-Request-Id"] == "mine-1"
    line = next(line for line in lines if line["event"] == "request" and line["request_id"] == "mine-1")
    wanted = {"method": "GET", "route": "/v1/jobs/{job_id}", "status": 404, "job_id": "none", "key": "local"}
    assert wanted.items() <= line.items()
    assert (line["trace_id"], line["seconds"] > 0) == (TRACE, True)


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "ü", "a\tb", '{"x":1}'])
def test_an_id_that_cannot_be_used_is_replaced(plane: Plane, given: str) -> None:
    answer = plane.http.get("/healthz", headers={b"x-request-id": given.encode("utf-8")})
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 16


@pytest.mark.parametrize(
    "given",
    [f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{TRACE}-b7ad6b7169203331-01", f"00-{TRACE[1:]}-b7ad6b7169203331-01"],
)
def test_a_traceparent_that_is_none_is_passed_over(plane: Plane, lines: list[dict[str, Any]], given: str) -> None:
    plane.http.get("/healthz", headers={"traceparent": given})
    assert "trace_id" not in next(line for line in lines if line["event"] == "request")


def test_metrics_count_streams_and_requests(plane: Plane) -> None:
    text = plane.http.get("/metrics").text
    assert "winnow_event_streams 0.0" in text
    assert 'winnow_http_requests_total{method="POST",route="/v1/models"' in text


def test_traces_go_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    app = create_app(Settings(home=tmp_path), HandEngine(), open_to_local=True)
    TestClient(app).get("/v1/jobs/none", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    deadline = time.monotonic() + 20
    while not sent and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sent[0][0] == "/v1/traces"
    assert bytes.fromhex(TRACE) in sent[0][1]
    assert b"/v1/jobs/{job_id}" in sent[0][1]
    assert isinstance(otel.get_tracer_provider(), otel.ProxyTracerProvider)  # nothing is set for the whole process
    server.shutdown()
    server.server_close()


SERVED = """
import sys, uvicorn
from pathlib import Path
from service.app import create_app
from service.settings import Settings
from tests.support.automatic import NoEngine
app = create_app(Settings(home=Path(sys.argv[1])), NoEngine(), open_to_local=True)
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
"""


def test_a_service_that_is_asked_to_end_ends_its_streams_first(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVED, str(tmp_path), str(port)], env={**os.environ})
    http = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert http.get("/healthz").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "it doesn't answer"
                time.sleep(0.1)
        with http.stream("GET", "/v1/events", headers={"Accept": "text/event-stream"}) as stream:
            content = stream.iter_bytes()
            assert b"retry" in next(content)
            process.send_signal(signal.SIGTERM)
            assert list(content) == []
        assert process.wait(timeout=20) in {0, -signal.SIGTERM}
    finally:
        http.close()
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    app = create_app(Settings(home=tmp_path_factory.mktemp("home")), NoEngine(), open_to_local=True)  # type: ignore[arg-type]
    found: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    found = dict(operations(document))
    ids = [operation["operationId"] for operation in found.values()]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(tags.values())
    for name, operation in found.items():
        assert operation["operationId"].isidentifier(), name
        assert operation["operationId"][0].islower(), name
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert set(operation["tags"]) <= set(tags), f"{name}: describe its tags in service/app.py"


def test_every_operation_of_a_caller_tells_its_errors(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if operation["operationId"] in {"getHealth", "getReadiness"}:
            assert "security" not in operation, name
            continue
        assert operation.get("security"), name
        wanted = {"401"}
        if operation["tags"] != ["runs"]:  # a run's token opens its own attempt, and says nothing of others
            wanted |= {"403", "404"} if "{" in name else {"403"}
        told = {status for status in operation["responses"] if status.startswith(("4", "5"))}
        assert wanted <= told, f"{name}: {wanted - told}"
        if operation.get("parameters") or "requestBody" in operation:
            assert told & {"404", "422"}, name
        for status in told:
            assert "Problem" in json.dumps(operation["responses"][status]), f"{name}: {status}"


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            schema = content.get("schema", {})
            parts = [schema, *schema.get("anyOf", [])]
            named = [schemas[part["$ref"].rsplit("/", 1)[1]] for part in parts if "$ref" in part]
            shown = (
                "example" in content or "examples" in content or any("examples" in each for each in [*parts, *named])
            )
            assert shown, f"{name}: {media} has no example"
