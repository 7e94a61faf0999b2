"""Browsers that sign in with a key: the cookie and how it ends, what other sites can't do, what is left behind."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select, text
from structlog.testing import capture_logs

from service.api.auth import SESSION_COOKIE
from service.app import create_app
from service.jobs.retention import Retention
from service.settings import Settings
from service.store import keys
from service.store.tables import ApiKey, AuditEntry, BrowserSession, Model
from service.web.sign_in import own_path
from tests.support.automatic import NoEngine
from tests.support.databases import sqlite
from tests.support.serving import free_port, wait_until

HOST = "winnow.example"
OWN = {"Origin": f"http://{HOST}"}


class Plane:
    """A service, its clock, and browsers of it."""

    def __init__(self, home: Path, url: str | None = None, *, open_to_local: bool = False, **settings: Any) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        if url is None:
            sqlite(home)
        self.settings = Settings(home=home, database_url=url, **settings)
        self.app = create_app(self.settings, NoEngine(), open_to_local=open_to_local, now=lambda: self.at)
        self.sessions = self.app.state.sessions
        self.http = self.browser()

    def browser(self, base_url: str = f"http://{HOST}") -> TestClient:
        return TestClient(self.app, base_url=base_url, raise_server_exceptions=False, follow_redirects=False)

    def key(self, *scopes: str, model: str | None = None, expires_at: datetime | None = None) -> str:
        with self.sessions.begin() as session:
            name = "-".join(scopes)
            made = keys.create(session, name, scopes, self.at, by="test", model=model, expires_at=expires_at)
            return made.secret

    def models(self, *names: str) -> None:
        empty: dict[str, Any] = {"spec": {}, "policy": {}, "retention": {}}
        stamps = {"created_at": self.at, "updated_at": self.at}
        with self.sessions.begin() as session:
            session.add_all(Model(name=name, owner="t", description="", **empty, **stamps) for name in names)

    def sign_in(self, key: str, browser: TestClient | None = None, **fields: str) -> httpx.Response:
        answer = (browser or self.http).post("/sign-in", data={"key": key, **fields}, headers=OWN)
        return answer  # type: ignore[return-value]

    def status(self, method: str = "GET", path: str = "/v1/models", **given: Any) -> int:
        return self.http.request(method, path, **given).status_code

    def change(self, secret: str, **columns: Any) -> None:
        """The row of a key."""
        with self.sessions.begin() as session:
            key = keys.find(session, secret.split("_")[1])
            assert key is not None
            for name, value in columns.items():
                setattr(key, name, value)

    def count(self) -> int:
        """Of browsers that the store has."""
        with self.sessions() as session:
            return int(session.scalar(select(func.count()).select_from(BrowserSession)) or 0)

    def audit(self) -> list[tuple[str, str, int]]:
        with self.sessions() as session:
            rows = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
            return [(row.by, row.operation, row.status) for row in rows]

    def close(self) -> None:
        self.http.close()
        self.sessions.kw["bind"].dispose()
        self.app.state.readers.kw["bind"].dispose()


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    made = Plane(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """For tests that leave nothing which others mind."""
    made = Plane(tmp_path_factory.mktemp("home"), rate_limit="", unknown_rate_limit="")
    yield made
    made.close()


@pytest.fixture
def either(tmp_path: Path, url: str) -> Iterator[Plane]:
    made = Plane(tmp_path, url)
    yield made
    made.close()


def cookie_of(answer: Any) -> Morsel[str]:
    return SimpleCookie(answer.headers["set-cookie"])[SESSION_COOKIE]


def test_a_key_is_exchanged_for_a_cookie(either: Plane) -> None:
    key = either.key("submit")
    answer = either.sign_in(f" {key}\n", next="/jobs?state=running")  # as it is pasted
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?state=running")
    cookie = cookie_of(answer)
    assert len(cookie.value) == 43  # 256 bits
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
    assert (cookie["max-age"], cookie["secure"], cookie["domain"]) == ("43200", "", "")
    with either.sessions() as session:
        rows = str(session.execute(text("SELECT * FROM browser_sessions")).all())
    assert keys.digest(cookie.value) in rows
    assert cookie.value not in rows
    assert either.http.get("/v1/me").json() == {
        "name": "submit", "key_id": key.split("_")[1], "scopes": ["read", "submit"], "model": None, "signed_in": True,
    }  # fmt: skip
    assert either.status("POST", "/v1/keys", json={}, headers=OWN) == 403


def test_who_a_caller_by_bearer_is(plane: Plane) -> None:
    key = plane.key("admin")
    assert plane.http.get("/v1/me", headers={"Authorization": f"Bearer {key}"}).json() == {
        "name": "admin",
        "key_id": key.split("_")[1],
        "scopes": ["read", "submit", "approve", "admin"],
        "model": None,
        "signed_in": False,
    }


def test_the_cookie_is_for_https_where_that_is_spoken(plane: Plane) -> None:
    browser = plane.browser(f"https://{HOST}")
    answer = browser.post("/sign-in", data={"key": plane.key("read")}, headers={"Origin": f"https://{HOST}"})
    assert cookie_of(answer)["secure"] is True
    left = browser.post("/sign-out", headers={"Origin": f"https://{HOST}"})
    assert (cookie_of(left)["secure"], cookie_of(left)["max-age"]) == (True, "0")


@pytest.mark.parametrize("trusted", [True, False])
def test_a_proxy_that_ends_tls_says_so(plane: Plane, trusted: bool) -> None:
    """Over real HTTP, as uvicorn tells of the proxies that it trusts."""
    port = free_port()
    proxies = "127.0.0.1" if trusted else "192.0.2.1"
    config = uvicorn.Config(plane.app, port=port, log_level="critical", forwarded_allow_ips=proxies)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    forwarded = {"Host": HOST, "Origin": f"https://{HOST}", "X-Forwarded-Proto": "https"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        answer = http.post("/sign-in", data={"key": plane.key("submit")}, headers=forwarded)
        cookie = cookie_of(answer)
        held = {"Cookie": f"{SESSION_COOKIE}={cookie.value}", "Host": HOST}
        me = http.get("/v1/me", headers=held)
        refused = http.post("/v1/jobs", json={}, headers={**held, "Origin": "https://evil.example"})
    server.should_exit = True
    thread.join(timeout=30)
    assert (answer.status_code, me.json()["signed_in"], refused.status_code) == (303, True, 403)
    assert bool(cookie["secure"]) is trusted


def test_a_sign_in_ends_after_a_while(either: Plane) -> None:
    either.sign_in(either.key("read"))
    either.at += timedelta(hours=12, seconds=-1)
    assert either.status() == 200
    assert Retention(either.sessions, either.settings, lambda: either.at).step()["browser_sessions"] == 0
    either.at += timedelta(seconds=1)
    answer = either.http.get("/v1/models")
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:winnow:signed-out")
    assert Retention(either.sessions, either.settings, lambda: either.at).step()["browser_sessions"] == 1
    assert either.count() == 0


def test_how_long_is_a_setting(tmp_path: Path) -> None:
    plane = Plane(tmp_path, session_hours=0.5)
    assert cookie_of(plane.sign_in(plane.key("read")))["max-age"] == "1800"
    plane.at += timedelta(minutes=30)
    assert plane.status() == 401
    plane.close()


def test_a_sign_in_is_good_as_long_as_its_key(either: Plane) -> None:
    brief = either.key("read", expires_at=either.at + timedelta(hours=1))
    either.sign_in(brief)
    assert either.status() == 200
    either.at += timedelta(hours=1)
    assert either.status() == 401
    revoked = either.key("read")
    either.sign_in(revoked)
    assert either.status() == 200
    either.change(revoked, revoked_at=either.at)
    assert either.status() == 401
    deleted = either.key("read")
    either.sign_in(deleted)
    assert (either.status(), either.count()) == (200, 1)  # the one before was this browser's too
    with either.sessions.begin() as session:
        session.execute(delete(ApiKey).where(ApiKey.hash == keys.digest(deleted)))
    assert (either.status(), either.count()) == (401, 0)


def test_a_secret_that_is_rotated_away_takes_its_sign_ins_with_it(either: Plane) -> None:
    admin, old = either.key("admin"), either.key("read")
    either.sign_in(old)
    rotate = f"/v1/keys/{old.split('_')[1]}/rotate"
    headers = {"Authorization": f"Bearer {admin}"}
    new = either.browser().post(rotate, headers=headers, json={"grace_seconds": 60}).json()["key"]
    second, third = either.browser(), either.browser()
    either.sign_in(new, second)
    either.sign_in(old, third)
    assert [browser.get("/v1/me").status_code for browser in (either.http, second, third)] == [200, 200, 200]
    either.at += timedelta(seconds=60)
    assert [browser.get("/v1/me").status_code for browser in (either.http, second, third)] == [401, 200, 401]


def test_signing_out_forgets_the_browser(either: Plane) -> None:
    key = either.key("read")
    cookie = cookie_of(either.sign_in(key))
    other = either.browser()
    either.sign_in(key, other)
    answer = either.http.post("/sign-out", headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert (cookie_of(answer).value, cookie_of(answer)["max-age"]) == ("", "0")
    assert SESSION_COOKIE not in either.http.cookies
    assert either.status(headers={"Cookie": f"{SESSION_COOKIE}={cookie.value}"}) == 401  # who kept it has nothing
    assert (other.get("/v1/me").status_code, either.count()) == (200, 1)
    assert either.http.post("/sign-out", headers=OWN).status_code == 303  # again


ORIGINS = [
    ({"Origin": f"http://{HOST}"}, True),
    ({"Origin": f"https://{HOST}"}, True),  # a proxy ends TLS
    ({"Origin": f"https://{HOST}", "Host": f"{HOST}:443"}, True),
    ({"Origin": f"http://{HOST.upper()}"}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, False),
    ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
    ({"Origin": "http://evil.example"}, False),
    ({"Origin": f"http://{HOST}.evil.example"}, False),
    ({"Origin": f"http://evil.example/{HOST}"}, False),
    ({"Origin": f"http://sub.{HOST}"}, False),
    ({"Origin": f"http://{HOST}:8080"}, False),
    ({"Origin": f"http://{HOST}@evil.example"}, False),
    ({"Origin": "http://["}, False),
    ({"Origin": f"http://{HOST}:port"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
]


@pytest.mark.parametrize(("headers", "own"), ORIGINS, ids=str)
def test_other_sites_pages_change_nothing(shared: Plane, headers: dict[str, str], own: bool) -> None:
    key, browser = shared.key("admin"), shared.browser()
    entry = shared.browser().post("/sign-in", data={"key": key}, headers=headers)
    assert (entry.status_code, "set-cookie" in entry.headers) == ((303, True) if own else (403, False))
    browser.cookies.set(SESSION_COOKIE, cookie_of(shared.sign_in(key, shared.browser())).value)
    new = {"name": "new", "scopes": ["read"]}
    made = browser.post("/v1/keys", json=new, headers=headers)
    assert made.status_code == (201 if own else 403)
    if not own:
        assert made.json()["type"] == "urn:winnow:foreign-origin"
    by_key = {**headers, "Authorization": f"Bearer {key}"}
    assert browser.post("/v1/keys", json=new, headers=by_key).status_code == 201
    assert browser.get("/v1/models", headers=headers).status_code == 200  # their scripts can't read the answer
    before = shared.count()
    assert browser.post("/sign-out", headers=headers).status_code == (303 if own else 403)
    assert shared.count() == before - own


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/", True),
        ("/jobs/job-1?tab=gates&q=a%20b#top", True),
        ("/models/a/features/é", True),
        ("", False),
        ("jobs", False),
        ("//evil.example", False),
        ("///evil.example", False),
        ("/\\evil.example", False),
        ("\\\\evil.example", False),
        ("/\t/evil.example", False),
        ("/\n/evil.example", False),
        ("\t//evil.example", False),
        (" //evil.example", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
        ("/\r\nSet-Cookie: a=b", False),
        ("/\ud800", False),
    ],
    ids=ascii,
)
def test_the_way_on_stays_here(shared: Plane, given: str, kept: bool) -> None:
    assert own_path(given) == (given if kept else "/")
    if given.isprintable():
        answer = shared.sign_in(shared.key("read"), next=given)
        place = httpx.URL(f"http://{HOST}/sign-in").join(answer.headers["location"])
        assert place.host == HOST
        assert place == httpx.URL(f"http://{HOST}{given if kept else '/'}")


def test_a_cookie_is_of_its_keys_model_alone(either: Plane) -> None:
    either.models("feed", "search")
    either.sign_in(either.key("admin", model="feed"))
    assert either.http.get("/v1/me").json()["model"] == "feed"
    assert [model["name"] for model in either.http.get("/v1/models").json()["models"]] == ["feed"]
    assert (either.status(path="/v1/models/feed"), either.status(path="/v1/models/search")) == (200, 404)
    assert either.status(path="/v1/audit") == 403


def test_a_bearer_key_goes_before_the_cookie(plane: Plane) -> None:
    plane.sign_in(plane.key("admin"))
    assert plane.status(path="/v1/keys") == 200
    reader = {"Authorization": f"Bearer {plane.key('read')}"}
    assert plane.status(path="/v1/keys", headers=reader) == 403
    assert plane.http.get("/v1/me", headers=reader).json()["signed_in"] is False
    assert plane.status(headers={"Authorization": "Bearer wrong"}) == 401


@pytest.mark.parametrize("cookie", ["", "x", "é", "a" * 43, '"', "a=b"], ids=ascii)
def test_what_is_no_cookie_of_ours(shared: Plane, cookie: str) -> None:
    assert shared.status(headers={"Cookie": f"{SESSION_COOKIE}={cookie}".encode()}) == 401


def test_a_run_reports_with_its_token_and_not_by_cookie(plane: Plane) -> None:
    plane.sign_in(plane.key("admin"))
    report = {"number": 1, "progress": None}
    answer = plane.http.post("/v1/jobs/job-1/attempts/1/reports", json=report, headers=OWN)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:winnow:token-missing")


def test_a_wrong_key_is_told_and_left_nowhere(either: Plane, caplog: pytest.LogCaptureFixture) -> None:
    wrong, good = "wnw_0123456789abcdef_of-another-service", either.key("read")
    with caplog.at_level(logging.DEBUG), capture_logs() as logged:
        refused = either.sign_in(wrong, next="/jobs")
        either.sign_in(good)
        either.http.post("/sign-out", headers=OWN)
    assert refused.status_code == 401
    assert "unknown, expired or revoked" in refused.text
    assert 'name="next" value="/jobs"' in refused.text
    assert "set-cookie" not in refused.headers
    assert either.audit() == [("unknown", "signIn", 401), ("read", "signIn", 303), ("read", "signOut", 303)]
    with either.sessions() as session:
        tables = (text("SELECT * FROM audit"), text("SELECT * FROM browser_sessions"))
        stored = str([session.execute(table).all() for table in tables])
    assert [entry["route"] for entry in logged if entry["event"] == "request"] == ["/sign-in", "/sign-in", "/sign-out"]
    for place in (refused.text, str(refused.headers), str(logged), caplog.text, stored):
        for secret in (wrong, good):
            assert secret not in place


@pytest.mark.parametrize("form", [{}, {"key": ""}, {"key": "\0"}, {"key": "é"}, {"key": "x" * 100_000}])
def test_what_is_no_key(shared: Plane, form: dict[str, str]) -> None:
    assert shared.http.post("/sign-in", data=form, headers=OWN).status_code == 401


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"key=\xff%ff%00", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"--", "multipart/form-data"),
    ],
)
def test_what_is_no_form(shared: Plane, body: bytes, kind: str) -> None:
    answer = shared.http.post("/sign-in", content=body, headers={**OWN, "Content-Type": kind})
    assert answer.status_code in {400, 401}


def test_a_file_for_a_key_is_refused_without_showing_it(shared: Plane) -> None:
    answer = shared.http.post("/sign-in", files={"key": ("key.txt", b"wnw_secret")}, headers=OWN)
    assert answer.status_code == 422
    assert "wnw_secret" not in answer.text


def test_guesses_are_counted(tmp_path: Path) -> None:
    plane = Plane(tmp_path, unknown_rate_limit="2/hour", rate_limit="2/hour")
    key = plane.key("read")
    answers = [plane.sign_in("wrong") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 3600
    assert "more than 2 requests" in answers[2].text
    assert plane.sign_in(key).status_code == 303  # from the same address, with a good key
    assert [plane.status(), plane.status()] == [200, 429]  # by cookie as by the key itself
    assert plane.sign_in(key).status_code == 429
    page = plane.http.get("/jobs", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert 0 < int(page.headers["retry-after"]) <= 3600
    assert "more than 2 requests" in page.text
    assert plane.audit() == [("unknown", "signIn", 401)] * 2 + [("read", "signIn", 303)]
    plane.http.cookies.set(SESSION_COOKIE, "guessed")
    assert plane.status() == 429
    plane.close()


def test_refusals_say_who_was_signed_in(plane: Plane) -> None:
    plane.sign_in(plane.key("read"))
    plane.status("POST", "/v1/keys", json={}, headers=OWN)
    plane.status("POST", "/v1/keys", json={}, headers={"Origin": "http://evil.example"})
    assert plane.audit()[1:] == [("read", "createKey", 403), ("read", "createKey", 403)]


@pytest.mark.parametrize("path", ["/", "/jobs", "/models/a%20b%25/lists?state=active&q=%C3%A9"])
def test_a_page_sends_to_the_sign_in_and_back(plane: Plane, path: str) -> None:
    plane.key("read")
    sent = plane.http.get(path)
    assert sent.status_code == 303
    place = urlsplit(sent.headers["location"])
    assert (place.netloc, place.path) == ("", "/sign-in")
    form = plane.http.get(sent.headers["location"])
    assert form.status_code == 200
    [back] = parse_qs(place.query)["next"]
    found = plane.sign_in(plane.key("read"), next=back)
    assert plane.http.get(found.headers["location"]).status_code == 200
    assert found.headers["location"] == path
    assert plane.audit() == [("read", "signIn", 303)]


def test_this_machine_needs_no_sign_in_while_there_is_no_key(tmp_path: Path) -> None:
    plane = Plane(tmp_path, open_to_local=True)
    local = plane.browser("http://127.0.0.1:8080")
    local.cookies.set(SESSION_COOKIE, "of-another-service-here")
    assert local.get("/").status_code == 200
    me = local.get("/v1/me").json()
    assert (me["signed_in"], me["key_id"]) == (False, None)
    onward = local.get("/sign-in?next=/jobs")
    assert (onward.status_code, onward.headers["location"]) == (303, "/jobs")
    assert plane.http.get("/").status_code == 403  # by a foreign name
    plane.key("admin")
    assert local.get("/sign-in").status_code == 200
    assert local.get("/").headers["location"] == "/sign-in?next=%2F"
    plane.close()


def test_pages_run_nothing_but_our_scripts(plane: Plane) -> None:
    first, second = plane.http.get("/sign-in"), plane.http.get("/sign-in")
    policy = dict(part.strip().split(" ", 1) for part in first.headers["content-security-policy"].split(";"))
    [nonce] = set(re.findall(r'nonce="([^"]+)"', first.text))
    assert policy["script-src"] == f"'self' 'nonce-{nonce}'"
    assert nonce not in second.text
    assert {policy[name] for name in ("object-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert {policy[name] for name in ("default-src", "form-action")} == {"'self'"}
    wanted = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin", "x-frame-options": "DENY"}
    assert wanted.items() <= dict(first.headers).items()
    assert wanted.items() <= dict(plane.sign_in("wrong").headers).items()
    api = plane.http.get("/v1/models")
    assert (api.headers["x-content-type-options"], "content-security-policy" in api.headers) == ("nosniff", False)
    assert "content-security-policy" in plane.http.get("/docs").headers


@pytest.mark.parametrize("given", ['"><script>alert(1)</script>', "{{ 7*7 }}"])
def test_what_is_given_is_shown_as_text(plane: Plane, given: str) -> None:
    for answer in (plane.http.get("/sign-in", params={"next": f"/{given}"}), plane.sign_in("wrong", next=f"/{given}")):
        assert "<script>alert" not in answer.text
        assert "49" not in re.sub(r"nonce\S+|/assets/\S+", "", answer.text)
