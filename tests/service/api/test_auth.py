"""Keys over HTTP and on the host, who is let in without one, and the audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from typer.testing import CliRunner

from service.app import create_app
from service.main import require_a_key
from service.settings import Settings
from service.store import keys
from service.store.tables import AuditEntry, Model
from tests.support.automatic import NoEngine
from tests.support.databases import sqlite
from trainers.cli import app as command

KEYS = "/v1/keys"


class Plane:
    """A service that is open to this machine while it has no key, and its clock."""

    def __init__(self, home: Path, url: str) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        settings = Settings(home=home, database_url=url)
        self.app = create_app(settings, NoEngine(), open_to_local=True, now=lambda: self.at)
        self.sessions = self.app.state.sessions
        self.http = TestClient(self.app, raise_server_exceptions=False)
        empty: dict[str, Any] = {
            "spec": {},
            "policy": {},
            "retention": {},
            "created_at": self.at,
            "updated_at": self.at,
        }
        with self.sessions.begin() as session:
            session.add_all(Model(name=name, owner="t", description="", **empty) for name in ("feed", "search"))

    def key(self, *scopes: str, model: str | None = None) -> str:
        with self.sessions.begin() as session:
            return keys.create(session, "-".join(scopes), scopes, self.at, by="test", model=model).secret

    def ask(self, method: str, path: str, key: str | None = None, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = self.http.request(method, path, headers=headers, json=body)
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def plane(tmp_path: Path, url: str) -> Iterator[Plane]:
    made = Plane(tmp_path, url)
    yield made
    made.http.close()
    made.sessions.kw["bind"].dispose()


def test_a_key_is_shown_once_and_stored_hashed(plane: Plane) -> None:
    status, made = plane.ask("POST", KEYS, body={"name": "first", "scopes": ["admin"]})
    assert status == 201
    assert made["key"].startswith(f"wnw_{made['id']}_")
    assert len(made["key"].split("_", 2)[2]) == 43  # 256 bits
    assert "key" not in plane.ask("GET", f"{KEYS}/{made['id']}", made["key"])[1]
    with plane.sessions() as session:
        rows = str(session.execute(text("SELECT * FROM api_keys")).all())
    assert made["key"] not in rows
    assert made["key"].split("_", 2)[2] not in rows


def test_the_first_key_closes_the_service(plane: Plane) -> None:
    assert plane.ask("GET", "/v1/models")[0] == 200
    admin = plane.key("admin")
    assert plane.ask("GET", "/v1/models")[0] == 401
    key_id = admin.split("_")[1]
    assert plane.ask("POST", f"{KEYS}/{key_id}/revoke", admin)[0] == 200
    assert plane.ask("GET", "/v1/models", admin)[0] == 401
    assert plane.ask("GET", "/v1/models")[0] == 401  # it doesn't open again


def test_keys_expire_and_note_their_use(plane: Plane) -> None:
    admin = plane.key("admin")
    _, made = plane.ask("POST", KEYS, admin, {"name": "brief", "scopes": ["read"], "expires_in_seconds": 3600})
    assert plane.ask("GET", "/v1/models", made["key"])[0] == 200
    seen = plane.ask("GET", f"{KEYS}/{made['id']}", admin)[1]
    assert datetime.fromisoformat(seen["last_used_at"]) == plane.at
    plane.at += timedelta(hours=1)
    assert plane.ask("GET", "/v1/models", made["key"])[0] == 401
    assert plane.ask("POST", f"{KEYS}/{made['id']}/rotate", admin)[0] == 409


def test_a_rotated_keys_old_secret_is_good_for_a_while(plane: Plane) -> None:
    admin, old = plane.key("admin"), plane.key("read")
    path = f"{KEYS}/{old.split('_')[1]}"
    new = plane.ask("POST", f"{path}/rotate", admin, {"grace_seconds": 60})[1]["key"]
    assert [plane.ask("GET", "/v1/models", key)[0] for key in (old, new)] == [200, 200]
    plane.at += timedelta(seconds=60)
    assert [plane.ask("GET", "/v1/models", key)[0] for key in (old, new)] == [401, 200]
    newer = plane.ask("POST", f"{path}/rotate", admin, {"grace_seconds": 60})[1]["key"]
    newest = plane.ask("POST", f"{path}/rotate", admin, {"grace_seconds": 60})[1]["key"]
    assert [plane.ask("GET", "/v1/models", key)[0] for key in (new, newer, newest)] == [401, 200, 200]
    plane.ask("POST", f"{path}/revoke", admin)
    assert [plane.ask("GET", "/v1/models", key)[0] for key in (newer, newest)] == [401, 401]


def test_a_key_makes_none_that_may_more(plane: Plane) -> None:
    of_feed = plane.key("admin", model="feed")
    new = {"name": "new", "scopes": ["read"]}
    assert plane.ask("POST", KEYS, of_feed, new)[0] == 403
    assert plane.ask("POST", KEYS, of_feed, {**new, "model": "search"})[0] == 403
    status, made = plane.ask("POST", KEYS, of_feed, {**new, "model": "feed"})
    assert (status, made["model"]) == (201, "feed")
    other = plane.key("read", model="search").split("_")[1]
    assert plane.ask("POST", f"{KEYS}/{other}/revoke", of_feed)[0] == 404
    assert {key["model"] for key in plane.ask("GET", KEYS, of_feed)[1]["keys"]} == {"feed"}
    assert plane.ask("POST", KEYS, plane.key("admin"), {**new, "model": "none"})[0] == 422


def test_keys_are_listed_page_by_page(plane: Plane) -> None:
    admin = plane.key("admin")
    for _ in range(4):
        plane.key("read")
    first = plane.ask("GET", f"{KEYS}?limit=3", admin)[1]
    rest = plane.ask("GET", f"{KEYS}?limit=3&cursor={first['next']}", admin)[1]
    assert (len(first["keys"]), len(rest["keys"]), rest["next"]) == (3, 2, None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:8080"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "localhost:8080", "Origin": "http://localhost:8080"}, 200),
        ({"Host": "rebound.example:8080"}, 403),
        ({"Host": "localhost.example"}, 403),
        ({"Host": "127.0.0.1.example"}, 403),
        ({"Host": "["}, 403),
        ({"Host": "localhost:8080", "Origin": "http://evil.example"}, 403),
        ({"Host": "localhost:8080", "Origin": "http://localhost:3000"}, 403),
        ({"Host": "localhost:8080", "Origin": "null"}, 403),
    ],
    ids=str,
)
def test_no_page_of_a_browser_gets_in(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    plane = Plane(tmp_path, f"sqlite:///{sqlite(tmp_path)}")
    assert plane.http.get("/v1/models", headers=headers).status_code == status
    by_key = {**headers, "Authorization": f"Bearer {plane.key('read')}"}
    assert plane.http.get("/v1/models", headers=by_key).status_code == 200


def test_changes_and_refusals_are_recorded(plane: Plane) -> None:
    admin, reader = plane.key("admin"), plane.key("read")
    made = plane.http.post(
        KEYS,
        headers={"Authorization": f"Bearer {admin}", "X-Request-Id": "mine-1"},
        json={"name": "new", "scopes": ["read"], "model": "feed"},
    ).json()
    plane.ask("GET", "/v1/models?secret=abc", reader)  # changes nothing
    plane.ask("POST", KEYS, admin, {"name": ""})  # neither
    plane.ask("POST", f"{KEYS}?secret=abc", reader, {"name": "x", "scopes": ["read"]})
    plane.ask("GET", "/v1/models/feed", "wrong")
    plane.ask("GET", "/v1/models/%00%FF", None)
    entries = plane.ask("GET", "/v1/audit", admin)[1]["entries"]
    told = [(each["by"], each["operation"], each["status"], each["model"]) for each in entries]
    assert told == [
        ("unknown", "getModel", 401, None),
        ("unknown", "getModel", 401, "feed"),
        ("read", "createKey", 403, None),
        ("admin", "createKey", 201, None),
    ]
    assert (entries[-1]["request_id"], entries[-1]["key_id"]) == ("mine-1", admin.split("_")[1])
    with plane.sessions() as session:
        rows = str(session.execute(text("SELECT * FROM audit")).all())
    for secret in (admin, reader, made["key"], "secret=abc", "wrong"):
        assert secret not in rows
    only = plane.ask("GET", "/v1/audit?status=401&model=feed", admin)[1]["entries"]
    assert [each["operation"] for each in only] == ["getModel"]
    page = plane.ask("GET", "/v1/audit?limit=3", admin)[1]
    assert len(plane.ask("GET", f"/v1/audit?limit=3&cursor={page['next']}", admin)[1]["entries"]) == 1
    assert plane.ask("GET", "/v1/audit", plane.key("admin", model="feed"))[0] == 403


def test_what_is_rolled_back_is_not_recorded(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("here")

    monkeypatch.setattr("service.api.routers.keys.with_secret", fails)
    assert plane.ask("POST", KEYS, body={"name": "new", "scopes": ["read"]})[0] == 500
    with plane.sessions() as session:
        assert not keys.any_exist(session)
        assert session.query(AuditEntry).count() == 0


def winnow(*arguments: str) -> tuple[int, Any]:
    ended = CliRunner().invoke(command, [*arguments, "--json"])
    return ended.exit_code, json.loads(ended.stdout) if ended.stdout else None


def test_the_host_makes_the_first_key(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(ValueError, match="winnow keys create"):
        require_a_key(home, "0.0.0.0")  # noqa: S104
    require_a_key(home, "127.0.0.1")
    code, made = winnow("keys", "create", "--home", str(home), "--name", "ops", "--scope", "admin")
    assert code == 0
    require_a_key(home, "0.0.0.0")  # noqa: S104
    app = create_app(Settings(home=home), NoEngine())
    http = TestClient(app, headers={"Authorization": f"Bearer {made['key']}"})
    assert http.get(KEYS).json()["keys"][0]["created_by"] == "host"
    # While it runs, too.
    code, brief = winnow(
        "keys",
        "create",
        "--home",
        str(home),
        "--name",
        "b",
        "--scope",
        "read",
        "--scope",
        "submit",
        "--expires-in",
        "2d",
    )
    assert (code, brief["scopes"]) == (0, ["read", "submit"])
    lasts = datetime.fromisoformat(brief["expires_at"]) - datetime.fromisoformat(brief["created_at"])
    assert lasts == timedelta(days=2)
    assert winnow("keys", "revoke", brief["id"], "--home", str(home))[0] == 0
    assert http.get("/v1/models", headers={"Authorization": f"Bearer {brief['key']}"}).status_code == 401
    assert [entry["operation"] for entry in http.get("/v1/audit").json()["entries"][1:]] == [
        "winnow keys revoke", "winnow keys create", "winnow keys create",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [["--model", "none"], ["--expires-in", "90"], ["--expires-in", "99999w"], ["--name", " "]], ids=str
)
def test_what_the_host_can_not_make(tmp_path: Path, wrong: list[str]) -> None:
    code, said = winnow("keys", "create", "--home", str(tmp_path), "--name", "x", "--scope", "read", *wrong)
    assert code == 2
    assert "error" in said
