"""Rate limits: by key, by address, on the answers, and how long to wait."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from service.api.problems import ApiError
from service.api.rate_limits import RateLimiter
from service.settings import Settings
from tests.support import inhabited


def test_a_key_has_its_own_quota_and_is_told(tmp_path: Path) -> None:
    app, _ = inhabited.service(tmp_path, rate_limit="2/hour", unknown_rate_limit="3/hour")
    first, second = (inhabited.secret(app, name, ["read"]) for name in ("first", "second"))
    http = TestClient(app)

    def ask(key: str) -> tuple[int, str, str]:
        answer = http.get("/v1/models", headers={"Authorization": f"Bearer {key}"})
        return answer.status_code, answer.headers["RateLimit-Policy"], answer.headers["RateLimit"]

    answers = [ask(first) for _ in range(4)]
    assert [status for status, *_ in answers] == [200, 200, 429, 429]
    assert {policy for _, policy, _ in answers} == {'"key";q=2;w=3600'}
    assert [standing.split(";")[:2] for *_, standing in answers] == [['"key"', f"r={left}"] for left in (1, 0, 0, 0)]
    assert ask(second)[0] == 200
    statuses = [ask("wrong")[0] for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    refused = http.get("/v1/models")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.json()["type"] == "urn:winnow:too-many-requests"
    assert ask(second)[0] == 200  # from the same address, with a good key


def test_a_window_ends(tmp_path: Path) -> None:
    limits = RateLimiter(Settings(home=tmp_path, rate_limit="1/second"))
    limits.count_key("a", {"state": {}})
    with pytest.raises(ApiError) as refused:
        limits.count_key("a", {"state": {}})
    assert refused.value.headers == {"Retry-After": "1"}
    time.sleep(1.01)
    limits.count_key("a", {"state": {}})


def test_ipv6_callers_are_networks(tmp_path: Path) -> None:
    limits = RateLimiter(Settings(home=tmp_path, unknown_rate_limit="1/hour"))
    limits.count_unknown({"client": ("2a00:1450::1", 1), "state": {}})
    with pytest.raises(ApiError):
        limits.count_unknown({"client": ("2a00:1450::2", 1), "state": {}})
    limits.count_unknown({"client": ("2a00:1450:0:1::1", 1), "state": {}})


def test_rates_are_checked_when_the_service_starts(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="600/minute"):
        Settings(home=tmp_path, rate_limit="many")
