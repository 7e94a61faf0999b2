"""How well proposed features predict the label alone, on rows from all over a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from service.features.sample import batched
from trainers.data.checks.leaks import LEAKY_FEATURE, single_feature_aucs
from trainers.data.decode import Decoder
from trainers.data.source import Source
from trainers.data.spread import read_spread
from trainers.spec import SpecError, parse_spec

SAMPLE_ROWS = 2**13


def find_leaks(source: Source, features: Sequence[dict[str, Any]], label: str) -> dict[str, float]:
    """AUC by name, of the features above LEAKY_FEATURE on the sampled rows; empty where there is no usable label."""
    found: dict[str, float] = {}
    if source.lacking([label]) or not source.rows:
        return found
    by_column = {feature["column"]: feature for feature in features}
    try:
        for some in batched(list(by_column)):
            table = read_spread(source, list(dict.fromkeys([label, *some])), SAMPLE_ROWS)
            found |= _measure(table, [by_column[column] for column in some], label)
    except (SpecError, OSError):
        return found  # The footers could be read; whoever trains on these rows is told what is wrong with them.
    return {name: auc for name, auc in found.items() if auc > LEAKY_FEATURE}


def _measure(table: pa.Table, features: Sequence[dict[str, Any]], label: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for feature in features:
        dataset = {"train": "rows", "splits": {}, "label": label, "non_finite": "replace"}
        try:
            decoder = Decoder(parse_spec({"dataset": dataset, "features": [feature]}))
            found |= single_feature_aucs(decoder, table)
        except SpecError:
            continue  # Of a column whose values don't fit, `winnow check` says more.
    return found
