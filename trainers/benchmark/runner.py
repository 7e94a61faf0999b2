"""All cells of a study: searches first, then the retrainings that their rankings ask for. Known ones aren't computed.

Killed at any point, the same call goes on: cells that have ended are files. A cell that failed is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from trainers.benchmark.cells import Cell, CellStore, CellTask, Kind
from trainers.benchmark.outcomes import Outcome
from trainers.benchmark.pool import Pool
from trainers.benchmark.study import Combination, Selected, Study


@dataclass(frozen=True, kw_only=True)
class BenchmarkProgress:
    """How far a benchmark is.

    Attributes:
        kind: of the cells that are computed now; those of the other kind come before or after.
        done: cells of this kind that are there, `known` of them from before, and `failed` of them without a result.
        total: cells of this kind.
        running: what is computed now, in words.
        seconds_left: by what cells took so far; None until one has ended.
    """

    kind: Kind
    done: int
    known: int
    failed: int
    total: int
    running: tuple[str, ...]
    seconds_left: float | None


Observer = Callable[[BenchmarkProgress], None]


def run_study(study: Study, store: CellStore, pool: Pool, observer: Observer = lambda progress: None) -> list[Outcome]:
    """Compute what the store lacks, and return an outcome for each method, backbone, data set, ratio and seed."""
    pairs = [(each, seed) for each in study.combinations for seed in study.suite.every_seed]
    runner = _Runner(store, pool, observer)
    # What retraining will ask for at most: methods may agree.
    likely = sum(len(study.ratios(each)) for each, _ in pairs)
    tasks = [study.search_task(*pair) for pair in pairs]
    searched = runner.run("search", (task for task in tasks if task is not None), afterwards=likely)
    cells = [None if task is None else searched[task.key] for task in tasks]
    wanted = [_Wanted.of(study, *pair, cell) for pair, cell in zip(pairs, cells, strict=True)]
    retrained = runner.run("retrain", (task for each in wanted for task in each.tasks.values()))
    return [outcome for each in wanted for outcome in each.outcomes(retrained)]


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """The retrainings of one method, backbone, data set and seed, by ratio: none where its search failed."""

    combination: Combination
    seed: int
    search: Cell | None
    kept: Mapping[float, Selected | None]
    tasks: Mapping[float, CellTask]

    @classmethod
    def of(cls, study: Study, combination: Combination, seed: int, search: Cell | None) -> _Wanted:
        """`search` is None of a method that has none."""
        ranked = combination.ranked(seed) if search is None else search.ranked
        ratios = study.ratios(combination)
        kept = {} if ranked is None else {share: study.select(combination, ranked, seed, share) for share in ratios}
        return cls(
            combination=combination,
            seed=seed,
            search=search,
            kept={share: kept.get(share) for share in ratios},
            tasks={share: study.retrain_task(combination, seed, selected) for share, selected in kept.items()},
        )

    def outcomes(self, retrained: Mapping[str, Cell]) -> Iterable[Outcome]:
        for share, selected in self.kept.items():
            task = self.tasks.get(share)
            yield Outcome.make(
                self.combination,
                seed=self.seed,
                retention=share,
                selected=selected,
                search=self.search,
                retrain=None if task is None else retrained[task.key],
            )


@dataclass
class _Runner:
    store: CellStore
    pool: Pool
    observer: Observer
    # Wall seconds of the cells that were computed, by kind.
    spent: dict[Kind, list[float]] = field(default_factory=lambda: {"search": [], "retrain": []})

    def run(self, kind: Kind, tasks: Iterable[CellTask], afterwards: int = 0) -> dict[str, Cell]:
        """Cells of one kind by key. `afterwards` is how many of the other kind follow at most."""
        wanted = {task.key: task for task in tasks}
        found = {key: cell for key, task in wanted.items() if (cell := self.store.get(task)) and not cell.failed}
        known, waiting = len(found), [task for key, task in wanted.items() if key not in found]
        running: list[str] = []

        def tell() -> None:
            left = len(waiting) + len(running)
            self.observer(
                BenchmarkProgress(
                    kind=kind,
                    done=len(found),
                    known=known,
                    failed=sum(cell.failed for cell in found.values()),
                    total=len(wanted),
                    running=tuple(_describe(wanted[key]) for key in running),
                    seconds_left=self._seconds_left(kind, left, afterwards),
                )
            )

        waiting.reverse()
        while waiting or running:
            while waiting and len(running) < self.pool.slots:
                task = waiting.pop()
                self.pool.start(task)
                running.append(task.key)
            tell()
            task, cell = self.pool.collect()
            self.store.put(task, cell)
            found[task.key] = cell
            self.spent[kind].append(cell.wall_seconds)
            running.remove(task.key)
        tell()
        return found

    def _seconds_left(self, kind: Kind, left: int, afterwards: int) -> float | None:
        """Of both kinds; what isn't known of one is taken to be as of the other."""
        every = [seconds for each in self.spent.values() for seconds in each]
        if not every:
            return None
        own, others = (self.spent[each] or every for each in (kind, "retrain"))
        return (left * _mean(own) + afterwards * _mean(others)) / self.pool.slots


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _describe(task: CellTask) -> str:
    about = task.about
    what = about["method"] if task.kind == "search" else f"{len(about['keep'])} features"
    return f"{what}, {about['backbone']}, {about['dataset']}, seed {about['seed']}"
