"""Samples of rows: a seeded one of training rows for a tabular selector, of all splits to find copies by.

Shapes: N rows, M list features, V ids in lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from trainers.data.checks.split_sample import SplitSample
from trainers.data.checks.value_check import locating
from trainers.data.copies import FIRST_ROWS, CopyFinder
from trainers.data.decode import Decoder
from trainers.data.rows import Rows
from trainers.data.source import Source, open_split
from trainers.data.splits import SplitName
from trainers.data.spread import MANY_GROUPS, spread_ranges
from trainers.selectors.combined.consensus.disagreement import Facts, find_closest
from trainers.selectors.tabular.correlation import closest
from trainers.selectors.tabular.matrix import build_matrix
from trainers.selectors.tabular.sample import Column, Ids, Lists, Numbers, Sample
from trainers.spec import JobSpec

# Rows read side by side: few enough to spread over the files, enough to make reading a row group worth it.
BLOCK = 1024
# Of a split, that features must be the same in to be copies.
COMPARED_ROWS = 2**16


def draw_sample(spec: JobSpec, rows: int) -> Sample:
    """At most `rows` training rows, in file order: blocks of neighbours, spread over the files by the training's seed.

    Raises:
        SpecError: data that doesn't fit the spec.
    """
    return _draw(spec, rows)[0]


def draw_facts(spec: JobSpec, rows: int) -> Facts:
    """What features are like, by at most `rows` training rows. Raises SpecError as `draw_sample` does."""
    sample, at_default = _draw(spec, rows)
    matrix = build_matrix(sample)
    return Facts(dims=spec.dims, at_default=at_default(), closest=find_closest(list(matrix.columns), closest(matrix)))


def _draw(spec: JobSpec, rows: int) -> tuple[Sample, Callable[[], dict[str, float]]]:
    """A sample, and how to find what share of its rows each feature is at its default in."""
    source, decoder = open_split(spec.dataset, "train"), Decoder(spec)
    source.require(decoder.columns)
    blocks = choose_blocks(source, rows, spec.training.seed)
    tables = [source.read(decoder.columns, start, stop) for start, stop in blocks]
    with locating(spec.dataset, spec.features, source, blocks):
        found = Rows.concat([decoder.decode(table) for table in tables])
    drawn = {"sample_rows": float(len(found)), "training_rows": float(source.rows), "sample_blocks": float(len(blocks))}
    sample = Sample(
        columns=_columns(spec, decoder, tables, found),
        label_N=found.label_N,
        weight_N=found.weight_N,
        seed=spec.training.seed,
        drawn={**drawn, "sample_seed": float(spec.training.seed)},
    )
    return sample, lambda: SplitSample.of(decoder, tables, found).at_default


def choose_blocks(source: Source, rows: int, seed: int) -> list[tuple[int, int]]:
    """Ranges of rows [start, stop), in order, of at most `rows` together; one range where all fit."""
    if rows >= source.rows:
        return [(0, source.rows)]
    size = min(BLOCK, rows)
    random = np.random.default_rng(seed % 2**64)
    chosen = np.sort(random.choice(source.rows // size, rows // size, replace=False))
    return [(int(block) * size, (int(block) + 1) * size) for block in chosen]


def find_copies(spec: JobSpec, sources: Mapping[SplitName, Source]) -> list[tuple[str, ...]]:
    """Groups of features that are the same in up to COMPARED_ROWS rows from all over each split.

    Few columns are read beyond the first rows: most features differ there.
    """
    finder = CopyFinder(spec)
    if not finder.columns:
        return []
    train = sources["train"]
    finder.add(train.read(finder.columns, 0, min(FIRST_ROWS, train.rows)))
    for source in sources.values():
        for start, stop in spread_ranges(source, COMPARED_ROWS, MANY_GROUPS):
            if not finder.columns:
                return []
            finder.add(source.read(finder.columns, start, stop))
    return finder.copies()


def _columns(spec: JobSpec, decoder: Decoder, tables: Sequence[pa.Table], rows: Rows) -> dict[str, Column]:
    """By feature, in the order of the spec."""
    found: dict[str, Column] = {}
    pieces = [[numbers_Nd for _, numbers_Nd in decoder.raw_dense(table)] for table in tables]
    for dense, parts in zip(decoder.dense, zip(*pieces, strict=True), strict=True):
        found[dense.name] = Numbers(np.concatenate(parts))
    for single, ids_N in zip(decoder.single, rows.ids_SN, strict=True):
        found[single.name] = Ids(ids_N)
    list_NM = np.broadcast_to(np.arange(len(decoder.several)), rows.lengths_NM.shape)
    owner_V = np.repeat(list_NM.reshape(-1), rows.lengths_NM.reshape(-1))
    for place, several in enumerate(decoder.several):
        found[several.name] = Lists(rows.values_V[owner_V == place], rows.lengths_NM[:, place])
    return {feature.name: found[feature.name] for feature in spec.features}
