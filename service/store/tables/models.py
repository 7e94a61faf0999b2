"""Ranking models under management, and their features."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Id, Long, Number

ACTIVE = text("state = 'active'")
UNREVISED = text("revision_of IS NULL")


class Model(Base):
    """A ranking model. `spec` is a job spec without features and name, which every job of the model begins with;
    `policy` and `retention` are checked by the API. `version` rises with every change, and is the ETag.
    """

    __tablename__ = "models"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    description: Mapped[Long]
    spec: Mapped[dict[str, Any]]
    policy: Mapped[dict[str, Any]]
    retention: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Feature(Base):
    """A feature of a model: `spec` is what a job's spec says of it, without name, column and status.

    status: essential | active | candidate | pruned | retired.
    """

    __tablename__ = "features"
    __table_args__ = (UniqueConstraint("model", "name"), Index("features_by_status", "model", "status"))

    number: Mapped[Number]
    model: Mapped[str] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"))
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(20))
    dim: Mapped[int]
    column: Mapped[str]
    spec: Mapped[dict[str, Any]]
    owner: Mapped[str]
    tags: Mapped[list[str]]
    status: Mapped[str] = mapped_column(String(12))
    version: Mapped[int] = mapped_column(default=1)
    registered_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def hash_size(self) -> int | None:
        """Rows of its embedding table; None for a dense feature."""
        size: int | None = self.spec.get("hash_size")
        return size


class FeatureDecision(Base):
    """A change of a feature's status, who made it and why; `before` is null at its registration."""

    __tablename__ = "feature_decisions"
    __table_args__ = (Index("decisions_of_feature", "model", "feature", "number"),)

    number: Mapped[Number]
    model: Mapped[str] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"))
    feature: Mapped[str]
    time: Mapped[datetime]
    before: Mapped[str | None] = mapped_column(String(12))
    after: Mapped[str] = mapped_column(String(12))
    reason: Mapped[Long]
    by: Mapped[str]
    prune_list_number: Mapped[int | None]
    job_id: Mapped[Id | None]
    score: Mapped[float | None]


class PublishedList(Base):
    """A prune list in its life: proposed → approved → active → superseded | rolled_back; or rejected.

    `list_id` is the content's own name (its SHA-256); lists that decide the same have the same `decisions_id`.
    `verdict` is the guard's: passed | failed | inconclusive. `previous` is the list that this one took over from.
    `revision_of` is the list whose decisions somebody changed to make this one; null of a list as its job made it.
    """

    __tablename__ = "prune_lists"
    __table_args__ = (
        Index("prune_lists_of_model", "model", "number"),
        Index("active_list", "model", unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE),
        Index("list_of_job", "job_id", unique=True, sqlite_where=UNREVISED, postgresql_where=UNREVISED),
    )

    number: Mapped[Number]
    model: Mapped[str] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"))
    list_id: Mapped[Id]
    job_id: Mapped[Id]
    content: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(12))
    verdict: Mapped[str] = mapped_column(String(12))
    decisions_id: Mapped[Id]
    submitted_by: Mapped[str]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[Long | None]
    activated_by: Mapped[str | None]
    activated_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    previous: Mapped[int | None]
    revision_of: Mapped[int | None]

    @property
    def guard_passed(self) -> bool:
        """The verdict as version 0.1 told it."""
        return self.verdict == "passed"
