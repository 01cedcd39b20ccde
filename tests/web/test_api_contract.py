"""The API does what its OpenAPI document says, whatever it is sent: schemathesis finds nothing."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from engine import serving
from engine.core.tokens import Scope
from engine.flows import tokens
from tests.journeys.background import background
from tests.people import Town
from tests.web.conftest import HandClock, Visit

_SETTINGS = Path(__file__).with_name("schemathesis.toml")
_EXAMPLES = 3
"""For each operation, in each of the phases; the edges of the schema are tried all."""


@contextlib.asynccontextmanager
async def passing(clock: HandClock) -> AsyncIterator[None]:
    """Time passes quickly, so that the limit of requests a minute stops nobody."""

    async def tick() -> None:
        while True:
            clock.pass_by(minutes=1)
            await asyncio.sleep(0.2)

    task = asyncio.create_task(tick())
    yield
    task.cancel()


async def lived(visit: Visit) -> str:
    """Six people follow the course, one has answered; a key that may do everything."""
    people = [await visit.confirmed(f"p{number}@example.org") for number in range(6)]
    await visit.live(datetime(2027, 3, 24, 12, 0, tzinfo=UTC))
    town = Town(visit.site.db)
    town.clock.moment = visit.clock.now()
    await town.check_in(people[0])
    async with visit.site.db.transaction() as session:
        _, token = await tokens.create(session, name="Tout", scopes=list(Scope), by=None, now=town.now)
    return token


async def test_schemathesis_finds_nothing(visit: Visit, tmp_path: Path) -> None:
    token = await lived(visit)
    app = visit.http._transport.app  # type: ignore[attr-defined]  # the one that the visit is made to
    with serving.listen("127.0.0.1", 0) as listening:
        async with background(app, listening) as url, passing(visit.clock):
            run = await asyncio.create_subprocess_exec(
                *(
                    str(Path(sys.executable).with_name("schemathesis")),
                    "--config-file",
                    str(_SETTINGS),
                    "run",
                ),
                *(
                    f"{url}/api/v1/openapi.json",
                    "--url",
                    f"{url}/api",
                    "-H",
                    f"Authorization: Bearer {token}",
                ),
                *("--max-examples", str(_EXAMPLES), "--seed", "1", "--no-color"),
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await run.communicate()
    text = said.decode()
    assert run.returncode == 0, text[text.find("FAILURES") :]
    assert "Tested: 19" in text
