"""Whether the splits' first rows differ, and where they do, whether rows from all over the splits do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainers.data.decode import Decoder
from trainers.data.drift import Drift, compare, ids_of, unknown_ids
from trainers.data.rows import Rows
from trainers.data.source import Source
from trainers.data.split_sample import SAMPLE_ROWS, Ids, SplitSample
from trainers.data.splits import SplitName
from trainers.data.statistics import blocks
from trainers.spec import JobSpec

# Training rows whose ids are read to find the one that a split has: of larger splits none is told.
MOST_ROWS = 2**22


def drift_warnings(
    spec: JobSpec, decoder: Decoder, sources: Mapping[SplitName, Source], samples: Mapping[SplitName, SplitSample]
) -> list[str]:
    """A line for each kind of difference between the training rows and those of another split.

    Rows of one file may be sorted: features whose first rows differ are read again, from all over both splits, and
    ids are looked for in all training rows.

    Args:
        spec: whose features are compared.
        decoder: of the spec.
        sources: the splits.
        samples: of their first rows.
    """
    warnings: list[str] = []
    others: tuple[SplitName, ...] = ("validation", "test")
    for split in others:
        found = compare(decoder, samples["train"], samples[split])
        if found.names:
            warnings += _confirm(spec, found, sources, samples, split).describe(split)
    return warnings


def _confirm(
    spec: JobSpec,
    found: Drift,
    sources: Mapping[SplitName, Source],
    samples: Mapping[SplitName, SplitSample],
    split: SplitName,
) -> Drift:
    both: tuple[SplitName, ...] = ("train", split)
    suspects = tuple(feature for feature in spec.features if feature.name in found.names)
    decoder = Decoder(spec.model_copy(update={"features": suspects}))
    if any(samples[each].total < sources[each].rows for each in both):
        spread = {each: _spread_sample(decoder, sources[each]) for each in both}
        again = compare(decoder, spread["train"], spread[split])
        unknown = set(found.unknown.keys() & again.unknown.keys())
        found = again
    else:
        spread, unknown = {split: _spread_sample(decoder, sources[split])}, set(found.unknown)
    return found.with_unknown(_unknown_anywhere(spec, sources["train"], spread[split], decoder, unknown))


def _spread_sample(decoder: Decoder, source: Source) -> SplitSample:
    ranges = blocks(source.rows, 2 * SAMPLE_ROWS)
    tables = [source.read(decoder.columns, start, stop) for start, stop in ranges]
    return SplitSample.of(decoder, tables, Rows.concat([decoder.decode(table) for table in tables]))


def _unknown_anywhere(spec: JobSpec, train: Source, other: SplitSample, of: Decoder, names: set[str]) -> dict[str, str]:
    """What to say of the ids of `names` that no training row has."""
    if not names or train.rows > MOST_ROWS:
        return {}
    features = tuple(feature for feature in spec.features if feature.name in names)
    decoder = Decoder(spec.model_copy(update={"features": features}))
    known: dict[str, list[Ids]] = {name: [] for name in names}
    for start, stop in blocks(train.rows, train.rows):
        rows = decoder.decode(train.read(decoder.columns, start, stop))
        for name, ids_V in ids_of(decoder, rows):
            known[name].append(ids_V)
    found: dict[str, str] = {}
    for name, ids_V in ids_of(of, other.rows):
        if name in names:
            words = unknown_ids(*np.unique(np.concatenate(known[name]), return_counts=True), ids_V)
            found |= {} if words is None else {name: words}
    return found
