"""Published prune lists as the API takes and shows them, and how two of them differ."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.core.statuses import ListState
from service.schemas.common import RequestModel, StoredText
from trainers.runs.prune_list import PruneList, Verdict

Reason = Annotated[StoredText, Field(min_length=1, description="why, for the list's history")]
LIST: dict[str, Any] = {
    "number": 12,
    "model": "feed-ranker",
    "list_id": "9f2c4e1b6a7d8053c1e4f7a2b5d8093e6f1c4a7b2d5e8093f6a1c4b7d2e50938",
    "job_id": "job-5f0c2b7a9d1e4c3f8a6b",
    "state": "approved",
    "verdict": "passed",
    "guard_passed": True,
    "submitted_by": "ranking-team",
    "proposed_at": "2026-01-01T02:00:00Z",
    "decided_by": "reviewer",
    "decided_at": "2026-01-01T09:00:00Z",
    "reason": "the drop is within noise",
    "activated_by": None,
    "activated_at": None,
    "ended_at": None,
    "previous": None,
    "revision_of": None,
}
BEFORE: dict[str, Any] = {"features": 60, "dims": 800, "embedding_bytes": 8_388_608}
AFTER: dict[str, Any] = {"features": 40, "dims": 512, "embedding_bytes": 4_194_304}
TOTALS: dict[str, Any] = {"features": 40, "dims": 512, "embedding_bytes": 4_194_304, "bytes_per_example": 312.0}


QUALITY: dict[str, Any] = {"auc": 0.77, "gauc": None, "logloss": 0.52, "ne": 0.9, "rows": 10_000, "base_rate": 0.25}
CONTENT: dict[str, Any] = {
    "schema_version": 2,
    "id": LIST["list_id"],
    "name": "feed-ranker",
    "selector": {"name": "leap", "family": "gate", "probability_like": True},
    "features": [
        {
            "name": "clip",
            "kind": "dense",
            "dim": 128,
            "score": 0.08,
            "details": {"divergence": 0.9, "mean_gate": 0.4},
            "decision": "prune",
            "why": "threshold",
        }
    ],
    "interactions": [],
    "before": {**BEFORE, "bytes_per_example": 824.0},
    "after": TOTALS,
    "metrics": {"full": QUALITY, "pruned": QUALITY, "finetuned": QUALITY},
    "guard": {
        "metric": "auc",
        "max_drop": 0.001,
        "drop": 0.0,
        "error": 0.0004,
        "passed": True,
        "reason": "auc 0.7700 → 0.7700",
    },
    "diagnostics": {"polarized": True},
    "warning": None,
    "fingerprints": {"spec": LIST["list_id"]},
}


class Reasoned(RequestModel):
    """Why it is done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the new ranker needs it"}]})

    reason: Reason | None = None


class Rejection(RequestModel):
    """Why the list isn't to be used."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "drops a feature that launches next week"}]})

    reason: Reason


class Approval(RequestModel):
    """Why the list is agreed to."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "the drop is within noise", "override_guard": True}]}
    )

    reason: Reason | None = None
    override_guard: bool = Field(default=False, description="agree though the guard failed; needs a reason")


class RevisionRequest(RequestModel):
    """Which decisions of a list to change, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"keep": ["clip"], "prune": ["hour"], "reason": "clip is needed by the new ranker"}]
        }
    )

    keep: list[StoredText] = Field(default=[], max_length=100_000, description="features to keep that the list prunes")
    prune: list[StoredText] = Field(default=[], max_length=100_000, description="features to prune that the list keeps")
    reason: Reason


class ListView(BaseModel):
    """A prune list in its life."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [LIST]})

    number: int
    model: str
    list_id: str = Field(description="the content's own name, its SHA-256")
    job_id: str = Field(description="the job that made it, or the list that it is a revision of")
    state: ListState
    verdict: Verdict = Field(description="the guard's; only a list that passed is approved by a policy")
    guard_passed: bool = Field(
        deprecated=True, description="for one more version: whether the verdict is `passed`; read verdict"
    )
    submitted_by: str = Field(
        description="who submitted the job, or made the revision; can't approve the list under four eyes"
    )
    proposed_at: datetime
    decided_by: str | None = Field(description="who approved or rejected it; `policy` where nobody was asked")
    decided_at: datetime | None
    reason: str | None = Field(description="why it was approved or rejected")
    activated_by: str | None
    activated_at: datetime | None
    ended_at: datetime | None = Field(description="when it was superseded, rolled back or rejected")
    previous: int | None = Field(description="number of the list that it took over from")
    revision_of: int | None = Field(
        default=None,
        description="number of the list whose decisions `submitted_by` changed to make this one; null of a list as its "
        "job made it",
    )


class ListDetail(ListView):
    """A prune list in its life, and what it says."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [{**LIST, "content": CONTENT}]})

    content: PruneList = Field(
        description="the list as its job, or who revised it, made it, in the version of that time"
    )


class ListTotalsView(BaseModel):
    """Of the features that there were, or that are kept."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [BEFORE]})

    features: int
    dims: int
    embedding_bytes: int


class ListEntry(ListView):
    """A prune list in its life, and what it saves."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**LIST, "before": BEFORE, "after": AFTER}]})

    before: ListTotalsView
    after: ListTotalsView
    changes: dict[str, float] = Field(
        default={}, description="by metric (auc, gauc), what the fine-tuned model has over the full one"
    )


class ListPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prune_lists": [{**LIST, "before": BEFORE, "after": AFTER}], "next": None}]}
    )

    prune_lists: list[ListEntry]
    next: int | None


class RolledBack(BaseModel):
    """The list that was taken back, and the one that is served again; null where there was none before."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rolled_back": {**LIST, "state": "rolled_back"}, "active": None}]}
    )

    rolled_back: ListView
    active: ListView | None


class ScoreChange(BaseModel):
    feature: str
    before: float
    after: float
    change: float


class ListRef(BaseModel):
    number: int
    list_id: str
    totals: dict[str, float] = Field(description="of what it keeps: features, dims, embedding_bytes, bytes_per_example")


class ListDiff(BaseModel):
    """From list `a` to list `b`. Names stand in the order of `b`, or of `a` where only that has them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "a": {"number": 11, "list_id": LIST["list_id"], "totals": {**TOTALS, "features": 41}},
                    "b": {"number": 12, "list_id": LIST["list_id"], "totals": TOTALS},
                    "no_longer_served": ["clip"],
                    "newly_served": ["genres"],
                    "newly_pruned": ["clip"],
                    "newly_kept": [],
                    "only_in_a": [],
                    "only_in_b": ["genres"],
                    "scores": [{"feature": "clip", "before": 0.9, "after": 0.1, "change": -0.8}],
                    "totals": {"features": -1},
                }
            ]
        }
    )

    a: ListRef
    b: ListRef
    no_longer_served: list[str] = Field(default=[], description="kept by a; b prunes or doesn't know them")
    newly_served: list[str] = Field(default=[], description="kept by b; a prunes or doesn't know them")
    newly_pruned: list[str] = Field(description="kept by a, pruned by b")
    newly_kept: list[str] = Field(description="pruned by a, kept by b")
    only_in_a: list[str] = Field(description="b doesn't know them")
    only_in_b: list[str] = Field(description="a doesn't know them")
    scores: list[ScoreChange] = Field(description="of features in both whose score changed, greatest change first")
    totals: dict[str, float] = Field(description="how much more b keeps than a; less is negative")
