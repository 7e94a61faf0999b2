"""Few rows of a table, and what is said of them."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.experiments.few_rows import cut, fields
from tests.experiments.search import select
from tests.trainers.selectors.test_conformance import spec_of, write_data
from trainers.data.checks.check import check

pytestmark = pytest.mark.filterwarnings("ignore")


def test_rows_are_of_both_splits_and_few_of_them_are_told(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    write_data(tmp_path / "whole")
    spec = spec_of("leap", tmp_path / "whole")
    spec = spec.model_copy(update={"training": spec.training.model_copy(update={"max_steps": 20})})
    small = cut(spec, 300, tmp_path, seed=3)
    assert [pq.read_metadata(tmp_path / f"{split}.parquet").num_rows for split in ("train", "validation")] == [240, 60]
    assert small.dataset.test == spec.dataset.test
    told = check(small).warnings
    assert "`dataset.validation`" in fields(told)
    found = select(small)
    assert found.metrics.full.rows == 400
    assert {feature.name for feature in found.features} == set(spec.dims)


def test_warnings_are_counted_by_field() -> None:
    assert fields(["feature 'a': one", "feature 'b': two", "dataset.test: few"]) == "`feature` (2), `dataset.test`"
    assert fields([]) == "nothing"
