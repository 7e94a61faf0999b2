"""The documents of a run: both versions are read, the old names are written beside the new, errors name the file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import BaseModel, ValidationError

from tests.support.finished_run import finished_run
from trainers.runs import measures_reader
from trainers.runs.coordinator import Snapshot
from trainers.runs.directory import RunDirectory, RunFileError, read_json, write_json
from trainers.runs.history import GateHistory
from trainers.runs.progress import Progress, RunState, Stage
from trainers.runs.prune_list import LEAP, ListedFeature, PruneList
from trainers.runs.results import Results

QUALITY = {"auc": 0.7, "gauc": None, "logloss": 0.5, "ne": 0.9, "rows": 10, "base_rate": 0.5}
TOTALS = {"features": 1, "dims": 4, "embedding_bytes": 1600, "bytes_per_example": 8.0}
GUARD = {"metric": "auc", "max_drop": 0.001, "drop": 0.0, "error": None, "passed": True, "reason": "as good"}
PARTED = {"low": 0.5, "middle": 0.25, "high": 0.25, "polarized": True, "converged": False}
SEARCHING = {"state": "running", "stage": "searching", "step": 5, "total_steps": 10, "attempt": 0}


def version_1(**changes: Any) -> dict[str, Any]:
    """A list as version 0.1 wrote it."""
    feature = {"name": "user_id", "kind": "categorical", "dim": 4, "score": 0.9, "divergence": 1.5, "endurance": 0.8}
    return {
        "schema_version": 1,
        "id": "0" * 64,
        "name": "first",
        "features": [{**feature, "decision": "keep", "why": "threshold"}],
        "before": TOTALS,
        "after": TOTALS,
        "metrics": {"full": QUALITY, "pruned": QUALITY, "finetuned": QUALITY},
        "guard": GUARD,
        "polarization": {**PARTED, "warning": "still moving"},
        "fingerprints": {"spec": "1" * 64},
        **changes,
    }


def test_a_list_of_version_1_becomes_one_of_today_with_the_id_it_had() -> None:
    found = PruneList.parse(version_1())
    assert (found.schema_version, found.id, found.selector) == (3, "0" * 64, LEAP)
    assert found.features[0].details == {"divergence": 1.5, "mean_gate": 0.8}
    assert (found.diagnostics, found.warning) == (PARTED, "still moving")
    assert (found.interactions, found.kept) == ((), ("user_id",))


def test_a_list_within_another_document_is_read_in_both_versions_and_from_a_newer_service() -> None:
    class Answer(BaseModel):
        content: PruneList

    found = Answer.model_validate({"content": {**version_1(), "new": 1}}, extra="ignore").content
    assert found == PruneList.parse(version_1())
    with pytest.raises(ValidationError, match="schema_version"):
        Answer.model_validate({"content": version_1(schema_version=4)})


def test_documents_are_read_by_key_for_one_more_version() -> None:
    progress = Progress.parse({**SEARCHING, "undecided": 0.25})
    with pytest.warns(DeprecationWarning, match="read the attribute `step`"):
        assert progress["step"] == 5
    with pytest.warns(DeprecationWarning, match="read the attribute `(loss|crossing_share)`"):
        assert (progress.get("loss", "none"), progress.get("crossing_share")) == ("none", 0.25)
    with pytest.warns(DeprecationWarning, match="compare the attribute"):
        assert ("stage" in progress, "loss" in progress) == (True, False)
    with pytest.warns(DeprecationWarning, match="read the attribute `features`"):
        assert PruneList.parse(version_1())["features"][0]["endurance"] == 0.8


def version_2(**changes: Any) -> dict[str, Any]:
    """A list as the version before this one wrote it."""
    document = PruneList.parse(version_1()).document()
    del document["metrics"]["differences"]
    return {**document, "schema_version": 2, "guard": GUARD, **changes}


@pytest.mark.parametrize(("passed", "verdict"), [(True, "passed"), (False, "failed")])
@pytest.mark.parametrize("version", [version_1, version_2])
def test_a_guard_of_an_older_version_has_a_verdict(version: Any, passed: bool, verdict: str) -> None:
    found = PruneList.parse(version(guard={**GUARD, "passed": passed}))
    assert (found.schema_version, found.id) == (3, "0" * 64)
    assert (found.guard.verdict, found.guard.interval, found.metrics.difference("auc")) == (verdict, None, None)
    assert found.document()["guard"]["passed"] is passed, "the old name answers as well"


def test_an_inconclusive_verdict_is_not_passed_by_its_old_name() -> None:
    today = PruneList.parse(version_2()).document()
    document = {**today, "guard": {**today["guard"], "verdict": "inconclusive"}}
    assert PruneList.parse(document).document()["guard"]["passed"] is False


def test_a_list_of_today_has_all_that_version_1_had_and_reads_itself() -> None:
    document = PruneList.parse(version_1()).document()
    before = version_1()
    for key in before.keys() - {"schema_version", "features", "metrics", "guard"}:
        assert document[key] == before[key]
    assert before["guard"].items() <= document["guard"].items()
    assert before["metrics"].items() <= document["metrics"].items()
    assert before["features"][0].items() <= document["features"][0].items()
    assert PruneList.parse(document).document() == document


def test_a_selector_without_such_details_has_none_of_the_old_names() -> None:
    plain = {"name": "a", "kind": "dense", "dim": 1, "score": 0.5, "decision": "keep", "why": "best"}
    feature = ListedFeature.parse({**plain, "details": {"mutual_information": 0.1}})
    assert feature.document().keys() & {"divergence", "endurance"} == set()
    document = {**PruneList.parse(version_1()).document(), "diagnostics": {"passes": 1, "exact": True, "by": "rows"}}
    found = PruneList.parse(document)
    assert "polarization" not in found.document()
    assert [type(value) for value in found.diagnostics.values()] == [float, bool, str]


def test_the_id_is_of_all_the_content() -> None:
    found = PruneList.parse(version_1())
    assert found.with_id().id == found.with_id().with_id().id
    assert found.with_id().id != found.model_copy(update={"name": "second"}).with_id().id


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (version_1(schema_version=4), "schema_version: 4 is not known here, 1 to 3 are; take a newer Winnow"),
        ([], "valid dictionary"),
        (version_1(guard={}), r"guard\.metric"),
        (version_1(more=1), "more"),
    ],
    ids=["newer", "no-object", "part-missing", "unknown-key"],
)
def test_what_is_no_prune_list_is_refused(document: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PruneList.parse(document)


def test_the_share_of_crossing_gates_has_both_its_names() -> None:
    for name in ("undecided", "crossing_share"):
        found = Progress.parse({**SEARCHING, name: 0.25})
        assert found.crossing_share == 0.25
        assert found.document() == {**SEARCHING, "crossing_share": 0.25, "undecided": 0.25}
    assert Progress.parse(SEARCHING).document() == SEARCHING


def test_reading_the_old_names_warns_nobody_who_does_not_use_them() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Progress.parse({**SEARCHING, "undecided": 0.25})
        assert found == Progress.parse(found.document())
        assert "crossing_share=0.25" in repr(found)
    with pytest.warns(DeprecationWarning, match="crossing_share"):
        _ = found.undecided


def test_stages_and_states_are_texts_in_json() -> None:
    found = Progress(state=RunState.FAILED, stage=Stage.RANKING, step=0, total_steps=0, attempt=-1)
    assert json.loads(json.dumps(found.document()))["stage"] == f"{Stage.RANKING}" == "ranking"
    assert [stage.value for stage in Stage] == [
        "validating", "starting", "searching", "ranking", "finetuning", "evaluating", "done",
    ]  # fmt: skip


def test_a_run_directory_reads_what_is_there(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    assert (run.read_spec(), run.read_progress(), run.read_results(), run.read_prune_list()) == (None,) * 4
    with pytest.raises(RunFileError, match=r"has no spec\.json, metrics\.json, prune_list\.json, history/measures"):
        run.read_finished()
    finished_run(tmp_path)
    found = run.read_finished()
    assert found.prune_list.document() == read_json(run.prune_list)
    assert found.results == Results.parse(read_json(run.metrics))
    assert found.spec.name == found.prune_list.name


def test_a_file_that_does_not_fit_is_named_with_the_field(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    write_json(run.progress, {**SEARCHING, "stage": "thinking"})
    with pytest.raises(RunFileError, match=r"progress\.json can't be read: stage: choose one of 'validating', .*give"):
        run.read_progress()
    run.metrics.write_text("{", encoding="utf-8")
    with pytest.raises(RunFileError, match=r"metrics\.json can't be read"):
        run.read_results()
    write_json(run.prune_list, version_1(schema_version=4))
    with pytest.raises(RunFileError, match=r"prune_list\.json can't be read: schema_version: 4"):
        run.read_prune_list()
    write_json(run.spec, {"name": "first"})
    with pytest.raises(RunFileError, match=r"spec\.json can't be read: dataset: required"):
        run.read_spec()


def test_measures_of_the_version_before_are_read(tmp_path: Path) -> None:
    history = GateHistory(tmp_path, ("a", "b"))
    gates = ([0.4, 0.9], [0.6, 0.9])
    history.extend(0, 0, [Snapshot(at, 1, np.array(gate_F), 0.5, 0.0, 0.0, 1, 1.0) for at, gate_F in enumerate(gates)])
    history.flush()
    path = tmp_path / "measures.arrow"
    table = pa.ipc.open_file(path).read_all().drop_columns(["crossing_share"])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert measures_reader.read(path).crossing_share == (0.0, 0.5)
