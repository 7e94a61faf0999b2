"""Cells: a search, or a retraining, of one seed. Each is known by its content and kept as a JSON file of its own.

| cell | of | shared by |
|---|---|---|
| search | method × backbone × data set × seed | all ratios |
| retrain | backbone × data set × kept features × seed | all methods and ratios that keep the same features |

A cell's key is a digest of all that its result comes from: the parts of the spec that are read, what the data are like,
the seed, and the versions of the code. Where the data lie doesn't count, nor what a data set is called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError

from trainers.data.fingerprint import Fingerprint
from trainers.pruning.dims import Kept, gather
from trainers.pruning.ranking import RankedFeature, rank_features
from trainers.pruning.rules import decide
from trainers.runs.directory import read_json, write_json
from trainers.runs.results import Quality
from trainers.runs.schema import Schema
from trainers.selectors.base import Ranking
from trainers.spec import JobSpec, PruneSpec
from trainers.spec.order import canonical_order

Kind = Literal["search", "retrain"]
# Raised where the protocol changes, so that no result of another one is taken for this one's.
PROTOCOL = 1
TRAINING = ("winnow", "torch", "torchrec", "fbgemm-gpu-cpu", "fbgemm-gpu", "numpy")
SELECTING = (*TRAINING, "scikit-learn", "lightgbm", "xgboost-cpu", "xgboost", "scipy")
# Of the fingerprint of a split, what is of its content and not of where it lies.
CONTENT = ("rows", "footers", "labels", "features")
PLACES = {"train", "validation", "test"}


class Ranked(Schema):
    """What a search found."""

    names: tuple[str, ...] = Field(description="every feature, best first")
    scores: dict[str, float]
    copies: tuple[tuple[str, ...], ...] = Field(description="groups of features with the same values")
    constant: tuple[str, ...] = Field(description="features of one value")
    diagnostics: dict[str, bool | float | str]
    steps: int = Field(description="of training; 0 of a method that reads rows alone")
    epochs: float = Field(description="passes over the training rows")

    def order(self, job: JobSpec) -> list[RankedFeature]:
        """The features, or dims where the job ranks those, as a run's rules take them."""
        ranking = Ranking(names=self.names, scores=self.scores, probability_like=False)
        return rank_features(job, ranking, self.copies, self.constant)

    def keep(self, job: JobSpec, rule: PruneSpec) -> Kept:
        """What a run's rule keeps."""
        units = self.order(job)
        return gather(job, units, decide(units, rule, []))


class Cell(Schema):
    """One cell that has ended. Either has a result or `reason`, why it failed."""

    kind: Kind
    about: dict[str, Any] = Field(description="what the cell is of, for people who read the file")
    reason: str | None = None
    ranked: Ranked | None = Field(default=None, description="of a search")
    quality: Quality | None = Field(default=None, description="of a retraining, on the test split")
    seconds: float = Field(default=0.0, description="of the search or the retraining itself")
    wall_seconds: float = Field(default=0.0, description="from the cell's start to its end, as the driver waited")
    peak_bytes: int | None = Field(
        default=None,
        description="the most memory that its process had beyond what it had at the start; null where not known",
    )

    @property
    def failed(self) -> bool:
        return self.reason is not None


@dataclass(frozen=True, kw_only=True)
class CellTask:
    """A cell to be computed. `job` has the seed, and of a retraining the kept features alone."""

    kind: Kind
    job: JobSpec
    key: str
    about: Mapping[str, Any]

    @classmethod
    def search(cls, job: JobSpec, data: Fingerprint, about: Mapping[str, Any]) -> Self:
        content = {**_content(job), "selector": job.selector.model_dump(mode="json")}
        return cls(kind="search", job=job, key=_digest("search", content, data), about=about)

    @classmethod
    def retrain(cls, job: JobSpec, data: Fingerprint, about: Mapping[str, Any]) -> Self:
        """`job` has the kept features, and the default selector: the model doesn't know who chose its features."""
        chosen = job.model_copy(update={"essential": ()})
        content = _content(chosen)
        for feature in content["features"]:  # What is read when features are chosen, and not when a model is trained.
            feature.pop("status"), feature.pop("cost", None)
        return cls(kind="retrain", job=chosen, key=_digest("retrain", content, data), about=about)


def _content(job: JobSpec) -> dict[str, Any]:
    dataset = job.dataset.model_dump(mode="json", exclude=PLACES)
    return {
        "dataset": dataset,
        "features": [feature.model_dump(mode="json") for feature in canonical_order(job).features],
        "essential": sorted(job.essential),
        "model": job.model.model_dump(mode="json"),
        "training": job.training.model_dump(mode="json", exclude={"report_every", "checkpoint_every"}),
        "metric": job.prune.guard.metric,
    }


def _digest(kind: Kind, content: Mapping[str, Any], data: Fingerprint) -> str:
    """SHA-256 of all that a cell's result comes from, cut to 32 hexadecimal digits."""
    splits = {split: {key: known[key] for key in CONTENT} for split, known in data.items()}
    packages = SELECTING if kind == "search" else TRAINING
    whole = {"protocol": PROTOCOL, "kind": kind, "data": splits, "versions": _versions(packages), **content}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:32]


@cache
def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@dataclass(frozen=True)
class CellStore:
    """The cells of a benchmark's directory, a file each, written whole under another name and renamed."""

    path: Path

    def get(self, task: CellTask) -> Cell | None:
        """None where it hasn't ended, or its file can't be read: then it is computed anew."""
        try:
            return Cell.parse(read_json(self._file(task)))
        except (OSError, ValueError, ValidationError):
            return None

    def put(self, task: CellTask, cell: Cell) -> None:
        write_json(self._file(task), cell.document())

    def _file(self, task: CellTask) -> Path:
        return self.path / f"{task.kind}-{task.key}.json"
