"""The search: weights and gate trained together, in one pass over the model's data (LeAP §3).

How the gate is updated decides what a gate measures:

- bilevel: weights learn on training batches, θ on held-out ones. A feature that can be memorized but not
  generalized from (a row id, a timestamp) loses its gate. The default where data is read several times.
- joint: one pass and one loss for both. Cheapest; sound only while batches are new to the model.
- progressive: joint over a single pass of a stream, where every batch is unseen when θ meets it.
"""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from trainers.metrics.quality import auc
from trainers.models.batch import Batch
from trainers.models.losses import task_loss
from trainers.models.ranking import GatedModel
from trainers.runs.coordinator import Report
from trainers.selectors.base import GateSpec
from trainers.selectors.gates.base import GateContext
from trainers.spec import JobSpec
from trainers.spec.plan import gate_learning_rate
from trainers.training.ranks import RankContext, seed_step

# Of the newest held-out rows, whose AUC a report tells: enough for a curve, few enough to be sorted in passing.
RANKED_ROWS = 2**13

Array = NDArray[np.float32]


class GateTrainer:
    """One rank's training of a gated model, a step at a time."""

    def __init__(
        self, model: GatedModel, spec: JobSpec, ranks: RankContext, *, warmup: int = 0, steps: int = 1000
    ) -> None:
        """`warmup` is the number of steps before gates are penalized, `steps` that of all."""
        self.model, self.spec, self.ranks, self.warmup = model, spec, ranks, warmup
        self.steps, self.penalized_steps = steps, max(1, steps - warmup)
        self.weighted = spec.dataset.weight is not None
        self.backbone = ranks.replicate(model.backbone)
        self.eval_backbone = in_evaluation_mode(model.backbone)
        training = spec.training
        self.optimizer = torch.optim.Adam(
            model.backbone.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
        )
        assert isinstance(spec.selector, GateSpec)
        self.selector, self.learned = spec.selector, model.gate.learned_parameters()
        rate = gate_learning_rate(self.selector, self.penalized_steps)
        self.gate_optimizer = torch.optim.Adam(self.learned, lr=rate, fused=True)
        # Of gates on dims; those on features are averaged over the reports.
        self.by_dim = self.selector.granularity == "dim"
        self.gate_sum_F, self.gate_steps = torch.zeros_like(model.gate.scores()), torch.zeros((), dtype=torch.int64)
        embeddings = model.inputs.embeddings
        self.meter = Meter(ranks.device, 0 if embeddings is None else embeddings.local_bytes())
        model.train()

    def step(self, step: int, train: Batch, held_out: Batch | None) -> None:
        """Train on one pair of batches. `held_out` is None unless the update is bilevel."""
        seed_step(self.spec.training.seed, self.ranks.rank, step)
        penalized = max(0, step - self.warmup)
        if held_out is None:
            self._joint(train, penalized)
        else:
            self._train_weights(train)
            self._train_gate(held_out, penalized)
        self.meter.steps += 1
        self.meter.rows += len(train)

    def _train_weights(self, batch: Batch) -> None:
        x_BC = self.model.inputs(batch)
        gated_BC = self.model.gate(x_BC, GateContext(batch), frozen=True)
        loss = task_loss(self.backbone(gated_BC), batch, self.weighted)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.model.inputs.finish_step()
        self.meter.loss += loss.detach()

    def _train_gate(self, batch: Batch, penalized: int) -> None:
        """The gate's own pass: no gradient reaches tables or weights, so neither is computed.

        Gates are tested on the model as it predicts: without dropout, with batch norm's running statistics.
        """
        gate = self.model.gate
        with torch.no_grad():
            x_BC = self.model.inputs(batch)
        logits_BT = self.eval_backbone(gate.forward_held_out(x_BC, GateContext(batch)))
        task = task_loss(logits_BT, batch, self.weighted)
        penalty = gate.regularizer() * self._pressure(penalized)
        for parameter, gradient in zip(self.learned, torch.autograd.grad(task + penalty, self.learned), strict=True):
            parameter.grad = gradient
        self._move_gate(penalized)
        self.meter.held_out_loss += task.detach()
        self.meter.keep(batch, logits_BT[:, 0].detach())
        self.meter.penalty += penalty.detach()

    def _joint(self, batch: Batch, penalized: int) -> None:
        gate = self.model.gate
        gated_BC = gate(self.model.inputs(batch), GateContext(batch))
        task = task_loss(self.backbone(gated_BC), batch, self.weighted)
        penalty = gate.regularizer() * self._pressure(penalized)
        self.optimizer.zero_grad()
        self.gate_optimizer.zero_grad()
        (task + penalty).backward()
        self.optimizer.step()
        self.model.inputs.finish_step()
        self._move_gate(penalized)
        self.meter.loss += task.detach()
        self.meter.penalty += penalty.detach()

    def _pressure(self, penalized: int) -> float:
        """The share of the penalty that counts at a step after the warm-up."""
        rise = self.selector.ramp * self.penalized_steps
        return min(1.0, penalized / max(1.0, rise))

    def _move_gate(self, penalized: int) -> None:
        """Averaging the gradients averages the penalties exactly; running statistics travel with them."""
        gate = self.model.gate
        self.ranks.average([*(each.grad for each in self.learned if each.grad is not None), *gate.synced_tensors()])
        self.gate_optimizer.step()
        gate.after_step(penalized, self.penalized_steps)
        if self.by_dim and penalized:
            self.gate_sum_F += gate.scores()
            self.gate_steps += 1

    def mean_gates(self) -> NDArray[np.float32] | None:
        """Of gates on dims, their mean over the penalized steps (F); None where there was none."""
        return (self.gate_sum_F / self.gate_steps).cpu().numpy() if self.gate_steps else None

    def report(self, step: int, decode_seconds: float = 0.0) -> Report:
        """What happened since the last report; raises FloatingPointError where the loss is no longer a number.

        Of gates on dims, a feature has the score of its best dim, and the mean of its dims' details.
        `decode_seconds` is what the loaders have spent on decoding so far.
        """
        gate = self.model.gate
        details = {
            name: gate.by_feature(value_F, "mean").cpu().numpy().copy() for name, value_F in gate.details().items()
        }
        return self.meter.report(self.ranks, step, gate.feature_scores().cpu().numpy(), details, decode_seconds)

    def sync_buffers(self) -> None:
        """Average what ranks hold apart: the running statistics of batch norm."""
        self.ranks.average(self.model.backbone.buffers())

    def state(self) -> dict[str, Any]:
        """Everything a checkpoint needs, as tensors that a load fills in place."""
        options = StateDictOptions(flatten_optimizer_state_dict=True)
        state: dict[str, Any] = {
            "backbone": self.model.backbone.state_dict(),
            "gate": self.model.gate.state_dict(),
            "optimizer": get_optimizer_state_dict(self.model.backbone, self.optimizer, options=options),
            "theta": get_optimizer_state_dict(self.model.gate, self.gate_optimizer, options=options),
        }
        if self.model.inputs.embeddings is not None:
            state["embeddings"] = self.model.inputs.embeddings.checkpoint_state()
        if self.by_dim:
            state["mean_gates"] = {"sum": self.gate_sum_F, "steps": self.gate_steps}
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take a state that was filled by a load. Parameters were filled in place; optimizers copy theirs."""
        options = StateDictOptions(flatten_optimizer_state_dict=True)
        set_optimizer_state_dict(self.model.backbone, self.optimizer, state["optimizer"], options=options)
        set_optimizer_state_dict(self.model.gate, self.gate_optimizer, state["theta"], options=options)


def in_evaluation_mode(module: nn.Module) -> nn.Module:
    """The module in evaluation mode, sharing every parameter and buffer with the one given."""
    shared = [*module.parameters(), *module.buffers()]
    twin: nn.Module = copy.deepcopy(module, {id(tensor): tensor for tensor in shared})
    return twin.eval()


class Meter:
    """Sums since the last report, on the device until they are read."""

    def __init__(self, device: torch.device, embedding_bytes: int) -> None:
        self.device, self.embedding_bytes, self.decoded = device, embedding_bytes, 0.0
        self.restart()

    def restart(self) -> None:
        self.loss = torch.zeros((), device=self.device)
        self.held_out_loss = torch.zeros((), device=self.device)
        self.penalty = torch.zeros((), device=self.device)
        self.steps, self.rows, self.began = 0, 0, time.perf_counter()
        self.held_out: deque[torch.Tensor] = deque()

    def keep(self, held_out: Batch, logit_B: torch.Tensor) -> None:
        """Hold label, logit and weight (3 × B) of the newest batches, as many as have RANKED_ROWS rows."""
        if len(self.held_out) * len(held_out) >= RANKED_ROWS:
            self.held_out.popleft()
        self.held_out.append(torch.stack([held_out.label_B, logit_B.float(), held_out.weight_B]))

    def held_out_auc(self) -> float | None:
        """None without held-out rows of both classes since the last report."""
        if not self.held_out:
            return None
        label_N, logit_N, weight_N = torch.cat(list(self.held_out), 1)[:, -RANKED_ROWS:].cpu().double().numpy()
        return auc(label_N, logit_N, weight_N)

    def report(
        self, ranks: RankContext, step: int, gate_F: Array, details: dict[str, Array], decode_seconds: float
    ) -> Report:
        loss = self.loss.item()
        if math.isnan(loss):
            raise FloatingPointError(
                f"the task loss is not a number at step {step}; lower training.learning_rate, "
                "or look for extreme values with `winnow check`"
            )
        report = Report(
            attempt=ranks.attempt,
            rank=ranks.rank,
            step=step,
            steps=self.steps,
            gate_F=gate_F,
            details=details,
            loss=loss,
            held_out_loss=self.held_out_loss.item(),
            penalty=self.penalty.item(),
            rows=self.rows,
            seconds=time.perf_counter() - self.began,
            decode_seconds=decode_seconds - self.decoded,
            embedding_bytes=self.embedding_bytes,
            held_out_auc=self.held_out_auc(),
        )
        self.decoded = decode_seconds
        self.restart()
        return report
