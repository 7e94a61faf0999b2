"""Whether rows of the splits differ, and where they do, whether rows from more places of the splits do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainers.data.checks.drift import Drift, compare, ids_of, unknown_ids
from trainers.data.checks.split_sample import SAMPLE_ROWS, Ids, SplitSample
from trainers.data.checks.value_check import locating
from trainers.data.decode import Decoder
from trainers.data.source import Source
from trainers.data.splits import SplitName
from trainers.data.spread import MANY_GROUPS, spread_ranges
from trainers.data.statistics import blocks
from trainers.spec import JobSpec

# Training rows whose ids are read to find the one that a split has: of larger splits none is told.
MOST_ROWS = 2**22


def drift_warnings(
    spec: JobSpec, decoder: Decoder, sources: Mapping[SplitName, Source], samples: Mapping[SplitName, SplitSample]
) -> list[str]:
    """A line for each kind of difference between the training rows and those of another split.

    Neighbouring rows are often alike: features that differ are read again from more places of both splits, unless all
    rows are at hand, and ids are looked for in all training rows.

    Args:
        spec: whose features are compared.
        decoder: of the spec.
        sources: the splits.
        samples: of their rows.
    """
    warnings: list[str] = []
    others: tuple[SplitName, ...] = ("validation", "test")
    for split in others:
        found = compare(decoder, samples["train"], samples[split])
        if found.names:
            warnings += _confirm(spec, decoder, found, sources, samples, split).describe(split)
    return warnings


def _confirm(
    spec: JobSpec,
    decoder: Decoder,
    found: Drift,
    sources: Mapping[SplitName, Source],
    samples: Mapping[SplitName, SplitSample],
    split: SplitName,
) -> Drift:
    both: tuple[SplitName, ...] = ("train", split)
    other, unknown = samples[split], set(found.unknown)
    if any(samples[each].total < sources[each].rows for each in both):
        suspects = tuple(feature for feature in spec.features if feature.name in found.names)
        decoder = Decoder(spec.model_copy(update={"features": suspects}))
        train, other = (_sample_again(decoder, sources[each]) for each in both)
        found = compare(decoder, train, other)
        unknown &= found.unknown.keys()
    return found.with_unknown(_unknown_anywhere(spec, sources["train"], other, decoder, unknown))


def _sample_again(decoder: Decoder, source: Source) -> SplitSample:
    ranges = list(spread_ranges(source, 2 * SAMPLE_ROWS, MANY_GROUPS))
    table = source.read_ranges(decoder.columns, ranges)
    with locating(decoder.dataset, decoder.features, source, ranges):
        return SplitSample.of(decoder, [table], decoder.decode(table))


def _unknown_anywhere(spec: JobSpec, train: Source, other: SplitSample, of: Decoder, names: set[str]) -> dict[str, str]:
    """What to say of the ids of `names` that no training row has."""
    if not names or train.rows > MOST_ROWS:
        return {}
    features = tuple(feature for feature in spec.features if feature.name in names)
    decoder = Decoder(spec.model_copy(update={"features": features}))
    known: dict[str, list[Ids]] = {name: [] for name in names}
    for start, stop in blocks(train.rows, train.rows):
        with locating(spec.dataset, features, train, [(start, stop)]):
            rows = decoder.decode(train.read(decoder.columns, start, stop))
        for name, ids_V in ids_of(decoder, rows):
            known[name].append(ids_V)
    found: dict[str, str] = {}
    for name, ids_V in ids_of(of, other.rows):
        if name in names:
            words = unknown_ids(*np.unique(np.concatenate(known[name]), return_counts=True), ids_V)
            found |= {} if words is None else {name: words}
    return found
