"""All checks of one installation: side by side, and none that fails keeps the others from being told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address
from typing import Protocol

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app as application
from engine.clock import Clock
from engine.core import errors
from engine.core.delivery import Sent
from engine.doctor import clocks, domain, finding, house, relay, spf, web
from engine.doctor import mail as mails
from engine.doctor.finding import GROUPS, Check, Finding, Verdict
from engine.doctor.mail import Mail
from engine.doctor.resolver import Resolver, Silent
from engine.flows import catalog, installation
from engine.mail import dress, header, proof, smtp
from engine.settings import Settings
from engine.tables import db as databases

_PATIENCE = 60.0  # seconds for one check
_NOWHERE = "doctor@example.invalid"
_Looks = Callable[[], Awaitable[Sequence[Finding]]]


class Cannot(Exception):
    """What a check looks at is not there; the text tells what."""


@dataclass(frozen=True)
class Case:
    """What is examined, and how."""

    settings: Settings
    clock: Clock
    resolver: Resolver
    tls: ssl.SSLContext
    wrong: Sequence[str] = ()
    """What is wrong with the settings, where a default stands in."""
    senders: Sequence[str] = ()
    """The IP addresses that mails leave from, where the operator knows them."""
    received: bytes = field(default=b"", repr=False)
    """The source of a lesson as it lay in a mailbox."""
    send_to: str = ""
    """Where a specimen goes; "": none is sent."""


async def run(case: Case) -> list[Check]:
    """Every check, in the order of `GROUPS`."""
    database, answers = await house.opened(case.settings.database_url)
    try:
        found = await _Examination(case, database).all()
    finally:
        if database:
            await database.close()
    found["database"] = answers
    names = [name for group in GROUPS.values() for name in group if name in found]
    return [Check(name, found[name]) for name in names]


class _Examination:
    """The checks, with what several of them need."""

    def __init__(self, case: Case, database: databases.Database | None) -> None:
        self.case, self._database = case, database
        self._settings, self._resolver = case.settings, case.resolver
        self.received = Mail(case.received, received=True) if case.received else None

    async def all(self) -> dict[str, Finding]:
        looks: dict[tuple[str, ...], _Looks] = {
            ("settings",): self._of_settings,
            ("disk",): self._of_disk,
            ("spf", "spf_lookups"): self._of_spf,
            ("dkim_key",): self._of_keys,
            ("dmarc",): self._of_policy,
            ("ptr",): self._of_names,
            ("return_mx",): self._of_return,
            ("dkim_alignment",): self._of_alignment,
            ("dkim_list_headers", "authentication"): self._of_mail,
            ("relay_tls", "relay_auth"): self._of_relay,
            ("one_click_https", "one_click_redirect", "clock"): self._of_web,
            ("worker",): self._of_ledger(house.work),
            ("queue_age",): self._of_ledger(house.queue),
            ("stuck_rows",): self._of_ledger(house.stuck),
            ("today",): self._of_ledger(house.today),
        }
        if self.case.send_to:
            looks["specimen",] = self._of_sending
        found = await asyncio.gather(*(_safely(names, look) for names, look in looks.items()))
        return {name: each for part in found for name, each in part.items()}

    async def _of_settings(self) -> Sequence[Finding]:
        return [house.settings(self._settings, self.case.wrong)]

    async def _of_disk(self) -> Sequence[Finding]:
        return [house.disk(self._settings.database_url)]

    async def _of_spf(self) -> Sequence[Finding]:
        return await spf.examine(self._resolver, self._returns(), tuple(self.case.senders))

    async def _of_keys(self) -> Sequence[Finding]:
        if self._settings.dkim_keys:
            keys, signer = (
                application.signing_keys(self._settings),
                application.signing_domain(self._settings),
            )
            return [await domain.own_keys(self._resolver, signer.lower(), keys)]
        if self.received and self.received.signatures:
            return [await domain.foreign_keys(self._resolver, self.received.signatures)]
        return [mails.relay_signs()]

    async def _of_policy(self) -> Sequence[Finding]:
        return [await domain.policy(self._resolver, self._author())]

    async def _of_names(self) -> Sequence[Finding]:
        if self.case.senders:
            return [await domain.names_of(self._resolver, self.case.senders, certain=True)]
        senders = await self._of_the_relay()
        return [await domain.names_of(self._resolver, senders, certain=False)]

    async def _of_the_relay(self) -> Sequence[str]:
        """Its public addresses. Raises `Cannot`."""
        host = smtp.parse(self._settings.smtp_url.get_secret_value()).host
        try:
            found: Sequence[str] = (str(ip_address(host)),)
        except ValueError:
            found = await self._resolver.addresses(host) if "." in host else ()
        if public := [each for each in found if ip_address(each).is_global]:
            return public
        raise Cannot(f"The relay ({host}) has no public address: say with --address where mails leave from.")

    async def _of_return(self) -> Sequence[Finding]:
        return [await domain.return_hosts(self._resolver, self._returns())]

    async def _of_alignment(self) -> Sequence[Finding]:
        found = [await mails.alignment(self._resolver, self._mail)]
        for course, address in await self._own_senders():
            found.append(await domain.foreign_sender(self._resolver, course, address, self._author()))
        return [finding.together(found)]

    async def _own_senders(self) -> Sequence[tuple[str, str]]:
        """Of courses that have a sender of their own; none where no database tells of any."""
        if self.received or self._database is None:
            return []
        async with self._database.reading() as session:
            courses = [(await catalog.current(session, slug)).course for slug in await catalog.slugs(session)]
        return [(each.slug, each.sender) for each in courses if each.sender]

    async def _of_mail(self) -> Sequence[Finding]:
        return [mails.coverage(self._mail), mails.results(self._mail)]

    async def _of_sending(self) -> Sequence[Finding]:
        made, now = self._letter(self.case.send_to), self.case.clock.now()
        pool = smtp.Pool(self._server(), helo=self._settings.mail_host, tls_context=self.case.tls)
        outcome = await pool.send(made.sender, made.recipient, self._signed(made.data, now))
        await pool.close()
        if not isinstance(outcome, Sent):
            return [finding.error(f"The specimen was not taken: {outcome.text}.", "Look at relay_tls.")]
        told = f"Lesson 1 was handed over for {made.recipient}: {outcome.reply}."
        cure = "Save its source as it arrives (« show original ») and run `parcours doctor --mail FILE`."
        return [Finding(Verdict.OK, told, cure)]

    async def _of_relay(self) -> Sequence[Finding]:
        helo = self._settings.mail_host
        now = self.case.clock.now()
        return await relay.examine(self._server(), self.case.tls, helo=helo, now=now)

    async def _of_web(self) -> Sequence[Finding]:
        url = proof.nowhere(self._dress())
        answer: web.Answer | httpx.HTTPError
        try:
            answer = await web.post(url, self.case.tls)
        except httpx.HTTPError as error:
            answer = error
        now = self.case.clock.now()
        others = await self._others_clocks()
        if isinstance(answer, web.Answer) and answer.date:
            others |= {self._settings.url: answer.date}
        return [web.https(url, answer, now), web.redirect(url, answer), clocks.compare(now, others)]

    async def _others_clocks(self) -> dict[str, datetime]:
        try:
            async with self._reading() as session:
                found = await installation.clock(session)
        except Exception:  # whatever is wrong with it is told by `database`
            return {}
        return {"the database": found} if found else {}

    def _of_ledger(self, look: "_Ledger") -> _Looks:
        async def asked() -> Sequence[Finding]:
            async with self._reading() as session:
                return [await look(session, now=self.case.clock.now())]

        return asked

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncSession]:
        if self._database is None:
            raise Cannot("The database cannot be asked.")
        async with self._database.reading() as session:
            yield session

    def _dress(self) -> dress.Dress:
        return application.wardrobe(self._settings)

    def _server(self) -> smtp.Server:
        return smtp.parse(self._settings.smtp_url.get_secret_value())

    def _author(self) -> str:
        """The domain that mails are from, as A-labels. Raises `Cannot`."""
        name = self.received.author if self.received else self._settings.mail_host
        if "." not in name:
            raise Cannot(f"No DNS knows {name}, the domain of PARCOURS_FROM.")
        return header.ascii_domain(name).lower()

    def _returns(self) -> str:
        """The domain that bounces come back to."""
        received = self.received.returns if self.received else ""
        return received or self._settings.return_domain or self._author()

    def _letter(self, address: str) -> mails.Specimen:
        now = self.case.clock.now()
        return mails.specimen(self._dress(), address, host=self._settings.mail_host, now=now)

    @cached_property
    def _mail(self) -> Mail:
        """The one that arrived, or one as it would leave."""
        if self.received:
            return self.received
        return Mail(self._signed(self._letter(_NOWHERE).data, self.case.clock.now()), received=False)

    def _signed(self, mail: bytes, now: datetime) -> bytes:
        sign = application.signer(self._settings)
        return sign(mail, now) + mail if sign else mail


class _Ledger(Protocol):
    def __call__(self, session: AsyncSession, *, now: datetime) -> Awaitable[Finding]: ...


async def _safely(names: Sequence[str], look: _Looks) -> dict[str, Finding]:
    """What a look found; a fault of ours, or of what it looks at, is told and no verdict."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return dict(zip(names, await look(), strict=True))
    except TimeoutError:
        why = f"That took longer than {_PATIENCE:.0f} s."
    except (Silent, Cannot, errors.ParcoursError) as error:
        why = str(error)
    except Exception as error:
        why = f"The check itself failed: {type(error).__name__}: {house.one_line(error)}"
    return dict.fromkeys(names, finding.not_checked(why))
