"""`parcours bench …`: measuring, with figures that anybody can check."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from engine.bench import cluster as cluster_bench
from engine.bench import crash as crash_bench
from engine.bench import deliver as deliver_bench
from engine.bench import memory as memory_bench
from engine.bench import pages as pages_bench
from engine.bench import plan as plan_bench
from engine.bench import postgres, service, signing
from engine.bench import render as render_bench
from engine.bench import signup as signup_bench
from engine.bench import simulate as simulation
from engine.bench import submissions as submissions_bench
from engine.cli import common
from engine.clock import SystemClock

app = typer.Typer(no_args_is_help=True, help="Measure this machine.")


@contextlib.contextmanager
def _database(named: str | None) -> Iterator[str]:
    if named:
        yield named
        return
    with postgres.throw_away() as server:
        yield server.url


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
    dkim: Annotated[bool, typer.Option("--dkim", help="Sign each mail (RSA-2048).")] = False,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Send lesson 1 of ia-pme to as many learners, in turn with smtp-source; the medians of the pairs."""
    signed = signing.throw_away(service.DOMAIN) if dkim else contextlib.nullcontext()
    with _database(database) as url, signed as key:
        now = SystemClock().now()
        found = common.run(
            deliver_bench.run(
                messages=messages,
                connections=connections,
                pairs=pairs,
                database=url,
                smtp=smtp,
                key=key,
                now=now,
            )
        )
    _print(asdict(found), as_json)
    if found.lost or found.doubled or found.signed != dkim:
        raise typer.Exit(1)


@app.command()
def crash(
    messages: Annotated[int, typer.Option(min=20, help="Mails, of a course of five.")] = 20_000,
    kills: Annotated[int, typer.Option(min=1, help="How often something is killed.")] = 20,
    connections: Annotated[int, typer.Option(min=1, max=200, help="Open at once.")] = 20,
    seed: Annotated[int, typer.Option(help="Chooses the moments.")] = 1,
    smtp: Annotated[str | None, typer.Option(help="HOST:PORT of your own sink.")] = None,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Kill workers, planners and PostgreSQL while a course is lived, and count every mail by its Message-ID.

    With --database the database itself is not stopped.
    """
    with contextlib.ExitStack() as stack:
        server = None if database else stack.enter_context(postgres.throw_away())
        found = common.run(
            crash_bench.run(
                messages=messages,
                kills=kills,
                connections=connections,
                seed=seed,
                database=server.url if server else database or "",
                smtp=smtp,
                crash=server.crash if server else None,
                now=SystemClock().now(),
            )
        )
    _print(asdict(found), as_json)
    if not found.kept:
        raise typer.Exit(1)


@app.command()
def cluster(
    workers: Annotated[int, typer.Option(min=2, help="Processes.")] = 4,
    messages: Annotated[int, typer.Option(min=20, help="Mails in each run.")] = 5000,
    connections: Annotated[int, typer.Option(min=1, max=200, help="Open at once, by each worker.")] = 5,
    stopped: Annotated[float, typer.Option(min=0.1, help="Seconds for which one stands still.")] = 60,
    smtp: Annotated[str | None, typer.Option(help="HOST:PORT of your own sink.")] = None,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Drain one ledger with several workers, kill one, stop one, slow one, and count every mail."""
    with _database(database) as url:
        found = common.run(
            cluster_bench.run(
                messages=messages,
                workers=workers,
                connections=connections,
                stopped=stopped,
                database=url,
                smtp=smtp,
                now=SystemClock().now(),
            )
        )
    _print(asdict(found), as_json)
    if not found.kept:
        raise typer.Exit(1)


@app.command()
def memory(
    small: Annotated[int, typer.Option(min=1, help="Mails of the first run.")] = 100_000,
    large: Annotated[int, typer.Option(min=1, help="Mails of the second run.")] = 1_000_000,
    idle: Annotated[float, typer.Option(min=1, help="Seconds to watch a worker without work.")] = 30,
    smtp: Annotated[str | None, typer.Option(help="HOST:PORT of your own sink.")] = None,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """The memory of a worker after few mails and after many, of the whole service, and the cost of idling."""
    with _database(database) as url:
        now = SystemClock().now()
        found = common.run(
            memory_bench.run(small=small, large=large, idle_seconds=idle, database=url, smtp=smtp, now=now)
        )
    _print(asdict(found), as_json)
    if not found.all_sent:
        raise typer.Exit(1)


@app.command()
def render(
    messages: Annotated[int, typer.Option(min=1, help="Mails in each round.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="The figures are their medians.")] = 5,
    as_json: common.AsJson = False,
) -> None:
    """Fill lesson 1 of ia-pme for as many learners, beside Jinja and EmailMessage; nothing is sent."""
    found = render_bench.run(messages=messages, rounds=rounds, now=SystemClock().now())
    _print(asdict(found), as_json)


@app.command()
def signup(
    signups: Annotated[int, typer.Option(min=1, max=100_000, help="People who sign up.")] = 2000,
    browsers: Annotated[int, typer.Option(min=1, help="At once.")] = 20,
    smtp: Annotated[str | None, typer.Option(help="HOST:PORT of your own sink.")] = None,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Sign up through the form over HTTP, and count who is in the database."""
    with _database(database) as url:
        found = common.run(signup_bench.run(signups=signups, browsers=browsers, database=url, smtp=smtp))
    _print(asdict(found), as_json)
    if found.found != signups:
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


@app.command()
def simulate(
    learners: Annotated[int, typer.Option(min=1, help="With a lesson every week.")] = 1_000_000,
    share: Annotated[int, typer.Option(min=1, max=100, help="Per cent of them on this slot.")] = 100,
    machines: Annotated[int | None, typer.Option(min=1, help="Of two cores that plan and send.")] = None,
    ips: Annotated[int | None, typer.Option(min=1, help="IP addresses that mails leave from.")] = None,
    as_json: common.AsJson = False,
) -> None:
    """Reckon, without sending, how a Tuesday at 08:30 goes under the providers' limits.

    Without --machines and --ips: as many as it takes for the last mail to leave within an hour. What is
    assumed stands in deploy/SCALING.md.
    """
    found = simulation.run(learners=learners, share=share, machines=machines, ips=ips)
    if as_json:
        common.print_json(asdict(found))
        return
    common.print_table(
        ("Provider", "Mails", "a second", "Most waiting", "at minute", "Last at minute", "Late"),
        [[str(cell) for cell in asdict(each).values()] for each in (*found.lanes, found.total)],
    )
    common.print_table(
        ("Machines", "IP addresses", "Planned at minute"),
        [[str(each) for each in (found.machines, found.ips, found.planned_minute)]],
    )
