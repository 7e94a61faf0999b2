"""Features of a model over HTTP: registration, statuses, import and export, inference."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.core.statuses import BY_HAND, FeatureStatus
from service.features import csv_format
from tests.support.managed import MODEL, Managed
from trainers.data.columns import hash_text

URL = f"/v1/models/{MODEL}"
FEATURES = f"{URL}/features"
GROUP_TOO = (
    "the group of the model's spec; it may be a feature too: "
    f"winnow features add {MODEL} group --kind categorical --set hash_size=100 --set dim=4"
)
DENSE = {"name": "a", "kind": "dense"}
IDS = {"name": "b", "kind": "categorical", "hash_size": 9}
LISTS = {"name": "c", "kind": "multi_categorical", "hash_size": 7, "pooling": "sum"}


@pytest.fixture
def managed(tmp_path: Path, url: str) -> Iterator[Managed]:
    made = Managed(tmp_path / "home", url)
    made.model()
    yield made
    made.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path / "home")
    made.model()
    yield made
    made.close()


def register(managed: Managed, *items: dict[str, Any], model: str = MODEL) -> None:
    answer = managed.http.post(f"/v1/models/{model}/features", json={"features": list(items)})
    assert (answer.status_code, answer.json()) == (201, {"registered": len(items)})


def test_a_thousand_features_are_registered_in_one_call(managed: Managed) -> None:
    register(managed, *({"name": f"f{i}", "kind": "dense", "tags": ["bulk"]} for i in range(1000)))
    assert managed.http.get(URL).json()["features"] == {"candidate": 1000}
    listed = managed.http.get(FEATURES, params={"limit": 1000}).json()
    assert ([feature["name"] for feature in listed["features"]], listed["next"]) == (
        [f"f{i}" for i in range(1000)],
        None,
    )
    told = managed.events("feature.registered")
    assert (len(told), len(told[0].data["features"]), told[0].data["by"]) == (1, 1000, "local")
    history = managed.http.get(f"{FEATURES}/f999").json()["history"]
    assert [(each["before"], each["after"], each["by"]) for each in history] == [(None, "candidate", "local")]


def test_a_feature_has_what_it_was_given(managed: Managed) -> None:
    item = {**LISTS, "column": "genres", "owner": "films", "tags": ["x", "y:z"], "status": "active", "dim": 4}
    register(managed, DENSE, item)
    found = managed.http.get(f"{FEATURES}/c")
    shown = found.json()
    shown.pop("history")
    assert found.headers["ETag"] == '"1"'
    assert shown == {
        "name": "c",
        "kind": "multi_categorical",
        "dim": 4,
        "hash_size": 7,
        "column": "genres",
        "spec": {"kind": "multi_categorical", "dim": 4, "hash_size": 7, "ids": "hashed", "pooling": "sum"},
        "owner": "films",
        "tags": ["x", "y:z"],
        "status": "active",
        "version": 1,
        "registered_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    dense = managed.http.get(f"{FEATURES}/a").json()
    assert (dense["owner"], dense["hash_size"]) == ("team", None)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({**DENSE, "dim": 300}, "features.1.dim"),
        ({**DENSE, "hash_size": 3}, "features.1.hash_size"),
        ({"name": "b", "kind": "categorical"}, "features.1.hash_size"),
        ({**DENSE, "kind": "sparse"}, "features.1"),
        ({**DENSE, "status": "gone"}, "features.1.status"),
        ({**DENSE, "tags": ["a b"]}, "features.1.tags.0"),
        ({**DENSE, "name": "-"}, "features.1.name"),
        ({**DENSE, "column": "x" * 201}, "features.1.column"),
        ({**DENSE, "column": "\0"}, "features.1.column"),
        ({**IDS, "default": "\0"}, "features.1.default"),
        ({**DENSE, "name": "first"}, "features.0.name"),
    ],
)
def test_one_bad_feature_keeps_all_out(lite: Managed, item: dict[str, Any], field: str) -> None:
    batch = {"features": [{"name": "first", "kind": "dense"}, item]}
    answer = lite.http.post(FEATURES, json=batch)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert lite.http.get(FEATURES).json()["features"] == []
    assert lite.events("feature.*") == []


def test_names_that_are_taken_are_named_and_nothing_is_registered(managed: Managed) -> None:
    register(managed, DENSE, IDS)
    answer = managed.http.post(FEATURES, json={"features": [{**DENSE, "name": "new"}, IDS, DENSE]})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:winnow:features-exist")
    assert [(error["field"], error["value"]) for error in answer.json()["errors"]] == [
        ("features.1.name", "b"),
        ("features.2.name", "a"),
    ]
    assert set(managed.statuses()) == {"a", "b"}


def test_features_are_listed_by_filters_and_pages(managed: Managed) -> None:
    register(
        managed,
        {**DENSE, "name": "age", "tags": ["user"]},
        {**DENSE, "name": "Age_days", "tags": ["User", "user_x"], "owner": "o"},
        {**IDS, "name": "agent", "status": "essential"},
        {**LISTS, "name": "genres", "tags": ["item", "user"], "status": "retired"},
    )

    def names(**params: Any) -> list[str]:
        found = managed.http.get(FEATURES, params=params).json()["features"]
        return [feature["name"] for feature in found]

    assert names(name="age") == ["age", "agent"]
    assert names(name="age%") == names(name="a_e") == []
    assert names(tag="user") == ["age", "genres"]
    assert names(tag="User") == ["Age_days"]
    assert names(kind="categorical") == ["agent"]
    assert names(owner="o") == ["Age_days"]
    assert names(status=["essential", "retired"]) == ["agent", "genres"]
    assert names(status="retired", tag="user", kind="multi_categorical", owner="team", name="g") == ["genres"]
    first = managed.http.get(FEATURES, params={"limit": 3}).json()
    second = managed.http.get(FEATURES, params={"limit": 3, "cursor": first["next"]}).json()
    assert [len(first["features"]), len(second["features"]), second["next"]] == [3, 1, None]


@pytest.mark.parametrize("before", list(FeatureStatus))
def test_statuses_move_as_the_table_says(lite: Managed, before: FeatureStatus) -> None:
    for after in FeatureStatus:
        name = f"{before}-{after}"
        register(lite, {**DENSE, "name": name, "status": before})
        body = {"features": [name], "status": after, "reason": "because"}
        answer = lite.http.post(f"{FEATURES}/status", json=body)
        moves = after in BY_HAND[before]
        if moves or after is before:
            assert answer.json() == {"changed": int(moves), "unchanged": int(not moves)}
        else:
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, "features.0")
        history = lite.http.get(f"{FEATURES}/{name}").json()["history"]
        assert len(history) == 1 + moves
        if moves:
            assert (history[0]["before"], history[0]["after"], history[0]["reason"]) == (before, after, "because")
            told = lite.events("feature.status")[-1]
            assert told.data["changes"] == [{"feature": name, "from": before.value, "to": after.value}]
            assert (told.data["by"], told.data["reason"], told.data["prune_list"]) == ("local", "because", None)


def test_many_statuses_change_together_or_not_at_all(managed: Managed) -> None:
    register(managed, DENSE, {**IDS, "status": "retired"}, LISTS)
    url = f"{FEATURES}/status"
    refused = managed.http.post(url, json={"features": ["a", "b", "c"], "status": "active", "reason": "r"})
    assert (refused.status_code, refused.json()["errors"][0]["value"]) == (409, "b")
    unknown = managed.http.post(url, json={"features": ["a", "nobody"], "status": "active", "reason": "r"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "features.1")
    assert set(managed.statuses().values()) == {"candidate", "retired"}
    for body in ({"features": ["a"], "status": "active"}, {"features": [], "status": "active", "reason": "r"}):
        assert managed.http.post(url, json=body).status_code == 422
    done = managed.http.post(url, json={"features": ["a", "c"], "status": "active", "reason": "r"})
    assert done.json() == {"changed": 2, "unchanged": 0}
    assert managed.statuses() == {"a": "active", "b": "retired", "c": "active"}


def test_what_jobs_see_of_a_feature_changes_only_while_it_is_a_candidate(managed: Managed) -> None:
    register(managed, IDS)
    url = f"{FEATURES}/b"
    changed = managed.http.patch(url, json={"dim": 8, "column": "bee", "tags": ["t"]}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert (changed.json()["dim"], changed.json()["spec"]["dim"], changed.json()["column"]) == (8, 8, "bee")
    assert managed.http.patch(url, json={"dim": 9}, headers={"If-Match": '"1"'}).status_code == 412
    moved = managed.http.patch(url, json={"status": "active", "reason": "live", "owner": "o"})
    assert (moved.json()["status"], moved.json()["owner"], moved.json()["version"]) == ("active", "o", 4)
    costly = managed.http.patch(url, json={"cost": 2.5}).json()
    assert (costly["spec"]["cost"], costly["version"]) == (2.5, 5), "no model sees what a feature costs"
    assert "cost" not in managed.http.patch(url, json={"cost": None}).json()["spec"]
    assert managed.http.patch(url, json={"cost": -1}).status_code == 422
    for body in ({"dim": 9}, {"column": "c"}, {"hash_size": 3}):
        answer = managed.http.patch(url, json=body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:winnow:not-a-candidate")
    assert managed.http.patch(url, json={"tags": None, "owner": None}).json()["tags"] == []
    assert managed.http.get(url).json()["owner"] == "team"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"dim": 0}, 422),
        ({"normalize": "none"}, 422),
        ({"name": "x"}, 422),
        ({"kind": "dense"}, 422),
        ({"status": "active"}, 422),
        ({"reason": "x"}, 422),
        ({"status": None}, 422),
        ({"hash_size": None}, 422),
        ({"tags": ["a b"]}, 422),
        ({"status": "pruned", "reason": "x"}, 409),
    ],
)
def test_a_bad_change_is_refused(lite: Managed, body: dict[str, Any], status: int) -> None:
    register(lite, IDS)
    answer = lite.http.patch(f"{FEATURES}/b", json=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert lite.http.get(f"{FEATURES}/b").json()["version"] == 1


def test_features_need_scopes(lite: Managed) -> None:
    register(lite, DENSE)
    read, submit, approve = (lite.key(scope, scope) for scope in ("read", "submit", "approve"))
    change = {"features": ["a"], "status": "active", "reason": "r"}
    patch = {"status": "active", "reason": "r"}
    assert read.post(FEATURES, json={"features": [IDS]}).status_code == 403
    assert submit.post(FEATURES, json={"features": [IDS]}).status_code == 201
    assert submit.patch(f"{FEATURES}/a", json={"owner": "o"}).status_code == 200
    assert submit.patch(f"{FEATURES}/a", json=patch).json()["type"] == "urn:winnow:scope-missing"
    assert submit.post(f"{FEATURES}/status", json=change).status_code == 403
    assert approve.post(f"{FEATURES}/status", json=change).status_code == 200
    both = lite.key("both", "submit", "approve")
    assert both.patch(f"{FEATURES}/a", json={"status": "essential", "reason": "r"}).json()["status"] == "essential"


def varied(count: int) -> list[dict[str, Any]]:
    pick = random.Random(0).choice
    made = []
    for place in range(count):
        item = dict(pick([DENSE, {**DENSE, "dim": 3, "default": -0.5, "normalize": "none"}, IDS, LISTS]))
        if item["kind"] == "categorical":
            item["default"] = pick([0, 7, "7", "", "x,y", '"q"', "null", "1e3", " 5", "nan", "line\nbreak\r", "ü"])
        item |= {"name": f"f{place}", "owner": pick(["o", 'a "b", c', "=1+1"]), "tags": pick([[], ["x"], ["x", "y/z"]])}
        item |= {"column": pick([item["name"], "co,l", 'c"'])} | {
            "status": pick([str(status) for status in FeatureStatus])
        }
        made.append(item)
    return made


@pytest.mark.parametrize("form", ["application/json", "text/csv"])
def test_what_is_exported_can_be_imported(managed: Managed, form: str) -> None:
    items = varied(60)
    register(managed, *items)
    exported = managed.http.get(f"{URL}/feature-export", headers={"Accept": form})
    assert exported.headers["Content-Type"].partition(";")[0] == form
    managed.model(name="copy", owner="someone else")
    target = "/v1/models/copy/features"
    headers = {"Content-Type": f"{form}; charset=utf-8"}
    imported = managed.http.post(f"{target}/import", content=exported.content, headers=headers)
    assert (imported.status_code, imported.json()) == (201, {"registered": 60})
    copy = managed.http.get("/v1/models/copy/feature-export", headers={"Accept": form})
    assert copy.content == exported.content
    views = [managed.http.get(url, params={"limit": 1000}).json()["features"] for url in (FEATURES, target)]
    assert views[0] == views[1]
    assert [feature["spec"].get("default") for feature in views[0]] == [
        item.get("default", {"dense": 0.0}.get(item["kind"])) for item in items
    ]


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "default": st.one_of(st.text(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False)),
                "column": st.text(min_size=1),
                "cost": st.floats(0, 1e12),
                "tags": st.lists(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:/-]*\Z"), max_size=3),
            }
        ),
        max_size=5,
    )
)
def test_csv_reads_back_what_it_wrote(items: list[dict[str, Any]]) -> None:
    text = csv_format.write(items)
    found = [{"tags": [], **row} for row in csv_format.read(text)]
    assert found == items
    assert [type(row["default"]) for row in found] == [type(item["default"]) for item in items]


def test_an_export_opens_as_a_table(lite: Managed) -> None:
    register(lite, DENSE, IDS)
    answer = lite.http.get(f"{URL}/feature-export", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["name"], row["hash_size"]) for row in rows] == [("a", ""), ("b", "9")]
    assert lite.http.get(f"{URL}/feature-export", headers={"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"name,kind\na,dense\nb,sparse\n", 422, "features.1"),
        (b"name,kind,dim\na,dense,wide\n", 422, "features.0.dim"),
        (b"name,kind,colour\na,dense,red\n", 422, "colour"),
        (b"name,name\na,a\n", 422, "name,name"),
        (b"name,kind\na,dense,1\n", 422, "line 2"),
        (b'name,kind\n"a,dense\n', 422, "line"),
        (b'name,kind,hash_size,default\na,categorical,5,"""x"\n', 422, "line 2"),
        (b"name,kind\n", 422, "features"),
        (b"", 422, "line 1"),
        (b"\xff\xfe", 422, "UTF-8"),
        (b"name,kind,default\na,dense,inf\n", 422, "default"),
        (b"name,kind\na\x00,dense\n", 422, "name"),
        (b"\xef\xbb\xbfname,kind\r\n\r\na,dense\r\n", 201, "registered"),
        (b"kind,name,tags\ndense,a,x y\n", 201, "registered"),
    ],
)
def test_csv_is_checked_as_json_is(lite: Managed, body: bytes, status: int, word: str) -> None:
    answer = lite.http.post(f"{FEATURES}/import", content=body, headers={"Content-Type": "text/csv"})
    assert answer.status_code == status, answer.text
    assert word in answer.text


