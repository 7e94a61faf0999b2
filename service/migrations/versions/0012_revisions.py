"""A prune list may be a revision of another, by hand: several lists then come from one job."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

ACTIVE = sa.text("state = 'active'")
UNREVISED = sa.text("revision_of IS NULL")
NAMES = {"uq": "prune_lists_%(column_0_name)s_key"}  # as PostgreSQL names it


def upgrade() -> None:
    op.drop_index("active_list", "prune_lists")
    with op.batch_alter_table("prune_lists", naming_convention=NAMES) as lists:
        lists.drop_constraint("prune_lists_job_id_key", type_="unique")
        lists.add_column(sa.Column("revision_of", sa.Integer(), nullable=True))
    op.create_index("active_list", "prune_lists", ["model"], unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE)
    op.create_index(
        "list_of_job", "prune_lists", ["job_id"], unique=True, sqlite_where=UNREVISED, postgresql_where=UNREVISED
    )


def downgrade() -> None:
    op.execute("DELETE FROM prune_lists WHERE revision_of IS NOT NULL")
    op.drop_index("list_of_job", "prune_lists")
    op.drop_index("active_list", "prune_lists")
    with op.batch_alter_table("prune_lists") as lists:
        lists.drop_column("revision_of")
        lists.create_unique_constraint("prune_lists_job_id_key", ["job_id"])
    op.create_index("active_list", "prune_lists", ["model"], unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE)
