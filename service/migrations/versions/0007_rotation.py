"""Secrets that are replaced go on being good for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.add_column(sa.Column("old_hash", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("old_until", sa.DateTime(timezone=True), nullable=True))
        table.create_index("ix_api_keys_old_hash", ["old_hash"])
    with op.batch_alter_table("webhooks") as table:
        table.add_column(sa.Column("old_secret", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("old_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("webhooks") as table:
        table.drop_column("old_until")
        table.drop_column("old_secret")
    with op.batch_alter_table("api_keys") as table:
        table.drop_index("ix_api_keys_old_hash")
        table.drop_column("old_until")
        table.drop_column("old_hash")
