"""Publications, where people stood before them, and the order of lessons that is a learner's own."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrolment", sa.Column("route", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "publication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("before_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("effect", sa.JSON(), nullable=False),
        sa.Column("ledger", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("restored", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name="fk_publication_course_id"),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name="fk_publication_version_id"),
        sa.ForeignKeyConstraint(["before_id"], ["version.id"], name="fk_publication_before_id"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_publication_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_publication"),
    )
    op.create_index("ix_publication_course_id", "publication", ["course_id"], unique=False)
    op.create_table(
        "publication_row",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("next_kind", sa.String(length=64), nullable=False),
        sa.Column("next_key", sa.String(length=64), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=False),
        sa.Column("gate_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(length=64), nullable=False),
        sa.Column("freed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publication.id"], name="fk_publication_row_publication_id"
        ),
        sa.PrimaryKeyConstraint("publication_id", "enrolment_id", name="pk_publication_row"),
    )
    # What was published before is in the history; it cannot be undone, for nobody noted where people stood.
    op.execute(
        "INSERT INTO publication"
        " (course_id, version_id, at, origin, choices, effect, ledger, restored, kept)"
        " SELECT course_id, id, created_at, origin, '{}', '{}', 0, 0, 0 FROM version ORDER BY id"
    )
