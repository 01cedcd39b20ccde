"""What answers are worth, and when a quiz was taken."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("submission", sa.Column("score", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("submission", sa.Column("lessons", sa.Integer(), nullable=False, server_default="0"))
