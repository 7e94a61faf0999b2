"""What a run reports, and what it leaves: progress, gates, measures, results, its log."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.common import BIGGEST, RequestModel

MAX_GATES = 1000
MAX_RANKS = 4096
Count = Annotated[int, Field(ge=0, le=BIGGEST)]


Shares = Annotated[dict[str, float], Field(max_length=20)]


PROGRESS: dict[str, Any] = {
    "state": "running",
    "stage": "searching",
    "step": 1200,
    "total_steps": 8000,
    "attempt": 0,
    "loss": 0.41,
}


class Rank(RequestModel):
    """What a worker reported last."""

    rank: Annotated[int, Field(ge=0, lt=MAX_RANKS)]
    step: Count
    embedding_bytes: Count = Field(description="of its part of the tables' weights")
    reported_at: float = Field(ge=0, le=1e11, description="seconds since 1970")


class Progress(RequestModel):
    """How far a run is."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROGRESS]})

    state: Literal["running", "succeeded", "failed"]
    stage: Literal["starting", "searching", "ranking", "finetuning", "evaluating", "done"]
    step: Count
    total_steps: Count = Field(description="what the stage will take; 0 where that isn't counted")
    attempt: int = Field(ge=-1, le=BIGGEST, description="how often the run's workers were started anew")
    loss: float | None = None
    penalty: float | None = None
    held_out_loss: float | None = None
    rows_per_second: float | None = None
    steps_per_second: float | None = None
    step_seconds: float | None = Field(default=None, description="mean time of a step of the slowest worker")
    decode_seconds: float | None = Field(default=None, ge=0, description="spent on reading and decoding so far")
    advanced_at: float | None = Field(
        default=None, ge=0, le=1e11, description="when a step was last counted or a stage began, seconds since 1970"
    )
    stages: Shares | None = Field(default=None, description="seconds spent in stages that are over")
    ranks: Annotated[list[Rank], Field(max_length=MAX_RANKS)] | None = None
    eta: float | None = Field(default=None, description="seconds until the stage ends")
    polarization: Shares | None = Field(default=None, description="shares of gates that are open, closed, undecided")
    crossing_share: float | None = Field(default=None, description="share of gates that lately crossed 0.5")
    undecided: float | None = Field(default=None, deprecated=True, description="the old name of crossing_share")
    gate_counts: Annotated[list[Count], Field(max_length=100)] | None = Field(
        default=None, description="how many gates lie in each of as many equal parts of [0, 1]"
    )
    converged: Annotated[dict[str, bool], Field(max_length=20)] | None = None
    gate_sum: float | None = Field(default=None, description="sum of all the gates")
    gates: Annotated[dict[str, float], Field(max_length=MAX_GATES)] | None = Field(
        default=None, description="gates by feature, of the first 1,000"
    )


class Report(RequestModel):
    """What a run tells. A number that isn't higher than the last changes nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"number": 7, "progress": PROGRESS}]})

    number: int = Field(ge=1, le=BIGGEST, description="rises from report to report of an attempt")
    progress: Progress | None = Field(default=None, description="null while there is none, and the run is alive")


class Answer(BaseModel):
    """What the run is to do."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"taken": 7, "stop": None}, {"taken": 8, "stop": "cancelled"}]},
    )

    taken: int = Field(description="the highest number taken")
    stop: str | None = Field(description="why the run is to end at once, such as `cancelled`; null to go on")


class GateHistory(BaseModel):
    """A row of `gates`, and of each of `details`, for each step, a column for each feature; null for no number."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "features": ["user_id", "age"],
                    "steps": [50, 100],
                    "every": 1,
                    "gates": [[0.9, 0.88], [0.93, 0.71]],
                    "details": {"divergence": [[1.2, 0.4], [1.3, 0.4]]},
                    "divergences": [[1.2, 0.4], [1.3, 0.4]],
                }
            ]
        }
    )

    features: list[str]
    steps: list[int] = Field(description="the training step at each point's end")
    every: int = Field(description="snapshots that a point is the mean of; 1 where nothing is averaged")
    gates: list[list[float | None]]
    details: dict[str, list[list[float | None]]] = Field(
        description="what the selector tells beside the score, by name; LeAP's divergence is the mean ‖x − x′‖ "
        "(LeAP §3.2), averaged over steps"
    )
    divergences: list[list[float | None]] = Field(deprecated=True, description="the old place of details.divergence")


class GateGrid(BaseModel):
    """The gates as a heat map: F features × T points. Empty until the first snapshot."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "features": ["user_id", "age"],
                    "steps": [200, 400, 600],
                    "every": 4,
                    "final": [0.9812, 0.0034],
                    "cells": "5vH5f0AB",
                }
            ]
        }
    )

    features: list[str] = Field(description="in the run's order")
    steps: list[int] = Field(description="the training step at each point's end")
    every: int = Field(description="snapshots that a point is the mean of")
    final: list[float | None] = Field(description="each feature's gate in the run's newest snapshot")
    cells: str = Field(description="base64 of F × T bytes, a row a feature: the gate × 254, or 255 for no number")


Series = list[float | None]


