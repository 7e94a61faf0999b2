"""Training a model without a gate: fine-tuning after pruning, and training from scratch on chosen features."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.nn.attention import SDPBackend, sdpa_kernel

from trainers.metrics.quality import HIGHER_IS_BETTER
from trainers.models.batch import Batch
from trainers.models.losses import task_loss
from trainers.models.ranking import PlainModel
from trainers.runs.results import Quality
from trainers.spec import JobSpec
from trainers.training.evaluation import Predictions, predict
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext, seed_step

if TYPE_CHECKING:
    from trainers.selectors.base import TrainingTerm

# Epochs without a better validation result before training ends.
PATIENCE = 2
ADVANCE_EVERY = 50

Advance = Callable[[int], None]


def predictions(
    model: PlainModel, loaders: DataLoaders, ranks: RankContext, *, split: str = "test"
) -> Predictions | None:
    """Of a model for every row of the "validation" or the "test" split, at rank 0; None elsewhere."""
    model.train(False)
    with loaders.whole(loaders.test if split == "test" else loaders.validation) as batches:
        return predict(model.logits, batches, ranks)


def quality(
    model: PlainModel, loaders: DataLoaders, spec: JobSpec, ranks: RankContext, *, split: str = "test"
) -> Quality | None:
    """Of a model over every row of a split, at rank 0; None elsewhere."""
    found = predictions(model, loaders, ranks, split=split)
    return None if found is None else found.metrics(grouped=spec.dataset.group is not None)


class Trainer:
    """One rank's plain training: Adam for the backbone, the tables' own fused optimizer.

    `term` is what a selector adds to the loss. Collective: every rank calls `run`, once. `state` at the end of an epoch
    is all that a restored trainer needs to go on to the same numbers.
    """

    def __init__(
        self,
        model: PlainModel,
        loaders: DataLoaders,
        spec: JobSpec,
        ranks: RankContext,
        *,
        learning_rate: float | None = None,
        term: TrainingTerm | None = None,
    ) -> None:
        self.term = term
        self.model, self.loaders, self.spec, self.ranks = model, loaders, spec, ranks
        self.weighted = spec.dataset.weight is not None
        self.backbone = ranks.replicate(model.backbone)
        self.optimizer = torch.optim.Adam(
            model.backbone.parameters(),
            lr=learning_rate or spec.training.learning_rate,
            weight_decay=spec.training.weight_decay,
            fused=True,
        )
        # Epochs done, and those since the best one; what the model was then.
        self.epochs, self.since, self.best = 0, 0, 0.0
        self.kept: dict[str, Any] | None = None

    def run(
        self,
        epochs: int,
        advance: Advance,
        *,
        trained: bool = False,
        first_epoch: int = 0,
        at_epoch_end: Callable[[int], None] = lambda epochs: None,
    ) -> None:
        """Train until validation gets no better, for at most `epochs`; the model is left as it was at its best.

        Args:
            epochs: at most; see PATIENCE.
            advance: hears of steps.
            trained: the start counts: where no epoch helps, nothing changes. New weights are no model, and few
                validation rows may take them for a good one.
            first_epoch: where in the data's endless epochs to begin.
            at_epoch_end: hears how many epochs are done.

        The measure is the guard's metric.
        """
        if self.kept is None:
            self.best, self.kept = self._judged() if trained else -math.inf, _copies(self.model)
        while self.epochs < epochs and self.since < PATIENCE:
            self._epoch(first_epoch + self.epochs, self.epochs * self.loaders.train.steps_per_epoch, advance)
            found = self._judged()
            self.epochs, self.since = self.epochs + 1, self.since + 1
            if found > self.best:
                self.best, self.kept, self.since = found, _copies(self.model), 0
            at_epoch_end(self.epochs)
        for name, tensor in _tensors(self.model).items():
            tensor.copy_(self.kept[name])

    def state(self) -> dict[str, Any]:
        """Everything a checkpoint needs, as tensors that a load fills in place."""
        options, embeddings = StateDictOptions(flatten_optimizer_state_dict=True), self.model.inputs.embeddings
        state: dict[str, Any] = {
            "backbone": self.model.backbone.state_dict(),
            "baseline": self.model.inputs.baseline.state_dict(),
            "optimizer": get_optimizer_state_dict(self.model.backbone, self.optimizer, options=options),
            "best": _copies(self.model) if self.kept is None else self.kept,
            "counters": torch.tensor([self.epochs, self.since, self.best], dtype=torch.float64),
        }
        if embeddings is not None:
            state["embeddings"] = embeddings.checkpoint_state()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take a state that was filled by a load. Parameters were filled in place; the optimizer copies its own."""
        options = StateDictOptions(flatten_optimizer_state_dict=True)
        set_optimizer_state_dict(self.model.backbone, self.optimizer, state["optimizer"], options=options)
        epochs, since, self.best = state["counters"].tolist()
        self.epochs, self.since, self.kept = int(epochs), int(since), state["best"]

    def step(self, step: int, batch: Batch) -> None:
        """Train on one batch."""
        seed_step(self.spec.training.seed, self.ranks.rank, step)
        x_BC = self.model.inputs(batch)
        self.model.inputs.baseline.observe(x_BC.detach())
        loss = self._loss(x_BC, batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.model.inputs.finish_step()

    def _loss(self, x_BC: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The task's loss, and the selector's term of it."""
        if self.term is None:
            return task_loss(self.backbone(x_BC), batch, self.weighted)
        x_BC = x_BC if x_BC.requires_grad else x_BC.requires_grad_()  # Where every feature is dense.
        with sdpa_kernel(SDPBackend.MATH):  # A term may take gradients of gradients, which fused attention hasn't.
            loss = task_loss(self.backbone(x_BC), batch, self.weighted)
        return loss + self.term(self.model.inputs.layout, x_BC, loss)

    def _epoch(self, epoch: int, done: int, advance: Advance) -> None:
        self.model.train()
        steps = self.loaders.train.steps_per_epoch
        with self.loaders.training(epoch * steps, (epoch + 1) * steps) as batches:
            for step, batch in enumerate(batches, epoch * steps + 1):
                self.step(step, batch)
                if step % ADVANCE_EVERY == 0:
                    advance(done + step - epoch * steps)
        advance(done + steps)
        # Running means move linearly: their average is what averaging at every step would have made.
        self.ranks.average([*self.model.backbone.buffers(), *self.model.inputs.baseline.buffers()])

    def _judged(self) -> float:
        """The guard's metric on validation, turned so that more is better; logloss where it isn't defined."""
        found = quality(self.model, self.loaders, self.spec, self.ranks, split="validation")
        return self.ranks.broadcast(None if found is None else _merit(found, self.spec.prune.guard.metric))


def _merit(found: Quality, metric: str) -> float:
    value = found.value(metric)
    return -found.logloss if value is None else value if metric in HIGHER_IS_BETTER else -value


def _tensors(model: PlainModel) -> dict[str, Any]:
    """What training changes, by name, sharing memory; of sharded tables this rank's part."""
    embeddings = model.inputs.embeddings
    tables = {} if embeddings is None else embeddings.weights()
    return {
        **{f"backbone.{name}": tensor.detach() for name, tensor in model.backbone.state_dict().items()},
        **{f"baseline.{name}": tensor.detach() for name, tensor in model.inputs.baseline.state_dict().items()},
        **{f"tables.{name}": tensor.detach() for name, tensor in tables.items()},
    }


def _copies(model: PlainModel) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in _tensors(model).items()}
