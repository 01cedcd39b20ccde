"""How long a learner has been silent, and how many lessons he is catching up with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrolment", sa.Column("unanswered", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("enrolment", sa.Column("catching_up", sa.Integer(), nullable=False, server_default="0"))
