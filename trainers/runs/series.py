"""Series over a search as their readers hand them over: gates of features, the heat map, and measures.

Where a series is thinned, a point is the mean over `every` snapshots, and its step that of the last one. What is no
number is null. All of a series is empty before the first snapshot.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from trainers.runs.schema import Schema

Series = tuple[float | None, ...]


def _with_example(**example: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class GateHistory(Schema):
    """A row of `gates`, and of each of `details`, for each step; a column for each feature."""

    model_config = _with_example(
        features=["user_id", "age"],
        steps=[50, 100],
        every=1,
        gates=[[0.9, 0.88], [0.93, 0.71]],
        details={"divergence": [[1.2, 0.4], [1.3, 0.4]]},
        divergences=[[1.2, 0.4], [1.3, 0.4]],
    )

    features: tuple[str, ...]
    steps: tuple[int, ...] = Field(description="the training step at each point's end")
    every: int = Field(description="snapshots that a point is the mean of; 1 where nothing is averaged")
    gates: tuple[Series, ...] = Field(description="the selector's scores")
    details: dict[str, tuple[Series, ...]] = Field(
        description="what the selector tells beside the score, by name; LeAP's divergence is the mean ‖x − x′‖ "
        "(LeAP §3.2), averaged over steps"
    )
    divergences: tuple[Series, ...] = Field(
        default=(), deprecated="read details", description="the old place of details.divergence"
    )


class GateGrid(Schema):
    """The gates as a heat map: F features × T points."""

    model_config = _with_example(
        features=["user_id", "age"], steps=[200, 400, 600], every=4, final=[0.9812, 0.0034], cells="5vH5f0AB"
    )

    features: tuple[str, ...] = Field(description="in the run's order")
    steps: tuple[int, ...] = Field(description="the training step at each point's end")
    every: int = Field(description="snapshots that a point is the mean of")
    final: Series = Field(description="each feature's gate in the run's newest snapshot")
    cells: str = Field(description="base64 of F × T bytes, a row a feature: the gate × 254, or 255 for no number")


class MeasureSeries(Schema):
    """A run's measures, a column each, all of one length."""

    model_config = _with_example(
        every=1,
        steps=[50, 100],
        seconds=[2.1, 4.0],
        loss=[0.52, 0.47],
        held_out_loss=[0.53, 0.49],
        held_out_auc=[0.71, 0.74],
        penalty=[0.031, 0.029],
        low=[0.0, 0.1],
        middle=[1.0, 0.8],
        high=[0.0, 0.1],
        spread=[0.02, 0.11],
        entropy=[0.99, 0.91],
        crossing_share=[0.0, 0.06],
        undecided=[0.0, 0.06],
        rows_per_second=[24380.0, 26947.0],
        seed_number=[1.0, 1.0],
    )

    every: int = Field(description="snapshots that a point is the mean of")
    steps: tuple[int, ...] = Field(description="the training step at each point's end")
    seconds: Series = Field(description="of training since the search began, at each point's end")
    loss: Series = Field(description="task loss on training rows, nats")
    held_out_loss: Series = Field(description="task loss on held-out rows, nats; null unless the update is bilevel")
    held_out_auc: Series = Field(description="AUC of the newest held-out rows, as the gated model saw them")
    penalty: Series = Field(description="what the open gates cost in the loss, nats; LeAP's is Σ λ g (LeAP §3.2)")
    low: Series = Field(description="share of gates under 0.1")
    middle: Series = Field(description="share of gates in [0.1, 0.9]")
    high: Series = Field(description="share of gates over 0.9")
    spread: Series = Field(description="mean |g − mean g|")
    entropy: Series = Field(description="mean binary entropy of the gates, bits: 1 at 0.5, 0 at 0 and 1")
    crossing_share: Series = Field(
        description="share of gates that crossed 0.5 within the last 10 snapshots of the seed"
    )
    undecided: Series = Field(deprecated="read crossing_share", description="the old name of crossing_share")
    rows_per_second: Series = Field(description="of all workers")
    seed_number: Series = Field(
        default=(), description="which of the search's seeds is trained, from 1: with another one gates begin anew"
    )
