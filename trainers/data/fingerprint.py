"""What tells whether a run goes on with the data that it began with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from trainers.data.columns import single_array
from trainers.data.files import ParquetPart
from trainers.data.source import Source, open_splits
from trainers.data.splits import SplitName
from trainers.data.statistics import blocks
from trainers.data.targets import decode_label, decode_weight
from trainers.spec import DatasetSpec, JobSpec

# Rows of a split whose labels are read, in evenly spaced blocks.
SAMPLED_ROWS = 2**16
# Row groups whose features are read, and rows of each.
SAMPLED_GROUPS, GROUP_ROWS = 4, 2**8
# Files of a split that are known one by one, hexadecimal digits of each, and files that a message names.
MOST_FILES, FILE_DIGITS, NAMED_FILES = 10_000, 16, 5

Fingerprint = dict[str, dict[str, Any]]


def fingerprint(sources: Mapping[SplitName, Source], dataset: DatasetSpec, columns: Sequence[str] = ()) -> Fingerprint:
    """Of each split: its rows, the digests of its files and of their footers, together and one by one, and those of a
    sample of its labels and weights, and of its features.

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
            **_each(source),
            "labels": _labels(source, dataset),
            "features": _features(source, columns),
        }
        for split, source in sources.items()
    }


def read_fingerprint(spec: JobSpec) -> Fingerprint:
    """Of the data that a spec names, as they are now. Raises SpecError."""
    columns = list(dict.fromkeys(feature.source for feature in spec.features))
    return fingerprint(open_splits(spec.dataset, columns), spec.dataset, columns)


def _each(source: Source) -> dict[str, dict[str, str]]:
    """By file, from its path below the split's directory, a digest of its size and footer; nothing of very many."""
    parts, uri = source.files.parts, source.files.uri
    if len(parts) > MOST_FILES:
        return {}
    top = uri.partition("://")[2] if "://" in uri else str(Path(uri).absolute())
    names = [part.path.removeprefix(top).strip("/") or PurePosixPath(part.path).name for part in parts]
    footers = [str(part.file.size).encode() + _footer(part) for part in parts]
    digests = [hashlib.sha256(footer).hexdigest()[:FILE_DIGITS] for footer in footers]
    return {"each": dict(zip(names, digests, strict=True))}


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
        digest.update(_footer(part))
    return digest.hexdigest()


def _footer(part: ParquetPart) -> bytes:
    footer = pa.BufferOutputStream()
    part.metadata.write_metadata_file(footer)
    return footer.getvalue().to_pybytes()


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
    """What differs, and the remedy; None where nothing does."""
    changes = find_changes(before, now)
    if not changes:
        return None
    return (
        f"the run began on other data: {'; '.join(changes)}. Put the data of the start back to go on, "
        "or begin a new run in another directory"
    )


def find_changes(before: Fingerprint, now: Fingerprint) -> list[str]:
    """What differs, one entry a split, with the files. What only one of the two knows isn't compared."""
    changes = []
    for split, new in now.items():
        old = before.get(split, new)
        if change := _change(old, new):
            files = _changed_files(old.get("each", {}), new.get("each", {}))
            changes.append(f"dataset.{split}{change}{f' ({files})' if files else ''}")
    return changes


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    if old.get("rows") != new["rows"]:
        return f" had {old.get('rows')} rows and has {new['rows']} now"
    if _differs("files", old, new):
        return ": its files were written anew"
    if _differs("labels", old, new):
        return ": its labels or weights are others"
    if _differs("features", old, new):
        return ": its features' values are others"
    return ": its files were written anew, with other statistics" if _differs("footers", old, new) else None


def _changed_files(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """The files that differ, the first few by name; nothing where either side doesn't know its files."""
    if not old or not new:
        return ""
    kinds = {
        "changed": [name for name in new if name in old and old[name] != new[name]],
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
    }
    return "; ".join(f"{kind}: {_list(names)}" for kind, names in kinds.items() if names)


def _list(names: Sequence[str]) -> str:
    more = len(names) - NAMED_FILES
    return ", ".join(names[:NAMED_FILES]) + (f" and {more} more" if more > 0 else "")


def _differs(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether both know it, and not the same."""
    return key in old and key in new and old[key] != new[key]
