"""Permutation importance and mutual information, against values worked out by hand; and the seeded sample."""

from dataclasses import replace
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from sharding.layout import FeatureLayout
from tests.support.trained_model import trained
from trainers.pipeline.sampling import BLOCK, choose_blocks, draw_sample
from trainers.selectors.sensitivity.permutation import PermutationSpec
from trainers.selectors.tabular.mutual_information import MutualInformationSpec
from trainers.selectors.tabular.sample import Ids, Lists, Numbers, Sample
from trainers.spec import JobSpec


def test_permutation_importance_by_hand() -> None:
    """Half of the rows at +1 with label 1, half at −1 with label 0: a row that takes the other's value loses 4 nats."""
    label_N = torch.tensor([1.0, 0.0] * 8)
    x_NC = torch.stack([2 * label_N - 1, torch.randn(16)], 1)
    model = trained(x_NC, label_N, FeatureLayout.from_dims({"sign": 1, "noise": 1}))
    ranking = PermutationSpec(name="permutation", repeats=2).rank(model)
    swapped = []
    for repeat in range(2):
        order_N = np.random.default_rng([5, 0, repeat]).permutation(16)
        swapped.append(float((label_N[torch.from_numpy(order_N)] != label_N).float().mean()))
    assert ranking.names == ("sign", "noise")
    # log(1 + e^4) − log(1 + e^−4) = 4
    assert ranking.scores["sign"] == pytest.approx(4 * np.mean(swapped))
    assert ranking.details["deviation"]["sign"] == pytest.approx(4 * np.std(swapped))
    assert ranking.scores["noise"] == 0
    assert ranking.diagnostics["logloss"] == pytest.approx(log(1 + np.exp(-4)))
    assert (ranking.diagnostics["rows"], ranking.diagnostics["passes"]) == (16, 1 + 2 * 2)


def test_measured_rows_are_the_same_whatever_the_batches() -> None:
    x_NC, layout = torch.arange(100.0)[:, None], FeatureLayout.from_dims({"a": 1})
    drawn = [trained(x_NC, torch.zeros(100), layout, batch).embed(20).x_NC[:, 0].tolist() for batch in (1, 30, 100)]
    assert drawn[0] == drawn[1] == drawn[2] == sorted(set(drawn[0]))
    assert len(drawn[0]) == 20
    other = replace(trained(x_NC, torch.zeros(100), layout), seed=6).embed(20)
    assert other.x_NC[:, 0].tolist() != drawn[0], "another seed draws others"
    assert len(trained(x_NC, torch.zeros(100), layout).embed(200)) == 100


