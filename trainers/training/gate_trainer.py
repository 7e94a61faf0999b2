"""The search: weights and gates trained together, in one pass over the model's data (LeAP §3).

How θ is updated decides what a gate measures:

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

from trainers.data.batch import Batch
from trainers.metrics.quality import auc
from trainers.models.ranking import GatedModel, task_loss
from trainers.runs.coordinator import Report
from trainers.spec import JobSpec
from trainers.training.ranks import RankContext, seed_step

# How far α may move over a search: by e^STEERING where the share of open dims stays one whole off its target.
STEERING = 12.0
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
        self.gain = STEERING / max(1, steps - warmup)
        self.weighted = spec.dataset.weight is not None
        self.backbone = ranks.replicate(model.backbone)
        self.eval_backbone = in_evaluation_mode(model.backbone)
        training = spec.training
        self.optimizer = torch.optim.Adam(
            model.backbone.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
        )
        self.theta_optimizer = torch.optim.Adam([model.gate.theta], lr=spec.selector.learning_rate, fused=True)
        embeddings = model.inputs.embeddings
        self.meter = Meter(ranks.device, 0 if embeddings is None else embeddings.local_bytes())
        model.train()

    def step(self, step: int, train: Batch, held_out: Batch | None) -> None:
        """Train on one pair of batches. `held_out` is None unless the update is bilevel."""
        seed_step(self.spec.training.seed, self.ranks.rank, step)
        penalized = step > self.warmup
        if held_out is None:
            self._joint(train, penalized)
        else:
            self._weights(train)
            self._theta(held_out, penalized)
        self.meter.steps += 1
        self.meter.rows += len(train)

    def _weights(self, batch: Batch) -> None:
        x_BC = self.model.inputs(batch)
        loss = task_loss(self.backbone(self.model.gate(x_BC, frozen=True)), batch, self.weighted)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.model.inputs.finish_step()
        self.meter.loss += loss.detach()

    def _theta(self, batch: Batch, penalized: bool) -> None:
        """The gates' own pass: no gradient reaches tables or weights, so neither is computed.

        Gates are judged by the model as it predicts: without dropout, with batch norm's running statistics.
        """
        gate = self.model.gate
        with torch.no_grad():
            x_BC = self.model.inputs(batch)
        mixed_BC = gate.forward_held_out(x_BC)
        logit_B = self.eval_backbone(mixed_BC)
        task = task_loss(logit_B, batch, self.weighted)
        penalty = gate.penalty() * penalized
        (gate.theta.grad,) = torch.autograd.grad(task + penalty, gate.theta)
        self._move_theta(penalized)
        self.meter.held_out_loss += task.detach()
        self.meter.keep(batch, logit_B.detach())
        self.meter.penalty += penalty.detach()

    def _joint(self, batch: Batch, penalized: bool) -> None:
        gate = self.model.gate
        task = task_loss(self.backbone(gate(self.model.inputs(batch))), batch, self.weighted)
        penalty = gate.penalty() * penalized
        self.optimizer.zero_grad()
        gate.theta.grad = None
        (task + penalty).backward()
        self.optimizer.step()
        self.model.inputs.finish_step()
        self._move_theta(penalized)
        self.meter.loss += task.detach()
        self.meter.penalty += penalty.detach()

    def _move_theta(self, penalized: bool) -> None:
        """Averaging the gradients averages the λ's exactly; the averages travel with them so that replicas agree."""
        gate = self.model.gate
        assert gate.theta.grad is not None
        self.ranks.average([gate.theta.grad, gate.divergence_F, gate.mean_C])
        self.theta_optimizer.step()
        gate.after_step(self.gain if penalized else 0.0)

    def report(self, step: int, decode_seconds: float = 0.0) -> Report:
        """What happened since the last report; raises FloatingPointError where the loss is no longer a number.

        `decode_seconds` is what the loaders have spent on decoding so far.
        """
        gate = self.model.gate
        details = {"divergence": gate.divergence_F.detach().cpu().numpy().copy()}
        return self.meter.report(self.ranks, step, gate.scores().cpu().numpy(), details, decode_seconds)

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
            "theta": get_optimizer_state_dict(self.model.gate, self.theta_optimizer, options=options),
        }
        if self.model.inputs.embeddings is not None:
            state["embeddings"] = self.model.inputs.embeddings.checkpoint_state()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take a state that was filled by a load. Parameters were filled in place; optimizers copy theirs."""
        options = StateDictOptions(flatten_optimizer_state_dict=True)
        set_optimizer_state_dict(self.model.backbone, self.optimizer, state["optimizer"], options=options)
        set_optimizer_state_dict(self.model.gate, self.theta_optimizer, state["theta"], options=options)


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
