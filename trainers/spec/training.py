"""Training, fine-tuning and the machines that do it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainers.config import MAX_WORKERS, Config, Seed


class FinetuneSpec(Config):
    """Training of the pruned model, until validation gets no better: `warm` from the searched weights, for at most
    `epochs`; `fresh` from new ones, for at most `training.epochs`. Which of them where `start` isn't given is in
    trainers/spec/plan.py."""

    start: Literal["warm", "fresh"] | None = Field(
        default=None,
        description="warm unless given; fresh on so few rows that an epoch has fewer than 220 steps and the search "
        "more than 4 epochs, where `epochs` isn't given either",
    )
    epochs: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="of a warm start: passes over the training rows, at most; 1 unless given",
    )
    learning_rate: Annotated[float, Field(gt=0.0)] | None = None


class TrainingSpec(Config):
    """`max_steps` ends the search of a gate before `epochs` do. What `batch_size` and `epochs` are where they aren't
    given is in trainers/spec/plan.py."""

    batch_size: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="rows of one worker and one step; 64 to 1024 unless given, so that an epoch has about 300 steps",
    )
    epochs: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="passes over the training rows, at most; 4 unless given, and up to 60 where 4 would have fewer "
        "than 1500 steps",
    )
    max_steps: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    embedding_optimizer: Literal["adagrad", "adam"] = Field(
        default="adagrad",
        description="of the tables: adagrad moves the rows looked up, sharded over workers; adam moves every row, "
        "every worker holding all tables: slower, and better on small ones",
    )
    embedding_learning_rate: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None, description="0.02 with adagrad and 0.001 with adam unless given"
    )
    weight_decay: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0, description="of Adam: the backbone's, and the tables' where Adam trains them"
    )
    seed: Seed = 0
    seeds: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1,
        description="searches, one after another, by `seed` and the numbers after it; features are ranked by all of "
        "them together, and the pruned model is cut from the first seed's",
    )
    shuffle_rows: Annotated[int, Field(ge=1)] = Field(default=2**18, description="rows shuffled together on a worker")
    report_every: Annotated[int, Field(ge=1)] = Field(default=50, description="steps between reports")
    checkpoint_every: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="steps between checkpoints of a gate's search; one per epoch unless given"
    )

    @property
    def every_seed(self) -> range:
        return range(self.seed, self.seed + self.seeds)

    @property
    def table_learning_rate(self) -> float:
        return self.embedding_learning_rate or {"adagrad": 0.02, "adam": 0.001}[self.embedding_optimizer]


class TopologySpec(Config):
    """The machine the planner plans for, where it differs from the one it runs on."""

    workers_per_host: Annotated[int, Field(ge=1)] | None = None
    memory_bytes: Annotated[int, Field(ge=1)] | None = Field(default=None, description="of one worker's device")
    sharding: tuple[Literal["data_parallel", "table_wise", "column_wise", "row_wise", "table_row_wise"], ...] = ()


class ScalingSpec(Config):
    workers: Annotated[int, Field(ge=1, le=MAX_WORKERS)] = 1
    use_gpu: bool = False
    max_failures: Annotated[int, Field(ge=0)] = 3
    topology: TopologySpec = TopologySpec()
