"""How much the gate costs: alone, beside a copy and the straightforward way, and within a training step.

    python -m tests.experiments.gate_speed

The gate alone is forward and backward in training, with divergences and gradients of x and θ. The straightforward way
is `randperm`, indexing, blending and a norm for each feature. In the steps tables are looked up, trained and moved.
All sides alternate in one process; ratios are of medians. `--clock cpu` counts the process's processor time, for a
machine that others use too.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
import typer
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from sharding.layout import FeatureLayout
from trainers.models.batch import Batch
from trainers.models.losses import task_loss
from trainers.selectors.gates.leap.gate import LeapGate
from trainers.spec import JobSpec, parse_spec
from trainers.spec.order import canonical_order
from trainers.training.build import build_gated, build_plain
from trainers.training.gate_trainer import GateTrainer
from trainers.training.ranks import RankContext, seed_step

# Of 500 features with 9,156 columns: dims, and how many have each.
DIMS = {1: 230, 3: 10, 8: 60, 16: 90, 32: 60, 64: 33, 128: 11, 256: 6}
BATCH = 2048
TABLE_ROWS = 1000
HIDDEN = ((64, 32), (1024, 512))
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
Clock = Literal["wall", "cpu"]
Sides = dict[str, Callable[[], Any]]


def layout_of(dims: dict[int, int]) -> FeatureLayout:
    """Features of these dims, as many as there are of each."""
    return FeatureLayout.from_dims({f"f{dim}_{at}": dim for dim, count in dims.items() for at in range(count)})


def straightforward(x_BC: torch.Tensor, gate_F: torch.Tensor, layout: FeatureLayout) -> tuple[torch.Tensor, ...]:
    """The mixture and the divergences, feature by feature."""
    mixed, distances = [], []
    # Split at once: the gradient of a slice is as large as x.
    for gate, own in zip(gate_F, x_BC.split(layout.dims, 1), strict=True):
        other = own.detach()[torch.randperm(len(own))]
        distances.append((own.detach() - other).norm(dim=1).mean())
        mixed.append(gate * own + (1 - gate) * other)
    return torch.cat(mixed, 1), torch.stack(distances)


def alone(layout: FeatureLayout, rows: int) -> Sides:
    """A copy of x into place, and both ways of the gate, forward and backward."""
    x_BC, into_BC, gradient_BC = (torch.randn(rows, layout.total) for _ in range(3))
    gate = LeapGate(layout)
    theta_F = gate.theta.detach().clone().requires_grad_()
    x_BC.requires_grad_()

    def naive() -> None:
        mixed_BC, _ = straightforward(x_BC, torch.sigmoid(theta_F / gate.config.temperature), layout)
        torch.autograd.grad(mixed_BC, (x_BC, theta_F), gradient_BC)

    return {
        "copy": lambda: into_BC.copy_(x_BC.detach()),
        "straightforward": naive,
        "gate": lambda: torch.autograd.grad(gate(x_BC), (x_BC, gate.theta), gradient_BC),
    }


def spec_of(dims: dict[int, int], hidden: tuple[int, ...]) -> JobSpec:
    """Scalars are dense, all wider features ids."""
    features = [
        {"name": name, "kind": "dense"}
        if dim == 1
        else {"name": name, "kind": "categorical", "dim": dim, "hash_size": TABLE_ROWS}
        for name, dim in zip(layout_of(dims).names, layout_of(dims).dims, strict=True)
    ]
    return parse_spec({
        "dataset": {"train": "none", "splits": {}},
        "features": features,
        "model": {"backbone": "mlp", "hidden": list(hidden)},
        "training": {"batch_size": BATCH},
    })  # fmt: skip


def batch_of(spec: JobSpec, rows: int) -> Batch:
    """Random rows."""
    keys = [feature.name for feature in spec.features if feature.kind != "dense"]
    sparse = KeyedJaggedTensor(
        keys=keys,
        values=torch.randint(TABLE_ROWS, (rows * len(keys),)),
        lengths=torch.ones(rows * len(keys), dtype=torch.int32),
    )
    return Batch(
        dense_BD=torch.randn(rows, len(spec.features) - len(keys)),
        sparse=sparse,
        label_B=(torch.rand(rows) < 0.3).float(),
        group_B=torch.zeros(rows, dtype=torch.int64),
        weight_B=torch.ones(rows),
    )


def steps(spec: JobSpec, rows: int) -> Sides:
    """A training step without the gate, and with it."""
    ranks, spec = RankContext(), canonical_order(spec)
    batch, held_out = batch_of(spec, rows), batch_of(spec, rows)
    plain = build_plain(spec, ranks)
    optimizer = torch.optim.Adam(plain.backbone.parameters(), fused=True)
    joint, bilevel = (GateTrainer(build_gated(spec, ranks), spec, ranks) for _ in range(2))

    def without() -> None:
        seed_step(0, 0, 1)
        x_BC = plain.inputs(batch)
        plain.inputs.baseline.observe(x_BC.detach())
        loss = task_loss(plain.backbone(x_BC), batch, False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        plain.inputs.finish_step()

    return {
        "without": without,
        "joint": lambda: joint.step(1, batch, None),
        "bilevel": lambda: bilevel.step(1, batch, held_out),
    }


def medians(sides: Sides, rounds: int, clock: Clock) -> dict[str, float]:
    """Seconds of each side, the first round left out: there memory is new and kernels are loaded."""
    now, found = CLOCKS[clock], {name: list[float]() for name in sides}
    for turn in range(rounds + 1):
        for name, run in sides.items():
            began = now()
            run()
            if turn:
                found[name].append(now() - began)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def main(
    rounds: int = 9, threads: int = 2, rows: int = BATCH, clock: Annotated[Clock, typer.Option()] = "wall"
) -> None:
    torch.set_num_threads(threads)
    layout = layout_of(DIMS)
    print(f"{rows} rows, {len(layout)} features, {layout.total} columns, {threads} threads, {clock} time")
    found = medians(alone(layout, rows), rounds, clock)
    print("| copy, ms | straightforward, ms | gate, ms | gate / straightforward | gate / copy |\n|---|---|---|---|---|")
    cells = [f"{found[name] * 1000:.1f}" for name in ("copy", "straightforward", "gate")]
    ratios = [f"{found['gate'] / found[name]:.2f}" for name in ("straightforward", "copy")]
    print("| " + " | ".join(cells + ratios) + " |", flush=True)
    print("| MLP | without, ms | joint / without | bilevel / without |\n|---|---|---|---|")
    for hidden in HIDDEN:
        found = medians(steps(spec_of(DIMS, hidden), rows), rounds, clock)
        ratios = [f"{found[name] / found['without']:.2f}" for name in ("joint", "bilevel")]
        print(f"| {hidden} | {found['without'] * 1000:.0f} | " + " | ".join(ratios) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
