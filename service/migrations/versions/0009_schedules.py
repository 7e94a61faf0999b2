"""Schedules have no lease: whoever decides on one holds its row."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("schedules") as schedules:
        schedules.drop_column("lease_until")
        schedules.drop_column("lease_owner")


def downgrade() -> None:
    with op.batch_alter_table("schedules") as schedules:
        schedules.add_column(sa.Column("lease_owner", sa.String(64)))
        schedules.add_column(sa.Column("lease_until", sa.DateTime(timezone=True)))
