"""The database, home, answers and requests of a service of today."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from tests.golden.comparing import ANY
from tests.golden.making.filling import Filling, LossyEngine, leave
from tests.golden.making.requests import answers, requests
from tests.golden.opened import SETTINGS, content_of, opened, read, write
from tests.golden.product import Settings, create_app, first_key, receiving, utc_now

QUICK: dict[str, Any] = {
    "poll_seconds": 0.1, "snapshot_seconds": 0.2, "cancel_grace_seconds": 0.1, "trigger_seconds": 1.0,
    "retry_seconds": 0.0, "max_running_jobs": 4,
}  # fmt: skip


def make(golden: Path) -> None:
    folder = golden / "service"
    home = folder / "home"
    engine = LossyEngine()
    app = create_app(Settings(home=home, **SETTINGS, **QUICK), engine)
    key = first_key(app.state.sessions, utc_now())
    headers = {"Authorization": f"Bearer {key}"}
    with receiving() as receiver, TestClient(app, base_url="http://localhost", headers=headers) as http:
        filling = Filling(http, receiver.url())
        filling.fill()
    at = utc_now()
    engine.close()
    app.state.sessions.kw["bind"].dispose()
    app.state.readers.kw["bind"].dispose()
    with closing(sqlite3.connect(home / "winnow.db")) as database:
        dump = "\n".join(database.iterdump())
    (folder / "winnow.sql").write_text(dump + "\n", encoding="utf-8")
    leave(home, {filling.ids["first"], filling.ids["live"]})
    write(folder / "about.json", {"at": at.isoformat(), "key": key, "ids": filling.ids})
    _record(folder, filling.ids)


def _record(folder: Path, ids: dict[str, str]) -> None:
    token = next((folder / "home" / "runs" / ids["live"]).glob("attempt-*.json"))
    asked = requests(ids, read(token)["token"], read(folder.parent / "run" / "progress.json"))
    for name, wanted in (("answers", answers(ids)), ("requests", asked)):
        first, second = _answered(folder, wanted), _answered(folder, wanted)
        write(folder / f"{name}.json.gz", [_common(one, two) for one, two in zip(first, second, strict=True)])


def _answered(folder: Path, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as scratch, opened(Path(scratch) / "home", folder) as service:
        operations = _operations(service.app.openapi())
        found = []
        for request in wanted:
            answer = service.ask(request)
            operation = operations(request["method"], request["path"].partition("?")[0])
            body = content_of(answer)
            found.append({"operation": operation, **request, "status": answer.status_code, "answer": body})
        return found


def _operations(document: dict[str, Any]) -> Any:
    patterns = [
        (method.upper(), re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)) + "$"), found["operationId"])
        for path, methods in document["paths"].items()
        for method, found in methods.items()
    ]
    # Places spelled out go before those with a parameter.
    patterns.sort(key=lambda each: each[1].pattern.count("[^/]+"))

    def named(method: str, path: str) -> str:
        return str(next(operation for verb, place, operation in patterns if verb == method and place.match(path)))

    return named


def _common(first: Any, second: Any) -> Any:
    """What differs from one time to the next, such as new ids, is any."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return {key: _common(first[key], second[key]) for key in first}
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return [_common(one, two) for one, two in zip(first, second, strict=True)]
    return first if first == second else ANY
