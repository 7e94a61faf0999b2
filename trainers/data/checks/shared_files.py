"""The same rows in two splits, or twice in one: one file by two paths, or a copy of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from itertools import combinations

from trainers.data.files import ParquetFiles, ParquetPart
from trainers.data.source import Source
from trainers.data.splits import SplitName

# Bytes of two files with one footer that are compared: their first ones are rows.
COMPARED_BYTES = 2**20

Part = tuple[ParquetFiles, ParquetPart]


def shared_file_warnings(sources: Mapping[SplitName, Source]) -> list[str]:
    """A line for each two splits that have the same rows, and for each split that has the rows of a file twice; splits
    cut out of one source have none in common."""
    content = _contents(sources)
    cut = sources["train"].splits is not None
    warnings = [_repeated(split, source, content) for split, source in sources.items() if split == "train" or not cut]
    if not cut:
        warnings += [_in_both(one, other, sources, content) for one, other in combinations(sources, 2)]
    return [line for line in warnings if line is not None]


def _in_both(
    one: SplitName, other: SplitName, sources: Mapping[SplitName, Source], content: Mapping[str, str]
) -> str | None:
    own = {part.file.identity for part in sources[one].files.parts}
    paths = {content[part.file.identity]: part.path for part in sources[one].files.parts}
    common = [part.file for part in sources[other].files.parts if content[part.file.identity] in paths]
    if not common:
        return None
    # One file is plainer than a copy.
    first = next((file for file in common if file.identity in own), common[0])
    more = f" and {len(common) - 1} more" if len(common) > 1 else ""
    what = f"both read {first.path}{more}"
    if first.identity not in own:
        what = f"have the same rows, in {paths[content[first.identity]]} and its copy {first.path}{more}"
    why = "trained on rows that it is" if one == "train" else "chosen on rows that the guard's models are"
    return (
        f"dataset.{one} and dataset.{other} {what}: the model would be {why} measured by; give each split rows of its "
        "own"
    )


def _repeated(split: SplitName, source: Source, content: Mapping[str, str]) -> str | None:
    """What to say of copies within a split; a file that several links lead to is listed once."""
    paths: dict[str, list[str]] = defaultdict(list)
    for part in source.files.parts:
        paths[content[part.file.identity]].append(part.path)
    repeated = [group for group in paths.values() if len(group) > 1]
    if not repeated:
        return None
    count = sum(len(group) - 1 for group in repeated)
    more = f", and {count - 1} more of this kind" if count > 1 else ""
    return (
        f"dataset.{split}: {repeated[0][1]} is a copy of {repeated[0][0]}{more}: their rows count twice; take one of "
        "the two out"
    )


def _contents(sources: Mapping[SplitName, Source]) -> dict[str, str]:
    """By the identity of each file, that of the first one with the same rows: its own, where there is none before."""
    alike: dict[tuple[int | None, int, int], list[Part]] = defaultdict(list)
    found: dict[str, str] = {}
    for source in sources.values():
        for part in source.files.parts:
            if part.file.identity in found:
                continue
            among = alike[part.file.size, part.metadata.num_rows, part.metadata.serialized_size]
            own = (source.files, part)
            same = next((before for before in among if _is_copy(before, own)), own)
            found[part.file.identity] = same[1].file.identity
            if same is own:
                among.append(own)
    return found


def _is_copy(one: Part, other: Part) -> bool:
    """Whether two files of one size have one footer, statistics of their columns included, and one beginning."""
    if not one[1].metadata.equals(other[1].metadata):
        return False
    with suppress(OSError):  # What can't be read is told where rows are read.
        return _beginning(*one) == _beginning(*other)
    return False


def _beginning(files: ParquetFiles, part: ParquetPart) -> bytes:
    with files.filesystem.open_input_file(part.path) as stream:
        found: bytes = stream.read(COMPARED_BYTES)
    return found
