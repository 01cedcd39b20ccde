"""The connections that a limited lane allows, for all machines."""

import sqlalchemy as sa
from alembic import op

from engine.tables.base import Instant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lane_slot",
        sa.Column("lane", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("worker", sa.String(64), nullable=False),
        sa.Column("until", Instant(), nullable=False),
    )
