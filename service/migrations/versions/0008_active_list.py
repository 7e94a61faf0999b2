"""A model has one active prune list, which serving finds without reading others."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ACTIVE = sa.text("state = 'active'")


def upgrade() -> None:
    op.create_index("active_list", "prune_lists", ["model"], unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE)


def downgrade() -> None:
    op.drop_index("active_list", "prune_lists")
