"""A suite made whole: its data sets read and checked, its grid spelled out. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from trainers.benchmark.cells import CellTask, Ranked
from trainers.benchmark.suite import (
    AnyMethod,
    BenchmarkSpec,
    NoSelection,
    RandomDraw,
    collect,
    label_backbone,
    load_datasets,
)
from trainers.data.checks.check import check
from trainers.data.checks.memory import find_memory_problem
from trainers.data.checks.outputs import require_output_apart
from trainers.data.fingerprint import Fingerprint, read_fingerprint
from trainers.models.backbones.spec import BackboneSpec
from trainers.problems import describe, limit_lines
from trainers.selectors.base import SelectorSpec
from trainers.spec import JobSpec, PruneSpec, ScalingSpec, SpecError, require_consistent
from trainers.spec.budget import share_of

# Shares are shown with so many digits.
DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Combination:
    """A method with a backbone on a data set; one search a seed. `method` and `backbone` are labels."""

    method: str
    backbone: str
    dataset: str
    base: JobSpec
    model: BackboneSpec
    selection: AnyMethod

    def search_job(self, seed: int) -> JobSpec | None:
        """None of a method without a search. Raises SpecError."""
        if not isinstance(self.selection, SelectorSpec):
            return None
        return _job(self.base, self.model, seed, selector=self.selection)

    def retrain_job(self, seed: int) -> JobSpec:
        """With all features. Raises SpecError."""
        return _job(self.base, self.model, seed)

    def ranked(self, seed: int) -> Ranked:
        """The ranking of a method without a search: the spec's own order, or a random one."""
        names = [feature.name for feature in self.base.features]
        if isinstance(self.selection, RandomDraw):
            names = np.random.default_rng(seed % 2**64).permutation(names).tolist()
        scores = {name: float(len(names) - at) for at, name in enumerate(names)}
        return Ranked(
            names=tuple(names), scores=scores, copies=(), constant=(), diagnostics={}, steps=0, epochs=0.0
        )  # fmt: skip

    @property
    def keeps_all(self) -> bool:
        return isinstance(self.selection, NoSelection)

    def about(self, seed: int) -> dict[str, str | int]:
        return {"dataset": self.dataset, "backbone": self.backbone, "seed": seed}


@dataclass(frozen=True, kw_only=True)
class Selected:
    """What stays: features in the order of the ranking, and the job that retrains them."""

    names: tuple[str, ...]
    job: JobSpec

    @property
    def dims(self) -> int:
        return sum(self.job.dims.values())


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a suite compares, checked."""

    suite: BenchmarkSpec
    combinations: tuple[Combination, ...]
    data: dict[str, Fingerprint] = field(repr=False)

    def search_task(self, combination: Combination, seed: int) -> CellTask | None:
        """None of a method without a search."""
        job = combination.search_job(seed)
        if job is None:
            return None
        about = {"method": combination.method, **combination.about(seed)}
        return CellTask.search(job, self.data[combination.dataset], about)

    def retrain_task(self, combination: Combination, seed: int, selected: Selected) -> CellTask:
        about = {**combination.about(seed), "keep": sorted(selected.names)}
        return CellTask.retrain(selected.job, self.data[combination.dataset], about)

    def ratios(self, combination: Combination) -> tuple[float, ...]:
        """The shares that the combination is measured at."""
        return (1.0,) if combination.keeps_all else tuple(sorted(self.suite.retention, reverse=True))

    def select(self, combination: Combination, ranked: Ranked, seed: int, share: float) -> Selected:
        """What stays at a ratio, as a run's rule keeps it."""
        whole = combination.retrain_job(seed)
        if combination.keeps_all:
            return Selected(names=tuple(feature.name for feature in whole.features), job=whole)
        kept = ranked.keep(combination.search_job(seed) or whole, retention_rule(self.suite, whole, share))
        return Selected(names=tuple(kept.names), job=kept.spec(whole))


def retention_rule(suite: BenchmarkSpec, job: JobSpec, share: float) -> PruneSpec:
    """The rule of a run that keeps a share of a data set's features, or of its dims."""
    if suite.by == "dims":
        return PruneSpec(rule="dims", share=share)
    return PruneSpec(rule="top_k", top_k=share_of(share, len(job.features)))


