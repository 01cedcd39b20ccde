"""The database reckons with everybody's minutes itself, and the ledger has fewer indexes and more numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Empty: the planner fills it in when it meets somebody next.
    op.add_column("enrolment", sa.Column("spread", sa.SmallInteger(), nullable=True))
    op.drop_index("ix_delivery_unfinished", "delivery")
    op.drop_index("ix_delivery_enrolment_id", "delivery")
    # PostgreSQL queues a look-up for every mail to nobody of the studio too, which nearly all are.
    with op.batch_alter_table("delivery") as delivery:
        delivery.drop_constraint("fk_delivery_account_id", type_="foreignkey")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE delivery ALTER COLUMN id TYPE bigint")
        op.execute("ALTER SEQUENCE delivery_id_seq AS bigint")
        op.execute("ALTER TABLE publication ALTER COLUMN ledger TYPE bigint")
    op.create_index("ix_delivery_enrolment", "delivery", ["enrolment_id", "state"])
