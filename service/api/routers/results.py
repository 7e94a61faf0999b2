"""`/v1/jobs/{job_id}/results`: what a finished run found, beside its prune list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from service.api.deps import JobDep, SessionDep, SettingsDep
from service.api.problems import ApiError
from service.core.job_state import JobState
from service.jobs.attempts import directory_of
from service.schemas.common import problems
from service.store.tables import Job

router = APIRouter(tags=["jobs"])
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


@router.get(
    "/v1/jobs/{job_id}/results",
    operation_id="getResults",
    summary="Read what a finished run measured",
    response_model=Results,
    responses=problems(404, 422),
)
def results(job: JobDep, session: SessionDep, settings: SettingsDep) -> Response:
    """The metrics of the full, the pruned and the fine-tuned model, the selection curve, and what each feature weighs.

    There once the job has succeeded, until its run directory is deleted.
    """
    session.commit()
    content = _content(directory_of(settings, job).metrics) if JobState(job.state) is JobState.SUCCEEDED else None
    if content is None:
        raise ApiError(404, "no-results", _why_none(job))
    return Response(content, media_type="application/json")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _why_none(job: Job) -> str:
    state = JobState(job.state)
    if not state.ended:
        return f"job {job.id} is {state.value}; its results are there when it has succeeded"
    if state is not JobState.SUCCEEDED:
        return f"job {job.id} {state.value}, and only a job that succeeded has results; see its `reason`"
    if job.dry_run:
        return f"job {job.id} was a dry run, which measures nothing; what it found is in its progress"
    return f"the results of job {job.id} were deleted with its run directory; its prune list stays"