def test_an_import_is_of_a_form_that_can_be_read(lite: Managed) -> None:
    url = f"{FEATURES}/import"
    assert lite.http.post(url, content=b"{}").status_code == 415
    assert lite.http.post(url, content=b"<a/>", headers={"Content-Type": "text/xml"}).status_code == 415
    for body in (b"{", b"[]", b"null", b'{"features": 3}', b"[" * 100_000, b"1" * 5000):
        answer = lite.http.post(url, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, answer.text


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two files of two row groups each."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = 100
    for part in range(2):
        ids = np.arange(rows)
        table = pa.table(
            {
                "user id": pa.array(ids + part * rows),
                "age": pa.array(ids, pa.float32()),
                "price": pa.array([Decimal("1.5")] * rows),
                "city": pa.array([f"c{i % 7}" for i in ids]),
                "word": pa.array([f"c{i % 7}" for i in ids]).dictionary_encode(),
                "flag": pa.array(ids % 2 == 0),
                "hash": pa.array(ids * 2**40 - 5),
                "clip": pa.array([[1.0, 2.0, 3.0]] * rows, pa.list_(pa.float32())),
                "fixed": pa.array([[1.0, 2.0]] * rows, pa.list_(pa.float32(), 2)),
                "ragged": pa.array([[1.0] * (1 + i % 2) for i in ids]),
                "wide": pa.array([[1.0] * 300] * rows),
                "genres": pa.array([[i % 5, 17] for i in ids], pa.list_(pa.int64())),
                "words": pa.array([["a", "b"]] * rows),
                "seen": pa.array([datetime(2026, 1, 1)] * rows),
                "nested": pa.array([{"x": 1}] * rows),
                "deep": pa.array([[[1]]] * rows),
                "_odd": pa.array(ids),
                "label": pa.array(ids % 2),
                "group": pa.array(ids),
                "importance": pa.array(ids, pa.float32()),
            }
        )
        pq.write_table(table, folder / f"part-{part}.parquet", row_group_size=50)
    (folder / "_ignored.parquet").write_bytes(b"no parquet")
    return folder


def test_few_values_have_a_row_each_in_the_table_that_is_proposed(managed: Managed, tmp_path: Path) -> None:
    """Two texts that share a row of a table four times their number."""
    named = {hash_text(text) % 8: text for text in map(str, range(8))}
    twin = next(text for text in map(str, range(8, 1000)) if hash_text(text) % 8 in named)
    first = named[hash_text(twin) % 8]
    table = pa.table({"hotel": [first, twin] * 50, "clicked": [0, 1] * 50})
    pq.write_table(table, tmp_path / "rows.parquet")
    dataset = {"train": str(tmp_path / "rows.parquet"), "label": "clicked", "splits": {}}
    answer = managed.http.patch(URL, json={"spec": {"dataset": {**dataset, "validation": None, "test": None}}})
    assert answer.status_code == 200, answer.text
    (hotel,) = managed.http.post(f"{FEATURES}/infer", json={}).json()["features"]
    assert hotel["hash_size"] > 8
    assert hash_text(first) % hotel["hash_size"] != hash_text(twin) % hotel["hash_size"]


def test_whole_numbers_have_a_warning_of_their_own_with_the_remedy(managed: Managed, tmp_path: Path) -> None:
    """Integers are proposed as ids; integers with nulls, which pandas makes floats, as quantities."""
    table = {
        "age": pa.array(range(100)),
        "user": pa.array([None, *map(float, range(99))]),
        "price": pa.array([at / 2 for at in range(100)]),
        "stars": pa.array([float(at % 5) for at in range(100)]),
        "money": pa.array([Decimal(at) for at in range(100)], pa.decimal128(9, 2)),
        "city": pa.array(map(str, range(100))),
        "clicked": pa.array([at % 2 for at in range(100)]),
    }
    pq.write_table(pa.table(table), tmp_path / "rows.parquet")
    asked = {"dataset": str(tmp_path / "rows.parquet"), "leave_out": ["clicked"]}
    found = managed.http.post(f"{FEATURES}/infer", json=asked).json()
    kinds = {each["name"]: each["kind"] for each in found["features"]}
    assert (kinds["age"], kinds["user"], kinds["money"]) == ("categorical", "dense", "dense")
    assert set(found["warnings"]) == {"age", "user", "money"}
    assert found["warnings"]["age"].endswith("choose kind: dense")
    assert found["warnings"]["user"] == (
        "whole numbers in a column of type double, proposed as a quantity: if they are ids, write the column as "
        "integers and choose kind: categorical"
    )


def test_features_are_proposed_from_a_schema(managed: Managed, data: Path) -> None:
    columns = {"train": str(data), "splits": {}, "group": "group", "weight": "importance"}
    assert (
        managed.http.patch(URL, json={"spec": {"dataset": {**columns, "validation": None, "test": None}}}).status_code
        == 200
    )
    answer = managed.http.post(f"{FEATURES}/infer", json={"leave_out": ["flag"]})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    proposed = {feature["column"]: feature for feature in found["features"]}
    assert {column: (each["kind"], each["dim"], each.get("hash_size")) for column, each in proposed.items()} == {
        "user id": ("categorical", 4, 200),
        "age": ("dense", 1, None),
        "price": ("dense", 1, None),
        "city": ("categorical", 4, 64),
        "word": ("categorical", 4, 64),
        "hash": ("categorical", 8, 512),
        "clip": ("dense", 3, None),
        "fixed": ("dense", 2, None),
        "genres": ("multi_categorical", 4, 18),
        "words": ("multi_categorical", 4, 16),
        "_odd": ("categorical", 4, 100),
    }
    assert (proposed["user id"]["name"], proposed["_odd"]["name"]) == ("user_id", "f_odd")
    assert found["left_out"] == {
        "flag": "named in leave_out",
        "label": "the label of the model's spec",
        "group": GROUP_TOO,
        "importance": "the weight of the model's spec",
    }
    (note,) = found["notes"]
    assert note.startswith("user id, hash, _odd: whole numbers, proposed as ids, ")
    assert {column: found["distinct"][column] for column in ("city", "hash", "words", "genres")} == {
        "city": 7, "hash": 100, "words": 2, "genres": 6,
    }  # fmt: skip
    assert set(found["unfit"]) == {"ragged", "wide", "seen", "nested", "deep"}
    assert (found["files"], found["files_read"], found["registered"]) == (2, 2, [])
    assert managed.http.get(FEATURES).json()["features"] == []
    register(managed, *found["features"])
    again = managed.http.post(
        f"{FEATURES}/infer", json={"dataset": str(data / "part-0.parquet"), "leave_out": ["flag"]}
    )
    assert (again.json()["features"], set(again.json()["registered"])) == ([], set(proposed))


def test_a_column_is_left_out_for_one_reason(managed: Managed, data: Path) -> None:
    """A group that is a feature too is registered: it isn't listed twice."""
    spec = {"dataset": {"train": str(data), "splits": {}, "group": "user id", "validation": None, "test": None}}
    assert managed.http.patch(URL, json={"spec": spec}).status_code == 200
    register(managed, {"name": "user_id", "kind": "categorical", "hash_size": 200, "column": "user id"})
    found = managed.http.post(f"{FEATURES}/infer", json={"leave_out": ["flag"]}).json()
    assert found["registered"] == ["user id"]
    assert found["left_out"] == {"flag": "named in leave_out", "label": "the label of the model's spec"}


def test_inference_reads_rows_from_all_over_the_files(lite: Managed, tmp_path: Path) -> None:
    """Sorted files: the first ones have one label alone, and each file has a city of its own."""
    for part in range(40):
        at = np.arange(part * 500, (part + 1) * 500)
        columns = {"city": at // 500, "label": at // 10_000, "leak": pa.array(at // 10_000, pa.float32())}
        pq.write_table(pa.table(columns), tmp_path / f"part-{part:02}.parquet")
    found = lite.http.post(f"{FEATURES}/infer", json={"dataset": str(tmp_path)}).json()
    assert (found["files"], found["files_read"]) == (40, 16)
    assert found["distinct"]["city"] == 16
    assert found["leaks"] == {"leak": 1.0, "city": 1.0}
    assert found["features"][0]["hash_size"] == 40  # the last file's city, and the ids before it


def test_inference_reads_rows_from_all_over_a_row_group(
    lite: Managed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorted by the label; where the group is too large to be decoded, its first rows stand for it."""
    path, at = tmp_path / "x.parquet", np.arange(100_000)
    columns = {"city": at // 1000, "label": at // 50_000, "leak": pa.array(at // 50_000, pa.float32())}
    pq.write_table(pa.table(columns), path)
    found = lite.http.post(f"{FEATURES}/infer", json={"dataset": str(path)}).json()
    assert 70 <= found["distinct"]["city"] <= 80  # eight runs of 8,192 rows hold eight or nine whole cities each
    assert found["leaks"] == {"leak": 1.0, "city": 1.0}
    monkeypatch.setattr("service.features.sample.DECODED_VALUES", 3 * 10_000)
    found = lite.http.post(f"{FEATURES}/infer", json={"dataset": str(path)}).json()
    assert found["distinct"]["city"] == 10
    assert found["leaks"] == {}


def test_inference_lists_columns_that_files_have_differently(lite: Managed, tmp_path: Path) -> None:
    first = {"same": [1, 2], "kind": [1, 2], "gone": [1, 2], "late": [None, None]}
    second = {"same": pa.array([1, 2], pa.int32()), "kind": ["1", "2"], "late": ["a", "b"]}
    for name, columns in {"a": first, "b": second}.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    found = lite.http.post(f"{FEATURES}/infer", json={"dataset": str(tmp_path)}).json()
    assert [(each["column"], each["hash_size"]) for each in found["features"]] == [("same", 3), ("late", 16)]
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    assert found["unfit"] == {
        "kind": f"is int64 in {a} and string in {b}; the same value means another thing in each: write the column in "
        "one type",
        "gone": f"is missing from {b}; write it there too",
    }
    assert found["distinct"] == {"same": 2, "late": 4}


def test_inference_reads_no_table_whose_log_knows_its_files(lite: Managed, data: Path) -> None:
    (data / "_delta_log").mkdir()
    answer = lite.http.post(f"{FEATURES}/infer", json={"dataset": str(data)})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:winnow:dataset-unreadable")
    assert "belongs to a table of Delta" in answer.json()["detail"]


def test_inference_names_what_predicts_the_label_alone(lite: Managed, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    label = random.integers(0, 2, 1000)
    columns = {"label": label, "clicked late": 3.0 - label, "noise": random.normal(size=1000), "bad": [None] * 1000}
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(columns), path)
    found = lite.http.post(f"{FEATURES}/infer", json={"dataset": str(path)}).json()
    assert found["leaks"] == {"clicked_late": 1.0}
    assert {"clicked_late", "noise"} <= {feature["name"] for feature in found["features"]}
    pq.write_table(pa.table({**columns, "label": ["x"] * 1000}), path)
    assert lite.http.post(f"{FEATURES}/infer", json={"dataset": str(path)}).json()["leaks"] == {}


def test_columns_of_one_name_are_unfit(lite: Managed, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table([[1], [2], [3], [4]], names=["a", "a", "b c", "b_c"]), path)
    found = lite.http.post(f"{FEATURES}/infer", json={"dataset": str(path)}).json()
    assert [feature["column"] for feature in found["features"]] == ["b c"]
    assert set(found["unfit"]) == {"a", "b_c"}


def test_data_that_cannot_be_read_is_a_problem(tmp_path: Path, data: Path) -> None:
    made = Managed(tmp_path / "home", data_roots=(str(data),))
    made.model(spec={})
    (data / "empty").mkdir()
    (data / "bad.parquet").write_bytes(b"PAR1 nonsense")
    (data / "locked.parquet").mkdir()
    url = f"{FEATURES}/infer"
    for dataset, kind in (
        (str(tmp_path), "outside-roots"),
        (f"{data}/../data", "outside-roots"),
        ("data", "relative-path"),
        (f"{data}/none", "dataset-unreadable"),
        (f"{data}/empty", "dataset-unreadable"),
        (f"{data}/bad.parquet", "dataset-unreadable"),
        (f"{data}/locked.parquet", "dataset-unreadable"),
    ):
        answer = made.http.post(url, json={"dataset": dataset})
        assert (answer.status_code, answer.json()["type"]) == (422, f"urn:winnow:{kind}"), dataset
    assert made.http.post(url, json={}).json()["type"] == "urn:winnow:dataset-missing"
    assert made.http.post(url, json={"dataset": f"file://{data}/part-0.parquet"}).status_code == 200
    made.close()
