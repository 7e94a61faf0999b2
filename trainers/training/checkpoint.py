"""Checkpoints of a search through torch's distributed checkpoint; one directory, any number of ranks.

Beside the shards lie `history.npz`, the step and the gate history up to it, and `data.json`, the fingerprint of the
data that the search began with. A search over several seeds has a checkpoint of the one it trains, and in
`finished.json` the rankings of those before it; one by several methods likewise.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

from trainers.data.fingerprint import Fingerprint
from trainers.runs.coordinator import Snapshot
from trainers.runs.directory import read_json, write_json
from trainers.selectors.base import Interaction, Ranking
from trainers.spec import SpecError
from trainers.training.ranks import RankContext

HISTORY = "history.npz"
DATA = "data.json"
FINISHED = "finished.json"
SCALARS = ("step", "steps", "loss", "held_out_loss", "penalty", "rows", "seconds")
SEED = "seed_number"
AUC = "held_out_auc"  # NaN where there is none
# Matrices have a row a snapshot and a column a feature: the gates, and each detail of the selector under its own name.
MATRIX = "_TF"
GATE = f"gate{MATRIX}"
# Version 0.1 kept the running means in the gate.
OLD_MEANS = "gate.mean_C"


class DirectoryCheckpoints:
    """Checkpoints in a directory that every rank sees, the newest alone; collective over the ranks."""

    def __init__(self, path: Path, ranks: RankContext | None = None) -> None:
        self.path, self.ranks = path, ranks or RankContext()

    @contextmanager
    def latest(self) -> Iterator[Path | None]:
        yield self.ranks.broadcast(self._newest() if self.ranks.is_leader else None)

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        unfinished = self.path / f".step-{step:012d}"
        if self.ranks.is_leader:
            for left in self.path.glob(".step-*"):
                shutil.rmtree(left)
            unfinished.mkdir(parents=True)
        self.ranks.barrier()
        write(unfinished)
        self.ranks.barrier()
        if self.ranks.is_leader:
            _check_whole(unfinished)
            older = list(self.path.glob("step-*"))
            unfinished.rename(self.path / f"step-{step:012d}")
            for path in older:
                shutil.rmtree(path)
        self.ranks.barrier()

    def _newest(self) -> Path | None:
        kept = sorted(self.path.glob("step-*"))
        return kept[-1] if kept else self._noted_by_ray()

    def _noted_by_ray(self) -> Path | None:
        """What a run of version 0.1 left, which kept its checkpoints in Ray Train's storage."""
        note = self.path / "search" / "checkpoint_manager_snapshot.json"
        if not note.is_file():
            return None
        latest = read_json(note)["latest_checkpoint_result"]
        return note.parent / str(latest["checkpoint_dir_name"]) if latest else None


def _check_whole(path: Path) -> None:
    """Raises SpecError where a rank's share of a checkpoint isn't here."""
    parts = dcp.FileSystemReader(str(path)).read_metadata().storage_data.values()
    missing = sorted({part.relative_path for part in parts if not (path / part.relative_path).is_file()})
    if missing:
        raise SpecError(
            f"output: {path} has no {missing[0]}, which another worker wrote; give a directory that workers share"
        )


def write(path: Path, state: dict[str, Any]) -> None:
    """Write this rank's share; collective over the ranks."""
    path.mkdir(parents=True, exist_ok=True)
    dcp.save(state, checkpoint_id=str(path), no_dist=not dist.is_initialized())


def read(path: Path, state: dict[str, Any]) -> None:
    """Fill `state` in place; collective. The number of ranks and the sharding may differ from the writer's."""
    names = dcp.FileSystemReader(str(path)).read_metadata().state_dict_metadata
    gate = state.get("gate", {})
    old = OLD_MEANS in names and "baseline.mean_C" in gate
    if old:
        own = {name: tensor for name, tensor in gate.items() if not name.startswith("baseline.")}
        state = {**state, "gate": {**own, "mean_C": gate["baseline.mean_C"]}}
    dcp.load(state, checkpoint_id=str(path), no_dist=not dist.is_initialized())
    if old:
        gate["baseline.seen"].copy_(gate["seen"])


