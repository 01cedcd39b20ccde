"""What `serve --demo` has that production has not: the mailbox's pages and the movable clock."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from engine.app import Site
from engine.clock import MovableClock
from engine.core import errors
from engine.demo.mailbox import Mailbox
from engine.flows import installation, outbox, planning
from engine.mail import smtp
from engine.web.site import Mail

_MOST_STEPS = 500
_MINUTE = timedelta(minutes=1)


def local_mailbox(address: str) -> str:
    """The SMTP address of HOST:PORT on this machine.

    The demo mails people who do not exist: raises `errors.Invalid` for anything but a local mailbox.
    """
    url = f"smtp://{address}?starttls=never"
    host = smtp.parse(url).host.strip("[]")
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise errors.Invalid(f"The demo only sends to a mailbox on this machine, not to {host}.")
    return url


class Demo:
    """The mailbox as pages show it, and the clock's button."""

    def __init__(self, site: Site, clock: MovableClock, mailbox: Mailbox | None) -> None:
        self._site, self._clock, self._mailbox = site, clock, mailbox

    def mails(self) -> Sequence[Mail]:
        received = self._mailbox.mails if self._mailbox else []
        return [
            Mail(
                number=mail.number,
                received_at=mail.at,
                sender=str(mail.message["From"]),
                recipient=mail.recipient,
                subject=str(mail.message["Subject"]),
                html=mail.part("html"),
                text=mail.part("plain"),
                source=mail.source.decode("ascii", "replace"),
            )
            for mail in received
        ]

    async def advance(self) -> datetime:
        """Step from due time to due time until a mail leaves, or nothing is due any more; the new now.

        Never one jump: planner and sender run to quiet at each step.
        """
        site = self._site
        async with site.turn:
            # What was due already, such as a welcome, is not yet the next lesson.
            await self._run_to_quiet(site)
            before = await self._sent(site)
            for _ in range(_MOST_STEPS):
                if await self._sent(site) > before:
                    break
                moment = await self._next_moment(site)
                if moment is None:
                    break
                # Something that is due and yet stays is waited for like everything else.
                now = self._clock.now()
                self._clock.move_to(moment if moment > now else now + _MINUTE)
                async with site.db.transaction() as session:
                    await installation.keep_demo_offset(session, self._clock.offset)
                await self._run_to_quiet(site)
        return self._clock.now()

    async def _run_to_quiet(self, site: Site) -> None:
        await site.planner.tick()
        while await site.sender.step():
            await site.planner.tick()

    async def _next_moment(self, site: Site) -> datetime | None:
        async with site.db.reading() as session:
            moments = (await planning.next_moment(session), await outbox.next_moment(session))
        return min((moment.astimezone(UTC) for moment in moments if moment), default=None)

    async def _sent(self, site: Site) -> int:
        async with site.db.reading() as session:
            return await installation.sent_so_far(session)
