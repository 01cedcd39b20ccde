"""PostgreSQL's own programs: pg_dump, pg_restore and psql."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import URL

from engine.core import errors
from engine.tables import db

_COPY = re.compile(rb'COPY (?:"?\w+"?\.)?"?(\w+)"? \(')


def dump(url: URL, file: Path, *, snapshot: str, server: int) -> None:
    """What a snapshot sees. Raises `errors.ParcoursError` in the program's words."""
    _run(
        *(_program("pg_dump", server), "--format=custom", "--no-owner", "--no-privileges"),
        *(f"--snapshot={snapshot}", f"--file={file}", f"--dbname={db.public_address(url)}"),
        environment=_environment(url),
    )


def count(file: Path, *, server: int) -> Mapping[str, int]:
    """How many rows of each table a dump holds; all of it is read."""
    found: Counter[str] = Counter()
    table = ""
    with _script(file, server) as script:
        assert script.stdout is not None
        for line in script.stdout:
            if not table:
                if begins := _COPY.match(line):
                    table = begins[1].decode()
                    found[table] = 0
            elif line == b"\\.\n":
                table = ""
            else:
                found[table] += 1
        _check(script, "pg_restore")
    return found


def restore(url: URL, file: Path, *, also: str, server: int) -> None:
    """Fill an empty database, and run `also`, in one transaction.

    Raises `errors.ParcoursError` in the programs' words; then nothing was changed.
    """
    command = [
        *(_program("psql", server), "--no-psqlrc", "--quiet", "--single-transaction"),
        *("--set=ON_ERROR_STOP=1", "--output=/dev/null", f"--dbname={db.public_address(url)}"),
    ]
    with (
        _script(file, server) as script,
        subprocess.Popen(  # noqa: S603  # PostgreSQL's own program, without a shell
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(url)
        ) as filling,
    ):
        _feed(script, filling, f"RESET search_path;\n{also}")


def _feed(script: "subprocess.Popen[bytes]", filling: "subprocess.Popen[bytes]", also: str) -> None:
    assert script.stdout is not None
    assert filling.stdin is not None
    try:
        shutil.copyfileobj(script.stdout, filling.stdin)
        if script.wait():
            filling.kill()  # before its input ends: it would commit what it has
            _check(script, "pg_restore")
        filling.stdin.write(also.encode())
        filling.stdin.close()
    except BrokenPipeError:
        script.kill()
        with suppress(BrokenPipeError):
            filling.stdin.close()
    _check(filling, "psql")


def _script(file: Path, server: int) -> "subprocess.Popen[bytes]":
    """A dump as SQL."""
    program = _program("pg_restore", server)
    command = [program, "--no-owner", "--no-privileges", "--file=-", str(file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603  # as above


def _check(process: "subprocess.Popen[bytes]", name: str) -> None:
    said = process.stderr.read() if process.stderr else b""
    if process.wait():
        raise errors.ParcoursError(f"{name}: {said.decode(errors='replace').strip() or 'it failed'}")


def _run(*command: str, environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)  # noqa: S603  # as above
    if done.returncode:
        raise errors.ParcoursError(f"{Path(command[0]).name}: {done.stderr.strip()}")


def _program(name: str, server: int) -> str:
    """Where it is. Raises `errors.Invalid` when it is missing, or older than the server."""
    cure = f"install PostgreSQL's client programs, version {server} (Debian: postgresql-client-{server})."
    path = shutil.which(name)
    if path is None:
        raise errors.Invalid(f"{name} is missing: {cure}")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603  # as above
    found = re.search(r"\) (\d+)", said)
    if found and int(found[1]) < server:
        raise errors.Invalid(f"{path} is of version {found[1]}, the server of version {server}: {cure}")
    return path


def _environment(url: URL) -> dict[str, str]:
    """With the password: a command line can be read by everybody on the machine."""
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    return {**os.environ, **password}
