"""Long lists in pages: a cursor is the id after which the next page begins."""

MOST = 200
"""Rows on a page."""
LARGEST_ID = 2**31 - 1
"""What our columns of ids hold."""
CURSOR = r"^[1-9][0-9]{0,9}$"


def after(cursor: str | None) -> int:
    """The id after which a page begins; beyond the last one there is nothing."""
    return min(int(cursor), LARGEST_ID) if cursor else 0
