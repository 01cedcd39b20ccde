from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base

#: Bytes in their order on both databases, so that a beginning is a range.
_WORD = Text().with_variant(Text(collation="C"), "postgresql")


class SearchWord(Base):
    """One word that finds one person; what `learner.words` lists, the other way round."""

    __tablename__ = "search_word"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  # SQLAlchemy's own convention

    word: Mapped[str] = mapped_column(_WORD, primary_key=True)
    learner_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """No foreign key: it would be checked seven times a person, and `flows/searching` writes both."""
