"""The measures of a search: numbers that sum a snapshot up, in `history/measures.arrow`, a column each.

| column | what |
|---|---|
| step | the training step |
| seconds | of training since the search began; without what lost attempts took |
| loss, held_out_loss | task loss in nats, mean over the snapshot's steps and the ranks |
| held_out_auc | of the newest held-out rows as the gated model saw them, mean over the ranks |
| penalty | what the open gates cost in the loss, in nats; LeAP's is Σ λ g |
| low, middle, high | shares of gates in [0, 0.1), [0.1, 0.9] and (0.9, 1] |
| spread | mean \\|g − mean g\\| |
| entropy | mean binary entropy of the gates, −g log₂ g − (1 − g) log₂ (1 − g), in bits: 1 at 0.5, 0 at 0 and 1 |
| crossing_share | share of gates that crossed 0.5 within the last 10 snapshots of the seed |
| undecided | the same, under its old name: written for one version |
| rows_per_second | of all ranks |
| seed_number | which of several searches is trained, from 1: with another seed or method gates begin anew |

What there isn't of a snapshot is NaN. The file is replaced whole as the search goes on.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.runs.convergence import crossing_share, entropy, measure_polarization
from trainers.runs.coordinator import Snapshot

NAMES = (
    "step",
    "seconds",
    "loss",
    "held_out_loss",
    "held_out_auc",
    "penalty",
    "low",
    "middle",
    "high",
    "spread",
    "entropy",
    "crossing_share",
    "undecided",
    "rows_per_second",
    "seed_number",
)
RECENT = 10


class Measures:
    """The writer: takes one snapshot after the other."""

    def __init__(self) -> None:
        self._columns = {name: array("d") for name in NAMES}
        self._recent: deque[NDArray[np.float32]] = deque(maxlen=RECENT)
        self._seconds = 0.0
        self._seed_number = 1

    def add(self, snapshot: Snapshot) -> None:
        if snapshot.seed_number != self._seed_number:
            self._seed_number = snapshot.seed_number
            self._recent.clear()
        self._recent.append(snapshot.gate_F)
        self._seconds += snapshot.seconds
        crossing = crossing_share(np.stack(self._recent))
        found = {
            "step": snapshot.step,
            "seconds": self._seconds,
            "loss": snapshot.loss,
            # Only a search that holds rows out has a loss on them, and none is 0.
            "held_out_loss": snapshot.held_out_loss or math.nan,
            "held_out_auc": math.nan if snapshot.held_out_auc is None else snapshot.held_out_auc,
            "penalty": snapshot.penalty,
            **measure_polarization(snapshot.gate_F).model_dump(),
            "entropy": entropy(snapshot.gate_F),
            "crossing_share": crossing,
            "undecided": crossing,
            "rows_per_second": snapshot.rows / snapshot.seconds if snapshot.seconds else math.nan,
            "seed_number": snapshot.seed_number,
        }
        for name in NAMES:
            self._columns[name].append(found[name])

    def write(self, path: Path) -> None:
        """Replace the file by one of all the snapshots taken."""
        table = pa.table({name: pa.array(np.array(values)) for name, values in self._columns.items()})
        table = table.set_column(0, "step", table["step"].cast(pa.int64()))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        temporary.replace(path)
