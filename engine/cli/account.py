"""`parcours account …`: who may enter the studio."""

import sys
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app as application
from engine.cli import common
from engine.clock import SystemClock
from engine.core import accounts as rules
from engine.core import errors, links, passwords
from engine.core.accounts import Role
from engine.flows import accounts
from engine.settings import Settings
from engine.tables import Account

app = typer.Typer(no_args_is_help=True, help="Accounts of the studio: create, list, open again, close.")

Address = Annotated[str, typer.Argument(help="The email address of the account.")]


@app.command()
def create(
    address: Address,
    name: Annotated[str, typer.Option(help="As colleagues know the person; without it, the address.")] = "",
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.OWNER,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    database: common.Database = None,
) -> None:
    """Create an account, and print the link by which its password is chosen (once, within 7 days)."""
    name = name or address.partition("@")[0]
    kept = _hashed(address, name) if password_stdin else ""

    async def work(session: AsyncSession, settings: Settings) -> str:
        now = SystemClock().now()
        account = await accounts.create(session, address, name, role, by=None, now=now)
        if kept:
            await accounts.choose(session, account, kept, now=now)
            return ""
        return _link(settings, account)

    link = common.with_session(database, work, write=True)
    typer.echo(link or f"{address} may sign in at /studio.")


def _hashed(address: str, name: str) -> str:
    """Raises `errors.Invalid` for a password that is too easy to guess."""
    password = sys.stdin.readline().rstrip("\r\n")
    rules.check_password(password, address=address, name=name)
    return passwords.hashed(password)


def _link(settings: Settings, account: Account) -> str:
    signing, suppressing = application.keys(settings)
    signed = links.Links(settings.url, signing, lasting=suppressing)
    return signed.base_url + accounts.choose_path(signed, account, links.stamp_of(SystemClock().now()))


@app.command("list")
def list_(database: common.Database = None, as_json: common.AsJson = False) -> None:
    """Who has an account, and what each may do."""

    async def work(session: AsyncSession, _: Settings) -> list[dict[str, object]]:
        return [
            {
                "address": each.address,
                "name": each.name,
                "role": each.role,
                "password": bool(each.password),
                "second_factor": bool(each.totp),
                "closed_at": each.closed_at,
            }
            for each in await accounts.everybody(session)
        ]

    found = common.with_session(database, work)
    if as_json:
        common.print_json(found)
        return
    titles = ("Address", "Name", "Role", "Password", "Code", "Closed")
    rows = [[str(value) if value else "–" for value in each.values()] for each in found]
    common.print_table(titles, rows)


@app.command()
def link(address: Address, database: common.Database = None) -> None:
    """Print a link to choose a new password, and ask for no code any more: for who is locked out."""

    async def work(session: AsyncSession, settings: Settings) -> str:
        account = await _found(session, address)
        if account.closed_at:
            raise errors.Invalid(f"The account of {address} is closed; `parcours account reopen` opens it.")
        await accounts.drop_second_factor(session, account.id, by=None, now=SystemClock().now())
        return _link(settings, account)

    typer.echo(common.with_session(database, work, write=True))


@app.command()
def close(address: Address, database: common.Database = None) -> None:
    """Let nobody sign in with an account any more; what was done with it stays in the audit log."""

    async def work(session: AsyncSession, _: Settings) -> None:
        account = await _found(session, address)
        await accounts.close(session, account.id, by=None, now=SystemClock().now())

    common.with_session(database, work, write=True)
    typer.echo(f"{address} may no longer sign in.")


@app.command()
def reopen(address: Address, database: common.Database = None) -> None:
    """Open a closed account again; its link leaves by mail."""

    async def work(session: AsyncSession, _: Settings) -> None:
        account = await _found(session, address)
        await accounts.reopen(session, account.id, by=None, now=SystemClock().now())

    common.with_session(database, work, write=True)
    typer.echo(f"{address} receives a link to choose a password.")


async def _found(session: AsyncSession, address: str) -> Account:
    account = await accounts.by_address(session, address)
    if account is None:
        raise errors.NotFound(f"{address} has no account.")
    return account