class Measures(BaseModel):
    """A run's measures, a column each, all of one length; null where there is no number. Empty until a snapshot."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "every": 1,
                    "steps": [50, 100],
                    "seconds": [2.1, 4.0],
                    "loss": [0.52, 0.47],
                    "held_out_loss": [0.53, 0.49],
                    "held_out_auc": [0.71, 0.74],
                    "penalty": [0.031, 0.029],
                    "low": [0.0, 0.1],
                    "middle": [1.0, 0.8],
                    "high": [0.0, 0.1],
                    "spread": [0.02, 0.11],
                    "entropy": [0.99, 0.91],
                    "crossing_share": [0.0, 0.06],
                    "undecided": [0.0, 0.06],
                    "rows_per_second": [24380.0, 26947.0],
                }
            ]
        }
    )

    every: int = Field(description="snapshots that a point is the mean of")
    steps: list[int] = Field(description="the training step at each point's end")
    seconds: Series = Field(description="of training since the search began, at each point's end")
    loss: Series = Field(description="task loss on training rows, nats")
    held_out_loss: Series = Field(description="task loss on held-out rows, nats; null unless the update is bilevel")
    held_out_auc: Series = Field(description="AUC of the newest held-out rows, as the gated model saw them")
    penalty: Series = Field(description="Σ λ g (LeAP §3.2), nats")
    low: Series = Field(description="share of gates under 0.1")
    middle: Series = Field(description="share of gates in [0.1, 0.9]")
    high: Series = Field(description="share of gates over 0.9")
    spread: Series = Field(description="mean |g − mean g|")
    entropy: Series = Field(description="mean binary entropy of the gates, bits: 1 at 0.5, 0 at 0 and 1")
    crossing_share: Series = Field(description="share of gates that crossed 0.5 within the last 10 snapshots")
    undecided: Series = Field(deprecated=True, description="the old name of crossing_share")
    rows_per_second: Series


Share = Annotated[float, Field(ge=0, le=1)]


QUALITY: dict[str, Any] = {
    "auc": 0.7412,
    "gauc": None,
    "logloss": 0.4913,
    "ne": 0.9127,
    "rows": 20000,
    "base_rate": 0.24,
}


class Quality(BaseModel):
    """Of one model on the test split."""

    auc: float | None = Field(description="null where only one class occurs")
    gauc: float | None = Field(description="AUC within groups, averaged; null without a group in the spec")
    logloss: float = Field(description="nats")
    ne: float | None = Field(description="logloss over that of the base rate")
    rows: int
    base_rate: float


class CurvePoint(BaseModel):
    """Quality on the validation split with the first `features` of the ranking, the others at their means."""

    features: int
    dims: int
    embedding_bytes: int
    logloss: float = Field(description="nats")
    auc: float | None
    gauc: float | None


class FeatureCost(BaseModel):
    """What a feature weighs in the full model."""

    name: str
    dim: int
    embedding_bytes: int = Field(description="of its table's weights; 0 for dense ones")
    bytes_per_example: float = Field(description="4 for each dense float, 8 for an id; a list counts as one id")
    sparsity: Share | None = Field(
        description="share of rows at the feature's default, or with an empty list, among the first 65,536 of training"
    )


class Results(BaseModel):
    """What a run measured. `features` and the curve are in the order of the ranking, as the prune list is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "full": QUALITY,
                    "pruned": QUALITY,
                    "finetuned": QUALITY,
                    "curve": [
                        {
                            "features": 1,
                            "dims": 16,
                            "embedding_bytes": 64000,
                            "logloss": 0.52,
                            "auc": 0.7,
                            "gauc": None,
                        }
                    ],
                    "delta": 0.001,
                    "stages": {"searching": 24.2, "finetuning": 8.3, "total": 90.3},
                    "rows_per_second": 31250.0,
                    "steps": 800,
                    "attempts": 1,
                    "converged": {"gates": True, "model": True},
                    "features": [
                        {
                            "name": "user_id",
                            "dim": 16,
                            "embedding_bytes": 64000,
                            "bytes_per_example": 8,
                            "sparsity": 0.02,
                        }
                    ],
                }
            ]
        }
    )

    full: Quality = Field(description="trained with all features")
    pruned: Quality = Field(description="the searched model cut down, before it is trained on")
    finetuned: Quality = Field(description="the pruned model after its own training")
    curve: list[CurvePoint] = Field(description="the selection curve, fewest features first")
    delta: float = Field(description="loss of logloss that the rule `curve` allows")
    stages: dict[str, float] = Field(description="seconds spent by stage")
    rows_per_second: float = Field(description="of the search")
    steps: int = Field(description="of the search")
    attempts: int = Field(description="how often the run's workers were started")
    converged: dict[str, bool] = Field(description="whether `gates` and `model` had come to rest")
    features: list[FeatureCost]


class Log(BaseModel):
    """A part of a log. Reading on from `next` follows it; once `ended` and empty there is no more."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "searching, step 50\n", "offset": 0, "next": 19, "ended": False}]}
    )

    text: str = Field(description="whole lines; what looks like a secret is left out")
    offset: int = Field(description="where the part begins, in bytes")
    next: int = Field(description="where the next one does")
    ended: bool = Field(description="whether the job has ended: nothing is added any more")
