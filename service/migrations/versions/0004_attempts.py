"""Jobs of a model, with priority, attempts, deadlines and retries; events of anything."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _widen_jobs()
    _attempts()
    _events(new=True)


def _widen_jobs() -> None:
    """Jobs of before were asked for by requests, and had the job's own id in Ray: theirs is attempt 0, and ends as lost
    where it still runs."""
    time = sa.DateTime(timezone=True)
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("model", sa.String(200), sa.ForeignKey("models.name", name="jobs_model_fkey")))
        jobs.add_column(sa.Column("origin", sa.JSON, nullable=False, server_default='{"kind": "request"}'))
        jobs.add_column(sa.Column("submitted_by", sa.String(200), nullable=False, server_default="anonymous"))
        jobs.add_column(sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("dry_run", sa.Boolean, nullable=False, server_default=sa.false()))
        jobs.add_column(sa.Column("attempt", sa.Integer, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("failures", sa.Integer, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("max_failures", sa.Integer, nullable=False, server_default="3"))
        for name in ("not_before", "deadline", "cancel_requested_at", "started_at", "ended_at"):
            jobs.add_column(sa.Column(name, time))
        jobs.drop_column("submissions")
        jobs.create_index("jobs_waiting", ["state", "priority", "number"])
        jobs.create_index("jobs_of_model", ["model", "number"])
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("jobs", "number", type_=sa.BigInteger)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column(
            "job_id", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, nullable=False
        ),
        sa.Column("number", sa.Integer, primary_key=True, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("reports", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("reason", sa.Text),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _events(*, new: bool) -> None:
    """Events without a foreign key and with a model, or back to what they were; numbers stay."""
    op.rename_table("events", "old_events")
    op.drop_index("events_of_job", "old_events")
    bound = [] if new else [sa.ForeignKey("jobs.id")]
    op.create_table(
        "events",
        sa.Column("number", Number, primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.String(64), *bound, nullable=new),
        *([sa.Column("model", sa.String(200))] if new else []),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    copied = "number, job_id, time, kind, data"
    which = "" if new else " WHERE job_id IN (SELECT id FROM jobs)"
    op.execute(f"INSERT INTO events ({copied}) SELECT {copied} FROM old_events{which}")  # noqa: S608 (our own words)
    op.drop_table("old_events")
    op.create_index("events_of_job", "events", ["job_id", "number"])
    if new:
        op.create_index("events_of_model", "events", ["model", "number"])
    if op.get_bind().dialect.name == "postgresql":
        newest = "coalesce((SELECT max(number) FROM events), 0) + 1"
        op.execute(f"SELECT setval(pg_get_serial_sequence('events', 'number'), {newest})")


def downgrade() -> None:
    _events(new=False)
    op.drop_table("idempotency_keys")
    op.drop_table("attempts")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_index("jobs_of_model")
        jobs.drop_index("jobs_waiting")
        jobs.drop_constraint("jobs_model_fkey", type_="foreignkey")
        for name in (
            *("model", "origin", "submitted_by", "priority", "dry_run", "attempt", "failures", "max_failures"),
            *("not_before", "deadline", "cancel_requested_at", "started_at", "ended_at"),
        ):
            jobs.drop_column(name)
        jobs.add_column(sa.Column("submissions", sa.Integer, nullable=False, server_default="0"))
