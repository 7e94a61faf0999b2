"""The golden files of a version, and a service opened on its database."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient

from tests.golden.product import Settings, Status, create_app

GOLDEN = Path(__file__).parent / "v0_1_0"
SETTINGS: dict[str, Any] = {
    "data_roots": ("/data",),
    "rate_limit": "",
    "unknown_rate_limit": "",
    "webhook_allow_private": True,
    "webhook_allow_http": True,
}


def read(path: Path) -> Any:
    """A JSON file, which may be packed by gzip."""
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


def write(path: Path, content: Any) -> None:
    """Packed without a time, so that the same content is the same file."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    packed = gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode()
    path.write_bytes(packed)


class IdleEngine:
    """No loop runs, so that it is asked for nothing but its health."""

    def submit(self, *_: Any) -> None:
        raise AssertionError("no job is started here")

    def status(self, *_: Any) -> Status:
        return Status.UNKNOWN

    def explain(self, *_: Any) -> None:
        return None

    def stop(self, *_: Any) -> None:
        raise AssertionError("no job is stopped here")

    def healthy(self) -> bool:
        return True


@dataclass(frozen=True)
class Opened:
    """The application on a copy of the golden home, at the moment at which that was left; `http` has an admin's key."""

    app: Any
    http: TestClient

    def ask(self, request: dict[str, Any]) -> httpx.Response:
        """`headers`, `json` and `text` of a request are its own where it has them."""
        if "text" in request:
            body: dict[str, Any] = {"content": request["text"]}
        else:
            body = {"json": request["json"]} if "json" in request else {}
        headers = request.get("headers", {})
        return self.http.request(request["method"], request["path"], headers=headers, **body)  # type: ignore[return-value]


def content_of(answer: httpx.Response) -> Any:
    """JSON where it is, else text; None where there is no body. Of the metrics, which are many, names and kinds."""
    if not answer.content:
        return None
    if answer.url.path == "/metrics":
        return dict(re.findall(r"^# TYPE (\S+) (\S+)$", answer.text, re.MULTILINE))
    return answer.json() if "json" in answer.headers["content-type"] else answer.text


def restore(folder: Path, home: Path) -> None:
    """Copy the home of a golden folder's service, and make its database of the dump."""
    shutil.copytree(folder / "home", home)
    with closing(sqlite3.connect(home / "winnow.db")) as database:
        database.executescript((folder / "winnow.sql").read_text(encoding="utf-8"))


@contextmanager
def opened(home: Path, folder: Path = GOLDEN / "service", upgraded: Path | None = None) -> Iterator[Opened]:
    """A service on a copy, which it upgrades; its loops don't run, and its clock stands. `upgraded` is a database that
    was upgraded before, to be put in place of the golden one.
    """
    restore(folder, home)
    if upgraded is not None:
        upgraded.replace(home / "winnow.db")
    about = read(folder / "about.json")
    at = datetime.fromisoformat(about["at"])
    app = create_app(Settings(home=home, **SETTINGS), IdleEngine(), now=lambda: at)
    http = TestClient(app, base_url="http://localhost", headers={"Authorization": f"Bearer {about['key']}"})
    try:
        yield Opened(app, http)
    finally:
        http.close()
        app.state.sessions.kw["bind"].dispose()
        app.state.readers.kw["bind"].dispose()
