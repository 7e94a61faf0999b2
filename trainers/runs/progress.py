"""progress.json: how far a run is. A run writes it, reports it to a control plane and shows it in the terminal.

| renamed key | today | both written, either read |
|---|---|---|
| undecided | crossing_share | for one version |
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, model_validator

from trainers.config import MAX_WORKERS
from trainers.runs.schema import Known, Schema

MAX_COUNT = 2**53  # The integers that every reader of JSON keeps exact.
MAX_SECONDS = 1e11  # A time since 1970, in seconds, of the next 3,000 years.
# Gates in progress.json, which is replaced with every report; gates.parquet has those of all features.
MAX_GATES = 1000

Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Time = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
Share = Annotated[float, Field(ge=0, le=1)]


class Stage(StrEnum):
    """The stages of a run, in their order. Before its workers start, a run holds its spec against the data.

    Later versions may add stages. A reader of this version refuses what it doesn't know.
    """

    VALIDATING = "validating"
    STARTING = "starting"
    SEARCHING = "searching"
    RANKING = "ranking"
    FINETUNING = "finetuning"
    EVALUATING = "evaluating"
    DONE = "done"


class RunState(StrEnum):
    """The states of a run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Polarization(Schema):
    """How far the gates have parted."""

    low: float = Field(description="share of gates in [0, 0.1)")
    middle: float = Field(description="share of gates in [0.1, 0.9]")
    high: float = Field(description="share of gates in (0.9, 1]")
    spread: float = Field(description="mean |g − mean g|")


class Convergence(Schema):
    """Whether the gates, and the model, have come to rest: a model may stop improving while gates still part."""

    gates: bool
    model: bool


class RankStatus(Schema):
    """The newest report of one worker."""

    rank: Annotated[int, Field(ge=0, lt=MAX_WORKERS)]
    step: Count
    embedding_bytes: Count = Field(description="of its part of the tables' weights")
    reported_at: Time = Field(description="seconds since 1970")


class Progress(Schema):
    """How far a run is. What the search measures is absent until its first snapshot of the gates."""

    state: RunState
    stage: Stage
    step: Count = Field(description="of the stage; of a run that is done, the last of its search")
    total_steps: Count = Field(description="what the stage will take; 0 where that isn't counted")
    attempt: int = Field(ge=-1, le=MAX_COUNT, description="how often the run's workers were started anew")
    advanced_at: Known[Time] = Field(
        default=None, description="when a step was last counted or a stage began, seconds since 1970"
    )
    stages: Known[Annotated[dict[str, float], Field(max_length=20)]] = Field(
        default=None, description="seconds spent in stages that are over"
    )
    seed_number: Known[Count] = Field(
        default=None,
        description="which of several searches is being trained, from 1: one a seed, and of a consensus one a model",
    )
    seeds: Known[Count] = Field(default=None, description="how many searches there are, where it is more than one")
    loss: Known[float] = Field(default=None, description="task loss on training rows, nats")
    held_out_loss: Known[float] = Field(default=None, description="task loss on held-out rows, nats; 0 without any")
    penalty: Known[float] = Field(default=None, description="what the open gates cost in the loss, nats")
    rows_per_second: Known[float] = Field(default=None, description="of all workers")
    steps_per_second: Known[float] = None
    step_seconds: Known[float] = Field(default=None, description="mean time of a step of the slowest worker")
    decode_seconds: Known[Annotated[float, Field(ge=0)]] = Field(
        default=None, description="spent on reading and decoding so far, by the slowest worker"
    )
    eta: Known[float] = Field(default=None, description="seconds until the search ends")
    ranks: Known[Annotated[tuple[RankStatus, ...], Field(max_length=MAX_WORKERS)]] = None
    polarization: Known[Polarization] = None
    crossing_share: Known[Share] = Field(
        default=None, description="share of gates that crossed 0.5 within the last 10 snapshots"
    )
    undecided: Known[Share] = Field(
        default=None, deprecated="read crossing_share", description="the old name of crossing_share"
    )
    gate_counts: Known[Annotated[tuple[Count, ...], Field(max_length=100)]] = Field(
        default=None, description="how many gates lie in each of as many equal parts of [0, 1]"
    )
    gate_sum: Known[float] = Field(default=None, description="sum of the gates of all features")
    converged: Known[Convergence] = None
    gates: Known[Annotated[dict[str, float], Field(max_length=MAX_GATES)]] = Field(
        default=None, description="gates by feature, of the first 1,000 features"
    )

    @model_validator(mode="before")
    @classmethod
    def _take_both_names(cls, content: Any) -> Any:
        """Fill crossing_share and its old name from each other."""
        if not isinstance(content, Mapping):
            return content
        share = content.get("crossing_share", content.get("undecided"))
        return content if share is None else {**content, "crossing_share": share, "undecided": share}
