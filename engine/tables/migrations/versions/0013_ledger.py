"""The ledger's indexes hold only rows that they can find: each step of a mail writes to fewer of them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("account_id", "settled_at"):
        name, there = f"ix_delivery_{column}", sa.text(f"{column} IS NOT NULL")
        op.drop_index(name, table_name="delivery")
        op.create_index(name, "delivery", [column], sqlite_where=there, postgresql_where=there)
