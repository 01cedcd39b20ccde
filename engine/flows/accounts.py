"""Accounts of the studio: who works here, signing in, and what each one changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import accounts, consent, errors, links, passwords
from engine.core.accounts import Right, Role
from engine.core.delivery import Kind
from engine.flows import outbox, signup
from engine.tables import Account, AccountSession, Audit, Backoff, Delivery, dialect

CHOOSE_DAYS = 7
SECOND_FACTOR_WITHIN = timedelta(minutes=5)
_CHOOSE = "s"
_ONCE = timedelta(hours=1)
_SEEN_EVERY = timedelta(minutes=5)
_LAST = 500


async def get(session: AsyncSession, account_id: int) -> Account:
    """Raises `errors.NotFound`."""
    found = await session.get(Account, account_id)
    if found is None:
        raise errors.NotFound("Ce compte n'existe pas.")
    return found


async def by_address(session: AsyncSession, address: str) -> Account | None:
    found: Account | None = await session.scalar(
        select(Account).where(Account.address_key == consent.address_key(address))
    )
    return found


async def everybody(session: AsyncSession) -> Sequence[Account]:
    """Open accounts first, by name."""
    found = await session.scalars(
        select(Account).order_by(Account.closed_at.is_not(None), Account.name, Account.id)
    )
    return found.all()


# What is kept of changes


def note(
    session: AsyncSession,
    account_id: int | None,
    action: str,
    target: str = "",
    text: str = "",
    *,
    now: datetime,
) -> None:
    """Write into the audit log what an account (None: the command line) did, and why."""
    session.add(Audit(account_id=account_id, at=now, action=action, target=target, text=text))


@dataclass(frozen=True)
class Noted:
    at: datetime
    who: str
    """Name of the account; "" for the command line."""
    action: str
    target: str
    text: str


async def audit(session: AsyncSession, *, account_id: int | None = None) -> list[Noted]:
    """The last changes, newest first; of one account, or of all."""
    query = select(Audit, Account.name).outerjoin(Account, Account.id == Audit.account_id)
    if account_id is not None:
        query = query.where(Audit.account_id == account_id)
    found = await session.execute(query.order_by(Audit.at.desc(), Audit.id.desc()).limit(_LAST))
    return [Noted(row.at, name or "", row.action, row.target, row.text) for row, name in found]


# Opening and closing


async def create(
    session: AsyncSession, address: str, name: str, role: str, *, by: int | None, now: datetime
) -> Account:
    """An account without a password yet. Raises `errors.Invalid` (fields address, name, role)."""
    problems: dict[str, str] = {}
    try:
        address = consent.checked_address(address)
    except errors.Invalid as invalid:
        problems |= invalid.problems
    name = signup.clean("name", name, 80, problems)
    if not name and "name" not in problems:
        problems["name"] = "Écrivez un nom."
    if role not in list(Role):
        problems["role"] = "Choisissez un rôle de la liste."
    if problems:
        raise errors.Invalid(problems)
    await dialect.lock(session, "accounts")
    if await by_address(session, address):
        raise errors.Invalid({"address": "Cette adresse a déjà un compte : s'il est fermé, rouvrez-le."})
    account = Account(
        address=address,
        address_key=consent.address_key(address),
        name=name,
        role=role,
        created_at=now,
    )
    session.add(account)
    await session.flush()
    note(session, by, "account_created", f"account:{account.id}", role, now=now)
    return account


async def invite(
    session: AsyncSession, address: str, name: str, role: str, *, by: int, now: datetime
) -> None:
    """Create an account and mail its link. Raises `errors.Invalid` (fields address, name, role)."""
    account = await create(session, address, name, role, by=by, now=now)
    await _owe_link(session, account, now)


async def ask_link(session: AsyncSession, address: str, *, now: datetime) -> None:
    """Mail a link to choose a password, where there is an account; at most one an hour."""
    account = await by_address(session, address)
    if account is not None and account.closed_at is None:
        await _owe_link(session, account, now)


async def _owe_link(session: AsyncSession, account: Account, now: datetime) -> None:
    recent = select(Delivery.id).where(
        Delivery.account_id == account.id, Delivery.kind == Kind.ACCOUNT, Delivery.created_at > now - _ONCE
    )
    if await session.scalar(recent) is None:
        occasion = links.stamp_of(now)
        await outbox.owe(
            session, [outbox.row(kind=Kind.ACCOUNT, account_id=account.id, now=now, occasion=occasion)]
        )


async def change_role(
    session: AsyncSession, account_id: int, role: str, *, by: int | None, now: datetime
) -> None:
    """Raises `errors.Invalid` (field role), also when no owner would be left."""
    account = await _locked(session, account_id)
    if role not in list(Role):
        raise errors.Invalid({"role": "Choisissez un rôle de la liste."})
    if account.role == role:
        return
    await _keep_an_owner(session, account)
    note(session, by, "role_changed", f"account:{account_id}", f"{account.role} → {role}", now=now)
    account.role = role


async def close(session: AsyncSession, account_id: int, *, by: int | None, now: datetime) -> None:
    """Nobody signs in with it any more; twice is once. Raises `errors.Invalid` for the last owner."""
    account = await _locked(session, account_id)
    if account.closed_at:
        return
    await _keep_an_owner(session, account)
    account.closed_at, account.password, account.totp, account.weekly = now, "", "", False
    await _end_sessions(session, account_id, now)
    note(session, by, "account_closed", f"account:{account_id}", now=now)


async def reopen(session: AsyncSession, account_id: int, *, by: int | None, now: datetime) -> None:
    """The person chooses a new password by mail. Twice is once."""
    account = await _locked(session, account_id)
    if account.closed_at is None:
        return
    account.closed_at = None
    await _owe_link(session, account, now)
    note(session, by, "account_reopened", f"account:{account_id}", now=now)


async def _locked(session: AsyncSession, account_id: int) -> Account:
    await dialect.lock(session, "accounts")  # two owners may not take each other's role away
    return await get(session, account_id)


async def _keep_an_owner(session: AsyncSession, leaving: Account) -> None:
    if leaving.role != Role.OWNER:
        return
    others = await session.scalar(
        select(func.count())
        .select_from(Account)
        .where(Account.role == Role.OWNER, Account.closed_at.is_(None), Account.id != leaving.id)
    )
    if not others:
        raise errors.Invalid(
            {"role": "C'est le dernier compte propriétaire : donnez d'abord ce rôle à un autre."}
        )


# Choosing a password


def choose_path(signed: links.Links, account: Account, occasion: str) -> str:
    """Where a password is chosen; `occasion`: `links.stamp_of` when the link was made."""
    return f"/studio/choose/{signed.token(_CHOOSE, account.id, occasion, _mark(account))}"


def _mark(account: Account) -> str:
    """Another one once a password was chosen: a link works once."""
    return passwords.token_hash(f"{account.password} {account.password_at}")[:16]


async def choosing(session: AsyncSession, signed: links.Links, token: str, *, now: datetime) -> Account:
    """Whose password the link chooses; it works once, for a week.

    Raises `errors.BadLink`, `errors.ExpiredLink`.
    """
    account_id, stamp, mark = signed.read(_CHOOSE, token)
    account, made = await get(session, int(account_id)), links.moment(stamp)
    if mark != _mark(account) or account.closed_at or now > made + timedelta(days=CHOOSE_DAYS):
        raise errors.ExpiredLink("Ce lien a déjà servi ou n'est plus valable : demandez-en un autre.")
    return account


async def choose(session: AsyncSession, account: Account, kept: str, *, now: datetime) -> None:
    """From now on this hash is the password; whoever was signed in is signed out."""
    account.password, account.password_at = kept, now
    await _end_sessions(session, account.id, now)
    note(session, account.id, "password_chosen", f"account:{account.id}", now=now)


# Signing in


@dataclass(frozen=True)
class Attempt:
    """Somebody who wants in, from somewhere, as whom."""

    address: str
    network: str
    """The network address of the browser; "" when it is not known."""

    def keys(self, fingerprint: consent.Fingerprint) -> dict[str, str]:
        """By which kind of limit it is counted under which key."""
        who = consent.address_key(self.address)
        parts = {"pair": f"{who} {self.network}", "network": self.network, "account": who}
        return {kind: fingerprint(f"backoff {kind} {part}") for kind, part in parts.items() if part}


async def admit(
    session: AsyncSession, attempt: Attempt, *, fingerprint: consent.Fingerprint, now: datetime
) -> None:
    """Raises `errors.TooMany` while wrong passwords make us wait, whether or not there is an account."""
    for kind, key in attempt.keys(fingerprint).items():
        row = await session.get(Backoff, key)
        if row and now < row.last_at + accounts.wait(accounts.LIMITS[kind], row.failures):
            raise errors.TooMany("Trop d'essais. Patientez un quart d'heure, puis recommencez.")


async def failed(
    session: AsyncSession, attempt: Attempt, *, fingerprint: consent.Fingerprint, now: datetime
) -> None:
    """Count a wrong password, or a wrong code."""
    await session.execute(delete(Backoff).where(Backoff.last_at < now - accounts.FORGOTTEN_AFTER))
    for key in sorted(attempt.keys(fingerprint).values()):
        rows = [{"key": key, "failures": 0, "last_at": now}]
        await session.execute(dialect.insert_new(session, Backoff, rows, key="key"))
        counted = update(Backoff).where(Backoff.key == key)
        await session.execute(counted.values(failures=Backoff.failures + 1, last_at=now))


async def enter(
    session: AsyncSession,
    account: Account,
    *,
    attempt: Attempt,
    agent: str,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> str:
    """Sign a browser in; what its cookie carries. What was wrong before from there is forgotten."""
    pair = attempt.keys(fingerprint)["pair"]
    await session.execute(delete(Backoff).where(Backoff.key == pair))
    token = passwords.new_token()
    session.add(
        AccountSession(
            account_id=account.id,
            token_hash=passwords.token_hash(token),
            created_at=now,
            seen_at=now,
            agent=agent[:300],
        )
    )
    note(session, account.id, "signed_in", f"account:{account.id}", now=now)
    return token


async def check_code(session: AsyncSession, account_id: int, code: str, *, now: datetime) -> bool:
    """Whether the code of the second factor is right; it is taken once."""
    account = await session.get(Account, account_id, with_for_update=True)
    if account is None or account.closed_at or not account.totp:
        return False
    step = passwords.code_step(account.totp, code, used=account.totp_used, now=now)
    if step is not None:
        account.totp_used = step
    return step is not None


@dataclass(frozen=True)
class Here:
    """Who is at a page of the studio."""

    account: Account
    session_id: int
    stale: bool
    """It is a while since we noted that he is here."""

    def may(self, right: Right) -> bool:
        return right in accounts.RIGHTS[Role(self.account.role)]


async def here(session: AsyncSession, token: str, *, now: datetime) -> Here | None:
    """Who carries this token; None for nobody, or when the session is over."""
    found = (
        await session.execute(
            select(AccountSession, Account)
            .join(Account, Account.id == AccountSession.account_id)
            .where(
                AccountSession.token_hash == passwords.token_hash(token),
                AccountSession.ended_at.is_(None),
                Account.closed_at.is_(None),
            )
        )
    ).one_or_none()
    if found is None:
        return None
    row, account = found
    if accounts.session_over(row.created_at, row.seen_at, now):
        return None
    return Here(account, row.id, stale=now > row.seen_at + _SEEN_EVERY)


async def seen(session: AsyncSession, session_id: int, *, now: datetime) -> None:
    await session.execute(update(AccountSession).where(AccountSession.id == session_id).values(seen_at=now))


async def sessions(session: AsyncSession, account_id: int, *, now: datetime) -> list[AccountSession]:
    """The browsers that are signed in, the last seen first."""
    found = await session.scalars(
        select(AccountSession)
        .where(AccountSession.account_id == account_id, AccountSession.ended_at.is_(None))
        .order_by(AccountSession.seen_at.desc())
    )
    return [row for row in found if not accounts.session_over(row.created_at, row.seen_at, now)]


async def end_session(session: AsyncSession, account_id: int, session_id: int, *, now: datetime) -> None:
    """Sign one of one's own browsers out. Twice is once."""
    await session.execute(
        update(AccountSession)
        .where(
            AccountSession.id == session_id,
            AccountSession.account_id == account_id,
            AccountSession.ended_at.is_(None),
        )
        .values(ended_at=now)
    )


