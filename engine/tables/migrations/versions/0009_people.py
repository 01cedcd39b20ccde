"""Finding people: the words of what is known about them, and lists of enrolments and deliveries."""

import sqlalchemy as sa
from alembic import op

from engine.core import search

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_CHUNK = 1000


def upgrade() -> None:
    word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "search_word",
        sa.Column("word", word, nullable=False),
        sa.Column("learner_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("word", "learner_id", name="pk_search_word"),
        sqlite_with_rowid=False,
    )
    op.add_column("learner", sa.Column("words", sa.Text(), nullable=False, server_default=""))
    op.drop_index("ix_enrolment_course_id", "enrolment")
    op.create_index("ix_enrolment_people", "enrolment", ["course_id", "state", "learner_id"])
    _index("ix_enrolment_lesson", "enrolment", "next_kind = 'lesson'", "course_id", "next_key", "learner_id")
    _index("ix_learner_erased", "learner", "erased_at IS NOT NULL", "id")
    aside = "state IN ('retry', 'in_doubt', 'held', 'cancelled', 'failed')"
    _index("ix_delivery_aside", "delivery", aside, "state", "id")
    _fill(op.get_bind())


def _index(name: str, table: str, where: str, *columns: str) -> None:
    op.create_index(name, table, [*columns], sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _fill(bind: sa.Connection) -> None:
    """The words of everybody who is here already, by the rules of the program that migrates."""
    learners = sa.text(
        "SELECT id, first_name, address FROM learner "
        "WHERE id > :after AND erased_at IS NULL ORDER BY id LIMIT :most"
    )
    companies = sa.text(
        "SELECT learner_id, company FROM enrolment WHERE learner_id > :after AND learner_id <= :last "
        "UNION SELECT owner_id, name FROM company WHERE owner_id > :after AND owner_id <= :last"
    )
    after = 0
    while rows := bind.execute(learners, {"after": after, "most": _CHUNK}).all():
        named: dict[int, list[str]] = {}
        for learner_id, name in bind.execute(companies, {"after": after, "last": rows[-1].id}):
            named.setdefault(learner_id, []).append(name)
        found = {row.id: search.known(row.first_name, row.address, named.get(row.id, ())) for row in rows}
        bind.execute(
            sa.text("UPDATE learner SET words = :words WHERE id = :id"),
            [{"id": each, "words": search.kept(words)} for each, words in found.items()],
        )
        bind.execute(
            sa.text("INSERT INTO search_word (word, learner_id) VALUES (:word, :id)"),
            [{"id": each, "word": word} for each, words in found.items() for word in words],
        )
        after = rows[-1].id
