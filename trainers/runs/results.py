"""metrics.json: what a finished run measured, beside its prune list."""

from __future__ import annotations

from pydantic import Field

from trainers.runs.progress import Convergence, Share
from trainers.runs.schema import Schema


class Quality(Schema):
    """Of one model's predictions over a whole split."""

    auc: float | None = Field(description="null where only one class occurs")
    gauc: float | None = Field(
        description="AUC within groups, averaged; null without a group in the spec, or where none has both classes"
    )
    logloss: float = Field(description="nats")
    ne: float | None = Field(description="logloss over that of the base rate; null where only one class occurs")
    rows: int
    base_rate: float = Field(description="share of positive labels, each row with its weight")

    def value(self, metric: str) -> float | None:
        """The metric of that name; None where it isn't defined."""
        found: float | None = getattr(self, metric)
        return found


class ModelQuality(Schema):
    """Quality on the test split."""

    full: Quality = Field(description="trained with all features")
    pruned: Quality = Field(description="the searched model cut down, before it is trained on")
    finetuned: Quality = Field(description="the pruned model after its own training")


class CurvePoint(Schema):
    """Quality on the validation split with the first `features` of the ranking, the others at their means."""

    features: int
    dims: int
    embedding_bytes: int = Field(description="of the tables' weights")
    logloss: float = Field(description="nats")
    auc: float | None = Field(description="null where only one class occurs")
    gauc: float | None = Field(description="null without a group in the spec")


class FeatureWeight(Schema):
    """What a feature weighs in the full model."""

    name: str
    dim: int
    embedding_bytes: int = Field(description="of its table's weights; 0 for dense ones")
    bytes_per_example: float = Field(description="4 for each dense float, 8 for an id; a list counts as one id")
    sparsity: Share | None = Field(
        description="share of rows at the feature's default, or with an empty list, among the first 65,536 of training"
    )
    auc: Share | None = Field(
        default=None,
        description="how well the feature alone predicts the label, 0.5 to 1, on a sample of training rows",
    )


class Results(ModelQuality):
    """What a run measured. `features` and the curve are in the order of the ranking, as the prune list is."""

    curve: tuple[CurvePoint, ...] = Field(description="the selection curve, fewest features first")
    delta: float = Field(description="loss of logloss that the rule `curve` allows, nats")
    stages: dict[str, float] = Field(description="seconds spent by stage")
    rows_per_second: float | None = Field(
        description="of the search, all workers; null where the selector learns no gates, so that none was measured"
    )
    steps: int = Field(description="trained by the search")
    attempts: int = Field(description="how often the run's workers were started")
    converged: Convergence | None = Field(
        description="whether `gates` and `model` had come to rest; null where the selector learns no gates"
    )
    features: tuple[FeatureWeight, ...]
