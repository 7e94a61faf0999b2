"""Rankings that a data scientist gets in a minute: scikit-learn, xgboost and lightgbm at their usual settings.

Shapes: N rows, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
import xgboost
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder

from tests.experiments.judges import boosted
from tests.experiments.tables import Table

# Of the training rows, where a method's time grows with them.
SAMPLE = 20_000
REPEATS = 3


def permutation(table: Table, seed: int) -> list[str]:
    """Rise of LightGBM's validation logloss where a column is permuted."""
    model, frame, label_N = boosted(table, seed), table.columns["validation"], table.label["validation"]
    base, random, rises = log_loss(label_N, model.predict(frame)), np.random.default_rng(seed), {}
    used = set(np.array(table.names)[model.feature_importance() > 0])
    for name in table.names:
        rises[name] = 0.0
        for _ in range(REPEATS if name in used else 0):
            moved = frame.assign(**{name: random.permutation(frame[name].to_numpy())})
            rises[name] += (log_loss(label_N, model.predict(moved)) - base) / REPEATS
    return _best_first(table, [rises[name] for name in table.names])


def xgboost_gain(table: Table, seed: int) -> list[str]:
    """Mean gain of the splits of 200 trees."""
    model = xgboost.XGBClassifier(
        n_estimators=200, learning_rate=0.1, max_depth=6, enable_categorical=True, random_state=seed,
        importance_type="gain", n_jobs=torch.get_num_threads(), max_cat_to_onehot=8,
    )  # fmt: skip
    frame = table.columns["train"].copy()
    for name in table.cardinality:
        frame[name] = pd.Categorical(frame[name])
    model.fit(frame, table.label["train"])
    return _best_first(table, model.feature_importances_)


def l1(table: Table, seed: int) -> list[str]:
    """Largest coefficient of a feature in an L1 logistic regression on standardized numbers and one-hot codes."""
    chosen = _sample(table, seed)
    frame, label_N = table.columns["train"].iloc[chosen], table.label["train"][chosen]
    parts, owner = [], []
    for place, name in enumerate(table.names):
        if name in table.cardinality:
            part = OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist").fit_transform(frame[[name]])
        else:
            value_N = frame[name].to_numpy(np.float64)
            value_N = np.nan_to_num((value_N - np.nanmean(value_N)) / (np.nanstd(value_N) or 1.0))
            part = sparse.csr_matrix(value_N[:, None])
        parts.append(part)
        owner += [place] * part.shape[1]
    model = LogisticRegression(l1_ratio=1.0, C=0.1, solver="saga", max_iter=200, tol=1e-3, random_state=seed)
    coefficient = np.abs(model.fit(sparse.hstack(parts).tocsr(), label_N).coef_[0])
    return _best_first(table, [coefficient[np.array(owner) == place].max() for place in range(len(table.names))])


def mutual_information(table: Table, seed: int) -> list[str]:
    """scikit-learn's estimate, codes as they are and numbers by their neighbours."""
    chosen = _sample(table, seed)
    frame = table.columns["train"].iloc[chosen].astype(np.float64).fillna(0.0)
    discrete = [name in table.cardinality for name in table.names]
    found = mutual_info_classif(
        frame, table.label["train"][chosen], discrete_features=np.array(discrete), random_state=seed
    )
    return _best_first(table, found)


def random_forest(table: Table, seed: int) -> list[str]:
    """Decrease of impurity of 100 trees."""
    frame = table.columns["train"].astype(np.float64).fillna(0.0)
    model = RandomForestClassifier(100, min_samples_leaf=5, random_state=seed, n_jobs=torch.get_num_threads())
    return _best_first(table, model.fit(frame, table.label["train"]).feature_importances_)


def _sample(table: Table, seed: int) -> np.ndarray:
    rows = len(table.label["train"])
    return np.sort(np.random.default_rng(seed).permutation(rows)[:SAMPLE])


def _best_first(table: Table, score_F: Sequence[float] | np.ndarray) -> list[str]:
    return [table.names[place] for place in np.argsort(-np.asarray(score_F), kind="stable")]


BASELINES: dict[str, Callable[[Table, int], list[str]]] = {
    "permutation of LightGBM": permutation,
    "XGBoost gain": xgboost_gain,
    "L1": l1,
    "mutual information": mutual_information,
    "random forest": random_forest,
}
