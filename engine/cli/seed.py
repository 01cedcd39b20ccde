"""`parcours seed`: a believable base to try things on."""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from engine.bench import seed as seeding
from engine.cli import common
from engine.clock import SystemClock


def seed(
    learners: Annotated[int, typer.Option(min=1, help="How many.")] = 1000,
    seed: Annotated[int, typer.Option(help="Another number, another base.")] = 1,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Fill an empty database with a year of invented learners, in every state."""
    found = common.run(
        seeding.run(
            learners=learners,
            seed=seed,
            database=common.load(database).database_url,
            now=SystemClock().now(),
            clock=time.monotonic,
        )
    )
    if as_json:
        common.print_json(asdict(found))
    else:
        common.print_table(("Figure", ""), [(name, str(value)) for name, value in asdict(found).items()])
