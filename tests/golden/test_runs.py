"""Run directories of version 0.1.0 are still read, reported, retrained from and gone on with, by the `winnow` command.

Their files name places below ROOT, which is another folder here.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.golden.opened import GOLDEN, read
from tests.golden.product import decisions, winnow

pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = "/tmp/winnow-golden"  # noqa: S108 (in the files, not on this machine)
CHECKPOINTS = GOLDEN / "killed-checkpoints.tar.xz"
KEPT = ["hour", "age", "nation", "clip", "genres"]
PRUNED = ["noise", "user_id"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data set and the finished run, as they lay below ROOT."""
    for name in ("data", "run"):
        shutil.copytree(GOLDEN / name, tmp_path / name)
    move_here(tmp_path / "run", tmp_path)
    return tmp_path


@pytest.fixture
def killed(root: Path) -> Path:
    """The directory of the killed run, beside its data."""
    shutil.copytree(GOLDEN / "killed", root / "killed")
    with tarfile.open(CHECKPOINTS) as packed:
        packed.extractall(root / "killed", filter="data")
    move_here(root / "killed", root)
    return root / "killed"


def move_here(run: Path, root: Path) -> None:
    text = (run / "spec.json").read_text(encoding="utf-8")
    (run / "spec.json").write_text(text.replace(ROOT, str(root)), encoding="utf-8")


def answer(*arguments: Any, codes: tuple[int, ...] = (0,)) -> Any:
    """What the command says, as JSON."""
    done = winnow(*arguments, "--json")
    assert done.exit_code in codes, f"{arguments}: {done.exit_code} {done.output}"
    return json.loads(done.stdout)


def names(prune_list: dict[str, Any], decision: str) -> list[str]:
    return [feature["name"] for feature in prune_list["features"] if feature["decision"] == decision]


def test_a_lists_file_is_read_and_its_id_holds() -> None:
    path = GOLDEN / "run" / "prune_list.json"
    content = read(path)
    assert decisions(path) == {feature["name"]: feature["decision"] for feature in content["features"]}
    assert sorted(names(content, "keep")) == sorted(KEPT)
    assert sorted(names(content, "prune")) == PRUNED
    canonical = (GOLDEN / "prune_list.canonical.json").read_bytes()
    assert hashlib.sha256(canonical).hexdigest() == content["id"]
    assert {**json.loads(canonical), "id": content["id"]} == content


def test_a_spec_of_a_run_is_held_against_its_data(root: Path) -> None:
    splits = answer("check", root / "run" / "spec.json")["splits"]
    assert {name: split["rows"] for name, split in splits.items()} == {"train": 480, "validation": 160, "test": 160}


def test_a_finished_run_is_reported_anew(root: Path) -> None:
    answer("report", root / "run")
    page = (root / "run" / "report.html").read_text(encoding="utf-8")
    packed = re.search(r'<script type="application/gzip"[^>]*>([^<]+)</script>', page)
    assert packed is not None, "the report has no data"
    shown = gzip.decompress(base64.b64decode(packed[1])).decode()
    list_id = read(root / "run" / "prune_list.json")["id"]
    assert [word for word in (list_id, *KEPT, *PRUNED) if f'"{word}"' not in shown] == []


def test_resuming_a_finished_run_gives_its_list_and_changes_nothing(root: Path) -> None:
    kept = {path: path.read_bytes() for path in (root / "run").rglob("*") if path.is_file()}
    found = answer("run", "--resume", root / "run", "--quiet")["prune_list"]
    before = read(root / "run" / "prune_list.json")
    assert [names(found, which) for which in ("keep", "prune")] == [names(before, which) for which in ("keep", "prune")]
    assert found["id"] == before["id"]
    assert {path: path.read_bytes() for path in kept} == kept


def test_what_a_run_kept_is_retrained(root: Path) -> None:
    found = answer("retrain", root / "run", "--seeds", "1")
    assert sorted(found["keep"]) == sorted(KEPT)
    assert 0.5 < found["mean"]["auc"] <= 1.0


def test_the_table_of_gates_has_its_columns() -> None:
    table = pq.read_table(GOLDEN / "run" / "gates.parquet")
    assert set(table.column_names) >= {"step", "feature", "gate", "divergence"}
    assert set(table["feature"].to_pylist()) == {*KEPT, *PRUNED}


def test_a_killed_run_goes_on_from_its_checkpoint(killed: Path) -> None:
    run = killed
    with tarfile.open(CHECKPOINTS) as packed:
        note = json.load(packed.extractfile("checkpoints/search/checkpoint_manager_snapshot.json"))  # type: ignore[arg-type]
        newest = note["latest_checkpoint_result"]["checkpoint_dir_name"]
        saved = np.load(io.BytesIO(packed.extractfile(f"checkpoints/search/{newest}/history.npz").read()))  # type: ignore[union-attr]
    total = read(run / "progress.json")["total_steps"]
    assert 0 < saved["at"] < total
    found = answer("run", "--resume", run, "--quiet", codes=(0, 3))
    assert {feature["name"] for feature in found["prune_list"]["features"]} == {*KEPT, *PRUNED}
    assert read(run / "metrics.json")["steps"] == total
    events = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [event["data"]["resume"] for event in events if event["kind"] == "started"] == [False, True]
    with pa.memory_map(str(run / "history" / "measures.arrow")) as source:
        measured = pa.ipc.open_file(source).read_all().to_pydict()
    count = len(saved["step"])
    assert 0 < count < len(measured["step"])
    assert measured["step"][:count] == saved["step"].tolist()
    # Steps taken again would give the same losses, but never the same seconds.
    np.testing.assert_allclose(measured["seconds"][:count], np.cumsum(saved["seconds"]), rtol=1e-5)
    np.testing.assert_allclose(measured["loss"][:count], saved["loss"], rtol=1e-5)
