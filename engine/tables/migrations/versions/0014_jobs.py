"""On PostgreSQL, the tables of Procrastinate: what wakes workers on any number of hosts.

They are as its release 3.10 has them; `tests/flows/test_schema.py` says when a newer one needs a migration.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        # By the driver's own cursor: many statements at once, in which % means itself.
        bind.connection.cursor().execute(SchemaManager.get_schema())
