"""`parcours bench …`: measuring, with figures that anybody can check."""

import contextlib
from dataclasses import asdict
from typing import Annotated

import typer

from engine.bench import deliver as deliver_bench
from engine.bench import pages as pages_bench
from engine.bench import plan as plan_bench
from engine.bench import postgres
from engine.bench import submissions as submissions_bench
from engine.cli import common
from engine.clock import SystemClock

app = typer.Typer(no_args_is_help=True, help="Measure this machine.")


def _database(named: str | None) -> contextlib.AbstractContextManager[str]:
    return postgres.throw_away() if named is None else contextlib.nullcontext(named)


def _print(figures: dict[str, object], as_json: bool) -> None:
    if as_json:
        common.print_json(figures)
    else:
        common.print_table(("Figure", ""), [(name, str(value)) for name, value in figures.items()])


@app.command()
def submissions(
    rate: Annotated[int, typer.Option(min=1, help="Answers a second.")] = 100,
    seconds: Annotated[int, typer.Option(min=1, help="For how long.")] = 100,
    burst: Annotated[int, typer.Option(min=0, help="Answers all at once, afterwards.")] = 200,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Hand in answers over HTTP and count what was kept; without --database on a throw-away PostgreSQL."""
    with _database(database) as url:
        now = SystemClock().now()
        found = common.run(
            submissions_bench.run(rate=rate, seconds=seconds, burst=burst, database=url, now=now)
        )
    _print(asdict(found), as_json)
    if found.lost:
        raise typer.Exit(1)


@app.command()
def deliver(
    messages: Annotated[int, typer.Option(min=1, help="Mails in each run.")] = 20_000,
    connections: Annotated[int, typer.Option(min=1, max=200, help="Open at once.")] = 50,
    pairs: Annotated[int, typer.Option(min=1, help="Runs, each beside one of smtp-source.")] = 5,
    smtp: Annotated[str | None, typer.Option(help="HOST:PORT of your own sink.")] = None,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Send lesson 1 of ia-pme to as many learners, in turn with smtp-source; the medians of the pairs."""
    with _database(database) as url:
        now = SystemClock().now()
        found = common.run(
            deliver_bench.run(
                messages=messages, connections=connections, pairs=pairs, database=url, smtp=smtp, now=now
            )
        )
    _print(asdict(found), as_json)
    if any(each.sent != messages for each in found.runs):
        raise typer.Exit(1)


@app.command()
def plan(
    enrolments: Annotated[int, typer.Option(min=1, help="In the whole base.")] = 1_000_000,
    due: Annotated[int, typer.Option(min=1, help="Of them, in each run.")] = 100_000,
    runs: Annotated[int, typer.Option(min=1, max=5, help="Of each kind; the medians count.")] = 3,
    growth: Annotated[int, typer.Option(min=1, help="Times the base grows in the end; 1: not.")] = 5,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Plan all that is due in a base of many; without --database on a throw-away PostgreSQL."""
    with _database(database) as url:
        found = common.run(
            plan_bench.run(enrolments=enrolments, due=due, runs=runs, growth=growth, database=url)
        )
    _print(asdict(found), as_json)
    if found.planned != due:
        raise typer.Exit(1)


@app.command()
def pages(
    rate: Annotated[int, typer.Option(min=1, help="Pages a second.")] = 20,
    seconds: Annotated[int, typer.Option(min=1, help="For how long.")] = 60,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Look at pages over HTTP, at a steady rate, on a base that `parcours seed` filled."""
    url = common.load(database).database_url
    now = SystemClock().now()
    found = common.run(pages_bench.run(rate=rate, seconds=seconds, database=url, now=now))
    if as_json:
        common.print_json(asdict(found))
    else:
        rows = [
            (name, each.sent, each.p50_ms, each.p95_ms, each.most_ms) for name, each in found.pages.items()
        ]
        every = ("all", sum(found.statuses.values()), found.p50_ms, found.p95_ms, "")
        common.print_table(
            ("Page", "Sent", "p50 ms", "p95 ms", "Most"),
            [[str(cell) for cell in row] for row in (*rows, every)],
        )
    if set(found.statuses) != {"200"}:
        raise typer.Exit(1)
