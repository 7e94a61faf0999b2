"""A prepared data set: a directory of Parquet splits, a `spec.yaml` and what explains them, published whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trainers.spec import SpecError


@contextmanager
def staged_directory(output: Path) -> Iterator[Path]:
    """A temporary sibling of `output` to write into; it takes the name `output` when the block ends well.

    A directory that holds a `spec.yaml` is an earlier data set and is replaced.

    Raises:
        SpecError: `output` exists and is something else.
    """
    output = Path(output).absolute()
    refuse_foreign(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    staging = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        yield staging
        if output.exists():
            shutil.rmtree(output)
        staging.rename(output)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def refuse_foreign(output: Path) -> None:
    """Raises SpecError where writing a data set to `output` would replace anything but a data set."""
    if output.is_dir() and (not any(output.iterdir()) or (output / "spec.yaml").is_file()):
        return
    if output.exists():
        raise SpecError(f"output: {output} exists and is no data set; give a new directory or remove it")


def feature_line(declaration: Mapping[str, object]) -> str:
    """One feature of a spec as a YAML flow mapping on a line of its own."""
    return "- {" + ", ".join(f"{key}: {_scalar(value)}" for key, value in declaration.items()) + "}"


def _scalar(value: object) -> str:
    return value if isinstance(value, str) and value.isidentifier() else json.dumps(value)
