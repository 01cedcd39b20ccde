"""Where the files that come with Parcours are: a checkout's own first, else those in the wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _find(name: str) -> Path:
    checkout = _PACKAGE.parent / name
    return checkout if checkout.is_dir() else _PACKAGE / "_bundled" / name


def courses() -> Path:
    return _find("courses")


def templates() -> Path:
    return _find("templates")


def peers() -> Path:
    """Where a checkout has the programs that it is compared with; there need be none."""
    return _PACKAGE.parent / ".peers"
