"""Gates over a few features of unequal dims, for tests of their mathematics."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.models.batch import Batch
from trainers.selectors.base import GateSpec
from trainers.selectors.gates.base import Gate, GateContext
from trainers.selectors.registry import SELECTORS
from trainers.spec.features import CategoricalFeature, DenseFeature, MultiCategoricalFeature

# A number, an id, a vector and a list: 1 + 2 + 3 + 2 columns.
FEATURES = (
    DenseFeature(name="number", kind="dense", cost=4.0),
    CategoricalFeature(name="id", kind="categorical", dim=2, hash_size=4, ids="checked"),
    DenseFeature(name="vector", kind="dense", dim=3),
    MultiCategoricalFeature(name="list", kind="multi_categorical", dim=2, hash_size=3, ids="checked"),
)
LAYOUT = FeatureLayout(tuple(each.name for each in FEATURES), tuple(each.dim for each in FEATURES))
# Of 4 rows; the last row's list is empty.
IDS = [[0], [1], [4], [0]]
LISTS = [[0, 1], [2], [1, 1, 2], []]


def build(name: str, *, essential: Collection[str] = (), **options: Any) -> Gate:
    """The gate of the selector over FEATURES, its weights the same each time."""
    spec = SELECTORS[name].model_validate({"name": name, **options})
    assert isinstance(spec, GateSpec)
    torch.manual_seed(0)
    return spec.build_for(FEATURES, LAYOUT, Baseline(LAYOUT), essential)


def context() -> GateContext:
    """The batch of IDS and LISTS."""
    values = [each for row in IDS + LISTS for each in row]
    lengths = [len(row) for row in IDS + LISTS]
    sparse = KeyedJaggedTensor(["id", "list"], torch.tensor(values), lengths=torch.tensor(lengths))
    zeros_B = torch.zeros(len(IDS))
    return GateContext(Batch(torch.zeros(len(IDS), 4), sparse, zeros_B, zeros_B.long(), zeros_B + 1))