async def _end_sessions(session: AsyncSession, account_id: int, now: datetime) -> None:
    await session.execute(
        update(AccountSession)
        .where(AccountSession.account_id == account_id, AccountSession.ended_at.is_(None))
        .values(ended_at=now)
    )


# One's own account


async def set_second_factor(
    session: AsyncSession, account_id: int, secret: str, code: str, *, now: datetime
) -> None:
    """Raises `errors.Invalid` (field code) when the code does not fit the secret."""
    step = passwords.code_step(secret, code, used=0, now=now)
    if step is None:
        raise errors.Invalid({"code": "Ce code ne correspond pas : écrivez celui que l'application montre."})
    account = await get(session, account_id)
    account.totp, account.totp_used = secret, step
    note(session, account_id, "second_factor_set", f"account:{account_id}", now=now)


async def drop_second_factor(
    session: AsyncSession, account_id: int, *, by: int | None, now: datetime
) -> None:
    account = await get(session, account_id)
    if account.totp:
        account.totp = ""
        note(session, by, "second_factor_dropped", f"account:{account_id}", now=now)


async def set_weekly(session: AsyncSession, account_id: int, asked: bool) -> None:
    """Whether the weekly summary comes by mail."""
    (await get(session, account_id)).weekly = asked


async def set_language(session: AsyncSession, account_id: int, language: str) -> None:
    (await get(session, account_id)).language = language
