"""Long lists in pages: a cursor is the id after which the next page begins."""

MOST = 200
"""Rows on a page."""
LARGEST_ID, LARGEST_MAIL = 2**31 - 1, 2**53 - 1
"""What our columns of ids hold; of mails, what JSON does."""
CURSOR = r"^[1-9][0-9]{0,15}$"


def after(cursor: str | None, largest: int = LARGEST_ID) -> int:
    """The id after which a page begins; beyond the last one there is nothing."""
    return min(int(cursor), largest) if cursor else 0