def test_measured_rows_have_a_weight_and_no_period() -> None:
    """Every other row has no weight; of those that have one, rows of both kinds of any period are drawn."""
    x_NC, layout = torch.arange(400.0)[:, None], FeatureLayout.from_dims({"a": 1})
    weight_N = (torch.arange(400) % 2).float()
    drawn = trained(x_NC, torch.zeros(400), layout, 7, weight_N).embed(100)
    assert len(drawn) == 100
    assert drawn.weight_N.min() == 1
    for period in (2, 4):
        share = float((drawn.x_NC[:, 0] // 2 % period == 0).float().mean())
        assert 0.5 / period < share < 1.5 / period
    assert len(trained(x_NC, torch.zeros(400), layout, 7, weight_N).embed(1000)) == 200


def sample(**columns: Any) -> Sample:
    label_N = np.tile(np.array([0, 1], np.float32), 500)
    return Sample(columns=columns, label_N=label_N, weight_N=np.ones(1000, np.float32), seed=0, drawn={})


def test_mutual_information_by_hand() -> None:
    """A copy of a fair label knows log 2 nats of it, half a copy that half the time says nothing half of that, and an
    id that occurs once no more than chance."""
    label_N = np.tile(np.array([0, 1]), 500)
    half_N = np.where(np.arange(1000) < 500, label_N, 2)
    random = np.random.default_rng(0)
    has_N = random.random(1000) < 0.5
    values = [[int(7 + label), 3] if has else [3] for label, has in zip(label_N, has_N, strict=True)]
    noise_N = random.normal(size=1000).astype(np.float32)
    found = MutualInformationSpec(name="mutual_information").rank(
        sample(
            copy=Ids(label_N),
            half=Ids(half_N),
            row=Ids(np.arange(1000)),
            constant=Ids(np.zeros(1000, np.int64)),
            flag=Numbers(label_N[:, None].astype(np.float32)),
            vector=Numbers(np.stack([noise_N, label_N + 0.1 * noise_N], 1).astype(np.float32)),
            words=Lists(np.concatenate([np.array(each) for each in values]), np.array([len(v) for v in values])),
            flat=Numbers(np.full((1000, 3), 0.25, np.float32)),
        )
    )
    assert found.scores["copy"] == pytest.approx(log(2), abs=2e-3)
    assert found.scores["flag"] == found.scores["copy"]
    assert found.scores["half"] == pytest.approx(log(2) / 2, abs=2e-3)
    assert found.scores["row"] == pytest.approx(0, abs=1e-9)
    assert found.scores["constant"] == found.scores["flat"] == 0
    assert found.scores["vector"] == pytest.approx(log(2), abs=0.02)
    # Id 8 is in a quarter of the rows, always with label 1: H(label) − ¾ H(⅔) = 0.2158
    assert found.scores["words"] == pytest.approx(0.2158, abs=0.03)
    assert not found.probability_like


def data_spec(folder: Path, rows: int, **training: Any) -> JobSpec:
    table = pa.table(
        {
            "label": np.arange(rows) % 2,
            "position": np.arange(rows, dtype=np.float64),
            "pair": [[float(row), -float(row)] for row in range(rows)],
            "id": np.arange(rows) % 7,
            "first": [[row % 3] * (row % 4) for row in range(rows)],
            "second": [[row % 5] for row in range(rows)],
        }
    )
    for part in ("train", "validation", "test"):
        pq.write_table(table, folder / f"{part}.parquet", row_group_size=1500)
    return JobSpec.model_validate(
        {
            "dataset": {part: str(folder / f"{part}.parquet") for part in ("train", "validation", "test")},
            "features": [
                {"name": "second", "kind": "multi_categorical", "dim": 2, "hash_size": 5, "ids": "checked"},
                {"name": "position", "kind": "dense"},
                {"name": "id", "kind": "categorical", "dim": 2, "hash_size": 7, "ids": "checked"},
                {"name": "pair", "kind": "dense", "dim": 2},
                {"name": "first", "kind": "multi_categorical", "dim": 2, "hash_size": 3, "ids": "checked"},
            ],
            "training": training,
        }
    )


def test_a_sample_has_each_features_own_rows(tmp_path: Path) -> None:
    spec = data_spec(tmp_path, 5000, seed=4)
    found = draw_sample(spec, 2 * BLOCK)
    assert list(found.columns) == ["second", "position", "id", "pair", "first"]
    position = found.columns["position"]
    assert isinstance(position, Numbers)
    row_N = position.values_Nd[:, 0].astype(int)
    assert len(found) == 2 * BLOCK == len(set(row_N.tolist()))
    assert (np.diff(row_N) > 0).all()
    assert found.label_N.tolist() == (row_N % 2).tolist()
    ids, pair, first, second = (found.columns[name] for name in ("id", "pair", "first", "second"))
    assert isinstance(ids, Ids)
    assert isinstance(pair, Numbers)
    assert isinstance(first, Lists)
    assert isinstance(second, Lists)
    assert ids.ids_N.tolist() == (row_N % 7).tolist()
    assert pair.values_Nd[:, 1].tolist() == (-row_N).tolist()
    assert first.lengths_N.tolist() == (row_N % 4).tolist()
    assert first.values_V.tolist() == np.repeat(row_N % 3, row_N % 4).tolist()
    assert second.values_V.tolist() == (row_N % 5).tolist()
    assert found.drawn == {"sample_rows": 2048, "training_rows": 5000, "sample_blocks": 2, "sample_seed": 4}
    assert draw_sample(spec, 2 * BLOCK).label_N.tolist() == found.label_N.tolist()
    assert len(draw_sample(spec, 10_000)) == 5000


def test_blocks_are_spread_by_the_seed() -> None:
    source: Any = SimpleNamespace(rows=100 * BLOCK + 5)
    chosen = choose_blocks(source, 10 * BLOCK, seed=1)
    assert chosen == sorted(chosen)
    assert [stop - start for start, stop in chosen] == [BLOCK] * 10
    assert chosen != choose_blocks(source, 10 * BLOCK, seed=2)
    assert chosen[-1][0] - chosen[0][0] > 50 * BLOCK
    assert choose_blocks(source, 10, seed=1)[0][1] - choose_blocks(source, 10, seed=1)[0][0] == 10
