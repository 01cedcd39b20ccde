"""Commands as a shell runs them, without the second that a new process takes."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from engine import cli
from tests.journeys.service import KEYS

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def parcours(*arguments: str, cwd: Path = ROOT, answer: str = "", **environment: str) -> Outcome:
    """Run `parcours …`; `answer` is typed when it asks."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, KEYS | environment),
        mock.patch.object(sys, "argv", ["parcours", *arguments]),
        mock.patch.object(sys, "stdin", io.StringIO(answer)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    return Outcome(code, out.getvalue(), err.getvalue())
