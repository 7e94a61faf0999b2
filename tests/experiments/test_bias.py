"""The experiment on rare and wide features, on a small draw of its data."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.experiments import bias

pytestmark = pytest.mark.filterwarnings("ignore")


def test_features_that_tell_move_the_label_and_every_level_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bias, "DEFAULT_SHARES", (0.5, 0.9))
    monkeypatch.setattr(bias, "DIMS", (1, 3))
    spec = bias.make(tmp_path, seed=3, rows=4000, each=1)
    rows = pq.read_table(tmp_path / "train")
    label_N = rows["label"].to_numpy()
    for level, share in (("zero-0.5", 0.5), ("zero-0.9", 0.9)):
        tells_N, junk_N = (rows[f"{level}_{kind}_0"].to_numpy() for kind in ("tells", "junk"))
        assert (tells_N == 0).mean() == pytest.approx(share, abs=0.05)
        assert np.corrcoef(tells_N, label_N)[0, 1] > 0.1 > abs(np.corrcoef(junk_N, label_N)[0, 1])
    spec = spec.model_copy(update={"training": spec.training.model_copy(update={"max_steps": 20})})
    found = bias.survival(spec, {"name": "leap"})
    assert found.keys() == {f"{level}_{kind}" for level in bias.levels() for kind in ("tells", "junk")}
    every = dict.fromkeys(found, 1.0)
    assert bias.table({"one": [every, {**every, "3D_junk": 0.0}]}).splitlines() == [
        "| penalty | zero-0.5 | zero-0.9 | 1D | 3D |",
        "|---|---|---|---|---|",
        "| one | 100% / 100% | 100% / 100% | 100% / 100% | 100% / 50% |",
    ]