def _job(base: JobSpec, model: BackboneSpec, seed: int, **selector: SelectorSpec) -> JobSpec:
    """One cell's job: one search, one worker. Raises SpecError."""
    training = base.training.model_copy(update={"seed": seed, "seeds": 1})
    parts = {
        "name": base.name,
        "dataset": base.dataset,
        "features": base.features,
        "essential": base.essential,
        "model": model,
        "prune": PruneSpec(rule="curve", guard=base.prune.guard),
        "training": training,
        "scaling": ScalingSpec(),
        **selector,
    }
    try:
        return JobSpec(**parts)
    except ValidationError as error:
        raise SpecError(describe(error, parts)) from None


def prepare(suite: BenchmarkSpec, folder: Path, output: Path, warn: Callable[[str], None]) -> Study:
    """Read and check everything that the suite names, before the first cell.

    Args:
        suite: what is compared.
        folder: relative paths are taken from it.
        output: where results go, which must not lie among the data.
        warn: hears of what deserves a look in the data.

    Raises:
        SpecError: with a line for each problem, and the place of each in the suite.
    """
    jobs = load_datasets(suite, folder)
    combinations = [
        Combination(
            method=method.label,
            backbone=label_backbone(model) if suite.backbones else model.backbone,
            dataset=job.name,
            base=job,
            model=model,
            selection=method.selector,
        )
        for job in jobs
        for model in suite.backbones or (job.model,)
        for method in suite.methods
    ]
    problems = [line for job in jobs for line in _retention_problems(suite, job)]
    problems += [line for each in combinations for line in _combination_problems(suite, each)]
    if not problems:
        problems = [line for job in jobs for line in _data_problems(suite, job, output, warn)]
    if problems:
        raise SpecError("\n".join(limit_lines(list(dict.fromkeys(problems)))))
    return Study(
        suite=suite, combinations=tuple(combinations), data={job.name: read_fingerprint(job) for job in jobs}
    )  # fmt: skip


def _retention_problems(suite: BenchmarkSpec, job: JobSpec) -> Iterator[str]:
    """Ratios that keep nothing, everything, no more than the essential features, or what another one keeps."""
    dims = job.dims if suite.by == "dims" else dict.fromkeys(job.dims, 1)
    total, least = sum(dims.values()), min(dims.values())
    essential = sum(dims[feature.name] for feature in job.features if job.is_essential(feature))
    of = f"of the {total} {suite.by} of data set {job.name!r}"
    seen: dict[int, float] = {}
    for at, share in enumerate(suite.retention):
        place, count = f"retention.{at}: {share:g} {of}", share_of(share, total)
        if count < least:
            yield f"{place} is {count}, and no feature can be kept; give at least {_share(least, total)}"
        elif count >= total:
            yield f"{place} is all of them; give less than 1, and have the method no_selection for all features"
        elif count < essential:
            needed = _share(essential, total)
            yield f"{place} is {count}, and essential features take {essential}; give at least {needed}"
        elif count in seen:
            yield f"{place} is {count}, as {seen[count]:g} is; leave one of the two out"
        seen.setdefault(count, share)


def _share(count: int, total: int) -> str:
    """The least share, of few digits, that keeps so many."""
    return f"{math.ceil(10**DIGITS * count / total) / 10**DIGITS:g}"


def _combination_problems(suite: BenchmarkSpec, combination: Combination) -> list[str]:
    """What excludes each other in a method, a backbone and a data set."""
    place = f"{combination.method} with {combination.backbone} on data set {combination.dataset!r}"

    def look() -> None:
        for job in (combination.search_job(suite.seed), combination.retrain_job(suite.seed)):
            if job is not None:
                require_consistent(job)

    problems = collect(place, look)
    if not problems:
        too_large, _ = find_memory_problem(combination.retrain_job(suite.seed))
        problems += [f"{place}: {too_large}"] if too_large else []
    return problems


def _data_problems(suite: BenchmarkSpec, job: JobSpec, output: Path, warn: Callable[[str], None]) -> list[str]:
    """By the run's own check."""

    def look() -> None:
        require_output_apart(job.dataset, output)
        model = suite.backbones[0] if suite.backbones else job.model
        for line in check(_job(job, model, suite.seed)).warnings:
            if not line.startswith("prune."):  # A benchmark has no guard.
                warn(f"data set {job.name!r}: {line}")

    return collect(f"data set {job.name!r}", look)
