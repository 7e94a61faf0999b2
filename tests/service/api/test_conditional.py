"""`If-None-Match` on what has an ETag: 304 while the answer is the same, whatever changed beside its version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.managed import MODEL, Managed, content

URL = f"/v1/models/{MODEL}"


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path / "home", webhook_allow_http=True)
    made.model("a")
    yield made
    made.close()


def paths(lite: Managed) -> list[str]:
    schedule = lite.http.post(f"{URL}/schedules", json={"name": "nightly", "cron": "0 2 * * *"}).json()["id"]
    trigger = lite.http.post(f"{URL}/triggers", json={"when": {"kind": "candidates"}}).json()["id"]
    webhook = lite.http.post("/v1/webhooks", json={"url": "https://example.com/hook"}).json()["id"]
    parts = ["features/a", f"schedules/{schedule}", f"triggers/{trigger}"]
    number = lite.succeed(content({"a": "prune", "b": "keep"}))
    job = lite.http.get(f"{URL}/prune-lists/{number}").json()["job_id"]
    return [URL, *(f"{URL}/{part}" for part in parts), f"/v1/webhooks/{webhook}", f"/v1/jobs/{job}/prune-list"]


def test_what_is_known_is_not_sent_again(lite: Managed) -> None:
    for path in paths(lite):
        first = lite.http.get(path)
        tag = first.headers["ETag"]
        again = lite.http.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag), path
        assert lite.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_count_that_changed_is_sent_though_the_version_is_the_same(lite: Managed) -> None:
    first = lite.http.get(URL)
    lite.http.post(f"{URL}/features", json={"features": [{"name": "b", "kind": "dense"}]})
    second = lite.http.get(URL, headers={"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, second.json()["features"]) == (200, {"candidate": 2})
    assert first.json()["version"] == second.json()["version"]


def test_a_change_is_made_from_a_version_whatever_was_counted(lite: Managed) -> None:
    tag = lite.http.get(URL).headers["ETag"]
    lite.http.post(f"{URL}/features", json={"features": [{"name": "b", "kind": "dense"}]})
    assert lite.http.patch(URL, json={"owner": "x"}, headers={"If-Match": tag}).status_code == 200
    assert lite.http.patch(URL, json={"owner": "y"}, headers={"If-Match": tag}).status_code == 412
    assert lite.http.patch(URL, json={"owner": "y"}, headers={"If-Match": '"2"'}).status_code == 200