def write_data(path: Path, found: Fingerprint) -> None:
    write_json(path / DATA, found)


def read_data(path: Path) -> Fingerprint | None:
    """The fingerprint that `write_data` left; None in checkpoints of version 0.1."""
    return read_json(path / DATA) if (path / DATA).is_file() else None


@dataclass(frozen=True)
class Finished:
    """Seeds of a search that are over: their rankings, in the order of their training, and how many steps it took.

    `parts` are of the seed that is trained: the rankings of the methods of a consensus that are over.
    """

    rankings: tuple[Ranking, ...] = ()
    steps: int = 0
    parts: tuple[Ranking, ...] = ()

    def add(self, ranking: Ranking, steps: int) -> Finished:
        """Another seed is over."""
        return Finished((*self.rankings, ranking), self.steps + steps)

    def add_part(self, ranking: Ranking, steps: int) -> Finished:
        """Another method of the seed's is over."""
        return Finished(self.rankings, self.steps + steps, (*self.parts, ranking))


def write_finished(path: Path, finished: Finished) -> None:
    """No file where nothing is over, as of a search over one seed by one method."""
    if finished.rankings or finished.parts:
        write_json(path / FINISHED, asdict(finished))


def read_finished(path: Path) -> Finished:
    """What `write_finished` left; every number as it was."""
    if not (path / FINISHED).is_file():
        return Finished()
    stored = read_json(path / FINISHED)
    rankings, parts = (tuple(_ranking(each) for each in stored.get(key, ())) for key in ("rankings", "parts"))
    return Finished(rankings, int(stored["steps"]), parts)


def _ranking(stored: dict[str, Any]) -> Ranking:
    crosses = (Interaction(**{**cross, "features": tuple(cross["features"])}) for cross in stored["interactions"])
    return Ranking(**{**stored, "names": tuple(stored["names"]), "interactions": tuple(crosses)})


def write_history(path: Path, step: int, snapshots: list[Snapshot]) -> None:
    columns = {name: np.array([getattr(s, name) for s in snapshots], dtype=np.float64) for name in SCALARS}
    columns[SEED] = np.array([s.seed_number for s in snapshots], dtype=np.int64)
    columns[AUC] = np.array([math.nan if s.held_out_auc is None else s.held_out_auc for s in snapshots])
    for name in snapshots[0].details if snapshots else ():
        columns[f"{name}{MATRIX}"] = np.array([s.details[name] for s in snapshots], dtype=np.float32)
    np.savez(
        path / HISTORY,
        at=np.array(step),
        gate_TF=np.array([s.gate_F for s in snapshots], dtype=np.float32),
        **columns,  # type: ignore[arg-type]
    )


def has_history(path: Path) -> bool:
    """Whether gates reported before the checkpoint."""
    return (path / HISTORY).is_file()


def read_history(path: Path) -> tuple[int, list[Snapshot]]:
    """The checkpoint's step, and the snapshots up to it."""
    with np.load(path / HISTORY, allow_pickle=False) as stored:
        columns = {name: stored[name] for name in (*SCALARS, AUC)}
        gate_TF = stored[GATE]
        # Version 0.1 knew one seed.
        seed_T = stored[SEED] if SEED in stored else np.ones(len(gate_TF), np.int64)
        details = {name.removesuffix(MATRIX): stored[name] for name in stored if name.endswith(MATRIX) and name != GATE}
        snapshots = [
            Snapshot(
                step=int(columns["step"][t]),
                steps=int(columns["steps"][t]),
                gate_F=gate_TF[t],
                loss=float(columns["loss"][t]),
                held_out_loss=float(columns["held_out_loss"][t]),
                penalty=float(columns["penalty"][t]),
                rows=int(columns["rows"][t]),
                seconds=float(columns["seconds"][t]),
                held_out_auc=None if math.isnan(columns[AUC][t]) else float(columns[AUC][t]),
                details={name: values_TF[t] for name, values_TF in details.items()},
                seed_number=int(seed_T[t]),
            )
            for t in range(len(columns["step"]))
        ]
        return int(stored["at"]), snapshots
