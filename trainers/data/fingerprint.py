"""What tells whether a run goes on with the data that it began with.

Shapes: N rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from trainers.data.columns import single_array
from trainers.data.source import Source
from trainers.data.splits import SplitName
from trainers.data.statistics import blocks
from trainers.data.targets import decode_label, decode_weight
from trainers.spec import DatasetSpec

# Rows of a split whose labels are read, in evenly spaced blocks.
SAMPLED_ROWS = 2**16

Fingerprint = dict[str, dict[str, Any]]


def fingerprint(sources: Mapping[SplitName, Source], dataset: DatasetSpec) -> Fingerprint:
    """Of each split: its rows, the digest of its files' footers, and that of a sample of its labels and weights.

    Footers tell of files that were added, taken away or written anew with other sizes; labels that were corrected in
    place can leave all sizes as they were.

    Raises:
        SpecError: labels or weights that can't be read.
    """
    return {
        split: {"rows": source.rows, "files": source.files.fingerprint(), "labels": _labels(source, dataset)}
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


def describe_changes(before: Fingerprint, now: Fingerprint) -> str | None:
    """What differs, and the remedy; None where nothing does. What only one of the two knows isn't compared."""
    changes = []
    for split, new in now.items():
        old = before.get(split, new)
        if old.get("rows") != new["rows"]:
            changes.append(f"dataset.{split} had {old.get('rows')} rows and has {new['rows']} now")
        elif old.get("files") != new["files"]:
            changes.append(f"dataset.{split}: its files were written anew")
        elif old.get("labels") != new["labels"]:
            changes.append(f"dataset.{split}: its labels or weights are others")
    if not changes:
        return None
    return (
        f"the run began on other data: {'; '.join(changes)}. Put the data of the start back to go on, "
        "or begin a new run in another directory"
    )
