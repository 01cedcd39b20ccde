"""How long what is kept about people is kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Terms:
    """In days, each at least 1.

    The CNIL's figure for people who ask for nothing any more is three years after their last act (opening a
    mail is none), and for logs of who did what six months to a year (délibération 2021-122).
    """

    unconfirmed: int
    """After the mail that asks for a confirmation."""
    inactive: int
    """After the last act of the person, while no lesson is on its way."""
    logs: int
    """Of a line of history or of the audit, and of a browser's session in the studio."""
