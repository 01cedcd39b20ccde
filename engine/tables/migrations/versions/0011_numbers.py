"""Numbers counted beforehand: when a mail was settled, which five an answer is averaged with, the counts."""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_UNGROUPED = sa.text("handed_in_at IS NOT NULL AND round = 1 AND five IS NULL")


def _short(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=64), nullable=False)


def _day() -> sa.Column[date]:
    return sa.Column("day", sa.Date(), nullable=False)


def _counts(table: str, *keys: sa.Column[str] | sa.Column[date]) -> None:
    op.create_table(
        table,
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        *keys,
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("course_id", *(key.name for key in keys), name=f"pk_{table}"),
    )


def upgrade() -> None:
    op.add_column("delivery", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    # When older mails failed or were cancelled was not kept: their own hour stands for it.
    op.execute(
        "UPDATE delivery SET settled_at = COALESCE(sent_at, due_at) "
        "WHERE state IN ('sent', 'cancelled', 'failed')"
    )
    op.create_index("ix_delivery_settled_at", "delivery", ["settled_at"])
    op.add_column("submission", sa.Column("five", sa.Integer(), nullable=True))
    op.create_index("ix_submission_five", "submission", ["five"])
    op.create_index(
        "ix_submission_ungrouped",
        "submission",
        ["activity", "handed_in_at"],
        sqlite_where=_UNGROUPED,
        postgresql_where=_UNGROUPED,
    )
    _counts("daily_count", _day(), *map(_short, ("kind", "lesson_key", "state", "cause")))
    _counts("standing", *map(_short, ("cohort", "state", "next_kind", "next_key", "cause")))
    _counts("forecast", _day(), *map(_short, ("kind", "lesson_key")))
    op.create_table(
        "answer_total",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        _short("activity"),
        _short("measure"),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("course_id", "activity", "measure", name="pk_answer_total"),
    )
