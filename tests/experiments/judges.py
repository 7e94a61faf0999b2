"""How good is a set of features? Two models that have nothing to do with Winnow answer, each trained from scratch.

Shapes: B rows.
"""

from __future__ import annotations

import math
import warnings

import lightgbm
import numpy as np
import torch
from sklearn.metrics import log_loss, roc_auc_score
from torch import nn

from tests.experiments.tables import Table

LEAVES, ROUNDS, PATIENCE = 31, 500, 30
DIM = 8


def boosted(table: Table, seed: int, *, rounds: int = ROUNDS) -> lightgbm.Booster:
    """LightGBM, stopped early by the validation rows' logloss."""
    categorical = [name for name in table.names if name in table.cardinality]
    data = {
        split: lightgbm.Dataset(table.columns[split], table.label[split], categorical_feature=categorical or "auto",
                                params={"verbose": -1})
        for split in ("train", "validation")
    }  # fmt: skip
    options = {
        "objective": "binary", "metric": "binary_logloss", "learning_rate": 0.05, "num_leaves": LEAVES,
        "min_data_in_leaf": 50, "cat_smooth": 20, "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1,
        "seed": seed, "verbose": -1, "num_threads": torch.get_num_threads(),
    }  # fmt: skip
    return lightgbm.train(
        options, data["train"], rounds, valid_sets=[data["validation"]],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )  # fmt: skip


def boosted_auc(table: Table, seed: int) -> float:
    """Test AUC of LightGBM."""
    predicted = boosted(table, seed).predict(table.columns["test"])
    return float(roc_auc_score(table.label["test"], predicted))


class Perceptron(nn.Module):
    """An embedding a categorical column, all in one table, standardized numbers, two hidden layers."""

    first_F: torch.Tensor

    def __init__(self, cardinality: list[int], numbers: int) -> None:
        super().__init__()
        self.register_buffer("first_F", torch.tensor([0, *cardinality], dtype=torch.int64).cumsum(0)[:-1])
        self.table = nn.Embedding(max(1, sum(cardinality)), DIM, sparse=True)
        nn.init.normal_(self.table.weight, std=0.01)
        self.layers = nn.Sequential(
            nn.Linear(DIM * len(cardinality) + numbers, 64), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1),
        )  # fmt: skip

    def forward(self, number_BN: torch.Tensor, code_BF: torch.Tensor) -> torch.Tensor:
        embedded_BC = self.table(code_BF + self.first_F).flatten(1)
        out: torch.Tensor = self.layers(torch.cat([number_BN, embedded_BC], 1))[:, 0]
        return out


def perceptron_auc(table: Table, seed: int, *, epochs: int = 15, batch: int = 1024) -> float:
    """Test AUC of the perceptron at its best on validation."""
    torch.manual_seed(seed)
    rows = {split: _tensors(table, split) for split in table.columns}
    model = Perceptron(list(table.cardinality.values()), rows["train"][0].shape[1])
    optimizers = [
        torch.optim.Adam(model.layers.parameters(), lr=2e-3, weight_decay=1e-5, fused=True),
        torch.optim.SparseAdam(model.table.parameters(), lr=2e-3),
    ]
    number_NN, code_NN, label_N = rows["train"]
    best, since, found = math.inf, 0, 0.5
    for _ in range(epochs):
        model.train()
        for chosen in torch.randperm(len(label_N)).split(batch):
            loss = nn.functional.binary_cross_entropy_with_logits(
                model(number_NN[chosen], code_NN[chosen]), label_N[chosen]
            )
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
        predicted = {split: _predict(model, rows[split]) for split in ("validation", "test")}
        judged = log_loss(table.label["validation"], predicted["validation"])
        since += 1
        if judged < best:
            best, since = judged, 0
            found = float(roc_auc_score(table.label["test"], predicted["test"]))
        if since == 2:
            break
    return found


@torch.no_grad()
def _predict(model: Perceptron, rows: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> np.ndarray:
    model.eval()
    number_NN, code_NF, _ = rows
    parts = [model(*part) for part in zip(number_NN.split(8192), code_NF.split(8192), strict=True)]
    return torch.cat(parts).sigmoid().double().numpy()


def _tensors(table: Table, split: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    numbers = [name for name in table.names if name not in table.cardinality]
    train, frame = table.columns["train"][numbers].astype(np.float64), table.columns[split]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean, deviation = train.mean(), train.std().replace(0.0, 1.0)
    number = ((frame[numbers].astype(np.float64) - mean) / deviation).fillna(0.0).clip(-10, 10).to_numpy(np.float32)
    code = frame[list(table.cardinality)].to_numpy(np.int64)
    return torch.from_numpy(number), torch.from_numpy(code), torch.from_numpy(table.label[split])


def worth(table: Table, seeds: int = 2) -> tuple[float, float]:
    """Test AUC of both models, mean over seeds."""
    return (
        float(np.mean([boosted_auc(table, seed) for seed in range(seeds)])),
        float(np.mean([perceptron_auc(table, seed) for seed in range(seeds)])),
    )
