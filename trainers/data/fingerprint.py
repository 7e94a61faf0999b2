"""What tells whether a run goes on with the data that it began with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from trainers.data.columns import single_array
from trainers.data.source import Source
from trainers.data.splits import SplitName
from trainers.data.statistics import blocks
from trainers.data.targets import decode_label, decode_weight
from trainers.spec import DatasetSpec

# Rows of a split whose labels are read, in evenly spaced blocks.
SAMPLED_ROWS = 2**16
# Row groups whose features are read, and rows of each.
SAMPLED_GROUPS, GROUP_ROWS = 4, 2**8

Fingerprint = dict[str, dict[str, Any]]


def fingerprint(sources: Mapping[SplitName, Source], dataset: DatasetSpec, columns: Sequence[str] = ()) -> Fingerprint:
    """Of each split: its rows, the digests of its files and of their footers, and those of a sample of its labels and
    weights, and of its features.

    Names and sizes tell of files that were added, taken away or written anew with other sizes, footers of columns with
    other least and largest values. Labels and features that were corrected in place can leave both as they were.

    Args:
        sources: by split.
        dataset: says which columns are label and weight.
        columns: of the features, each once.

    Raises:
        SpecError: labels or weights that can't be read.
    """
    return {
        split: {
            "rows": source.rows,
            "files": source.files.fingerprint(),
            "footers": digest_footers(source),
            "labels": _labels(source, dataset),
            "features": _features(source, columns),
        }
        for split, source in sources.items()
    }


def _labels(source: Source, dataset: DatasetSpec) -> str:
    digest = hashlib.sha256()
    columns = [dataset.label, *([dataset.weight] if dataset.weight else [])]
    for start, stop in blocks(source.rows, SAMPLED_ROWS):
        table = source.read(columns, start, stop)
        digest.update(decode_label(dataset.label, single_array(table.column(dataset.label))).tobytes())
        if dataset.weight:
            digest.update(decode_weight(dataset.weight, single_array(table.column(dataset.weight))).tobytes())
    return digest.hexdigest()


def digest_footers(source: Source) -> str:
    """SHA-256 of every file's footer, which has statistics of each column."""
    digest = hashlib.sha256()
    for part in source.files.parts:
        footer = pa.BufferOutputStream()
        part.metadata.write_metadata_file(footer)
        digest.update(footer.getvalue())
    return digest.hexdigest()


def _features(source: Source, columns: Sequence[str]) -> str:
    """Of the first rows of a few row groups: each group is decoded whole."""
    groups = source.group_ranges
    if not columns or not groups:
        return ""
    chosen = sorted({place * (len(groups) - 1) // max(1, SAMPLED_GROUPS - 1) for place in range(SAMPLED_GROUPS)})
    ranges = [(start, min(stop, start + GROUP_ROWS)) for start, stop in (groups[at] for at in chosen)]
    table = source.read_ranges(list(columns), ranges).replace_schema_metadata(None).combine_chunks()
    written = pa.BufferOutputStream()
    with pa.ipc.new_stream(written, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(written.getvalue()).hexdigest()


def describe_changes(before: Fingerprint, now: Fingerprint) -> str | None:
    """What differs, and the remedy; None where nothing does. What only one of the two knows isn't compared."""
    changes = []
    for split, new in now.items():
        old = before.get(split, new)
        if old.get("rows") != new["rows"]:
            changes.append(f"dataset.{split} had {old.get('rows')} rows and has {new['rows']} now")
        elif _differs("files", old, new):
            changes.append(f"dataset.{split}: its files were written anew")
        elif _differs("labels", old, new):
            changes.append(f"dataset.{split}: its labels or weights are others")
        elif _differs("features", old, new):
            changes.append(f"dataset.{split}: its features' values are others")
        elif _differs("footers", old, new):
            changes.append(f"dataset.{split}: its files were written anew, with other statistics")
    if not changes:
        return None
    return (
        f"the run began on other data: {'; '.join(changes)}. Put the data of the start back to go on, "
        "or begin a new run in another directory"
    )


def _differs(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether both know it, and not the same."""
    return key in old and key in new and old[key] != new[key]
