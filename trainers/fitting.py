"""Training a model without a gate: fine-tuning after pruning, and training from scratch on chosen features."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from trainers.batch import Batch
from trainers.model import PlainModel, task_loss
from trainers.place import Place, seed_step
from trainers.spec import JobSpec


class Fit:
    """One rank's plain training, a step at a time: Adam for the backbone, the tables' own fused optimizer."""

    def __init__(self, model: PlainModel, spec: JobSpec, place: Place, *, learning_rate: float | None = None) -> None:
        self.model, self.spec, self.place = model, spec, place
        self.weighted = spec.dataset.weight is not None
        self.backbone = place.replicate(model.backbone)
        self.optimizer = torch.optim.Adam(
            model.backbone.parameters(),
            lr=learning_rate or spec.training.learning_rate,
            weight_decay=spec.training.weight_decay,
            fused=True,
        )

    def run(self, batches: Iterator[Batch], start: int, advance: Callable[[int], None]) -> None:
        """Train on every batch; `advance` hears of every fiftieth step."""
        self.model.train()
        step = start
        for step, batch in enumerate(batches, start + 1):
            seed_step(self.spec.training.seed, self.place.rank, step)
            loss = task_loss(self.backbone(self.model.inputs(batch)), batch, self.weighted)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if step % 50 == 0:
                advance(step)
        advance(step)
        self.place.average(self.model.backbone.buffers())
