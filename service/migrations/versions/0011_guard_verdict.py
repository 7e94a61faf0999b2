"""A guard has three verdicts; lists with the same decisions know each other."""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

LISTS = sa.table(
    "prune_lists", sa.column("number", sa.Integer), sa.column("content", sa.JSON), sa.column("decisions_id", sa.String)
)


def upgrade() -> None:
    op.add_column("prune_lists", sa.Column("verdict", sa.String(12), nullable=False, server_default="inconclusive"))
    op.execute("UPDATE prune_lists SET verdict = CASE WHEN guard_passed THEN 'passed' ELSE 'failed' END")
    # Not by a batch operation: it would copy the table, with the lists' contents.
    op.execute("ALTER TABLE prune_lists DROP COLUMN guard_passed")
    op.add_column("prune_lists", sa.Column("decisions_id", sa.String(64), nullable=False, server_default=""))
    _name_decisions()


def _name_decisions() -> None:
    connection = op.get_bind()
    for number in connection.scalars(sa.select(LISTS.c.number)).all():
        content = connection.execute(sa.select(LISTS.c.content).where(LISTS.c.number == number)).scalar_one()
        values = {"decisions_id": _decisions_id(content)}
        connection.execute(sa.update(LISTS).where(LISTS.c.number == number).values(values))


def _decisions_id(content: dict[str, Any]) -> str:
    """As PruneList.decisions_id makes it today."""
    decided = {str(feature["name"]): str(feature["decision"]) for feature in content.get("features", ())}
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def downgrade() -> None:
    op.execute("ALTER TABLE prune_lists DROP COLUMN decisions_id")
    op.add_column("prune_lists", sa.Column("guard_passed", sa.Boolean(), nullable=False, server_default=sa.false()))
    passed = sa.text("UPDATE prune_lists SET guard_passed = :passed WHERE verdict = 'passed'")
    op.execute(passed.bindparams(passed=True))
    op.execute("ALTER TABLE prune_lists DROP COLUMN verdict")
