"""metrics.json: what a finished run measured, beside its prune list."""

from __future__ import annotations

from pydantic import Field

from trainers.runs.progress import Convergence, Share
from trainers.runs.schema import Known, Schema

# Of Quality's numbers those that models are compared by.
METRICS = ("auc", "gauc", "logloss", "ne")


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


class MetricDifference(Schema):
    """How much worse a model is than the full one, on the same rows."""

    metric: str
    drop: float = Field(description="in units of the metric; negative is better")
    error: float | None = Field(default=None, description="standard error of `drop` over the rows, or their groups")
    interval: tuple[float, float] | None = Field(
        default=None,
        description="95% confidence interval of `drop`, paired, by groups where the spec has them; "
        "null where too few rows tell. Where 0 lies within it, the difference is within noise",
    )

    @property
    def within_noise(self) -> bool:
        """Whether no difference at all is among what the rows allow."""
        return self.interval is None or self.interval[0] <= 0 <= self.interval[1]


class QualityDifferences(Schema):
    """Against the full model, a difference for each metric that is defined for both."""

    pruned: tuple[MetricDifference, ...]
    finetuned: tuple[MetricDifference, ...]


class ModelQuality(Schema):
    """Quality on the test split."""

    full: Quality = Field(description="trained with all features")
    pruned: Quality = Field(description="the searched model cut down, before it is trained on")
    finetuned: Quality = Field(description="the pruned model after its own training")
    differences: QualityDifferences | None = Field(
        default=None, description="from the full model, with intervals; null in lists of versions 1 and 2"
    )

    def difference(self, metric: str) -> MetricDifference | None:
        """From the full to the fine-tuned model; None where it isn't known."""
        found = () if self.differences is None else self.differences.finetuned
        return next((each for each in found if each.metric == metric), None)


class CurvePoint(Schema):
    """Quality on the validation split with the first `features` of the ranking, the others at their means.

    Copies of features before them aren't counted, and the model reads them as it reads what they are copies of.
    """

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
    cost: Known[float] = Field(
        default=None, description="what serving it costs, as the spec has it; absent where the spec has none"
    )


class Results(ModelQuality):
    """What a run measured. `features` and the curve are in the order of the ranking, as the prune list is."""

    curve: tuple[CurvePoint, ...] = Field(description="the selection curve, fewest features first")
    own: Known[CurvePoint] = Field(
        default=None,
        description="the kept features, measured as a point of the curve is; absent in runs of version 0.1",
    )
    delta: float = Field(description="loss of logloss that the rule `curve` allows, nats")
    stages: dict[str, float] = Field(description="seconds spent by stage")
    rows_per_second: float | None = Field(
        description="of the search, all workers; null where the selector learns no gates, so that none was measured"
    )
    steps: int = Field(description="trained by the search")
    attempts: int = Field(description="how often the run's workers were started")
    converged: Convergence | None = Field(
        description="whether `gates` and `model` had come to rest, of every seed; null where the selector learns no "
        "gates"
    )
    features: tuple[FeatureWeight, ...]
    data_warnings: tuple[str, ...] = Field(
        default=(), description="what deserves a look in the data, as `winnow check` says it"
    )
