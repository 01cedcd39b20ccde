"""`parcours serve --demo`: the whole service with a movable clock, mailing only to this machine."""

from collections.abc import Callable

from engine import app, serving
from engine.clock import MovableClock
from engine.demo.house import Demo, local_mailbox
from engine.demo.mailbox import Mailbox
from engine.flows import installation
from engine.settings import Settings
from engine.tables import db as databases
from engine.tables import schema

CONTROLLER = "Démonstration de Parcours, 1 rue de l'Exemple, 75000 Paris"


async def run(settings: Settings, *, smtp_address: str | None, announce: Callable[[str], None]) -> None:
    """Serve until told to stop. `smtp_address`: HOST:PORT of the caller's own mailbox, on this machine."""
    clock = MovableClock()
    mailbox = None
    if smtp_address is None:
        mailbox = Mailbox(clock.now)
        await mailbox.open()
        smtp_address = f"127.0.0.1:{mailbox.port}"
    url = local_mailbox(smtp_address)
    listening = serving.listen(settings.host, settings.port, or_next=True)
    here = f"http://{settings.host}:{listening.getsockname()[1]}"
    values = {"smtp_url": url, "base_url": here, "smtp_connections": 4}
    values["controller"] = settings.controller or CONTROLLER
    values["tutor"] = settings.tutor or "L'équipe de la démonstration <tuteur@exemple.test>"
    settings = Settings.model_validate(settings.model_dump(by_alias=True) | values)
    db = databases.Database(settings.database_url)
    await schema.upgrade(db)
    async with db.reading() as session:
        clock.offset = await installation.demo_offset(session)
    site = app.Site(settings, db, clock)
    await app.prepare(site)
    pages = serving.web_app(site, demo=Demo(site, clock, mailbox))
    await serving.serve(pages, listening, announce=lambda: announce(here), stopping=site.stop)
    if mailbox:
        await mailbox.close()
