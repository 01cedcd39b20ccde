"""What is made once for many leads each of them to his own pages."""

import email
import re
from email import policy

import pytest

from engine.core import links as signed
from engine.flows import leases, letters, writing
from engine.mail import builds
from tests.people import ALICE, BOB, DRESS, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

_OUR_LINK = re.compile(re.escape(DRESS.base_url) + r"/([a-z])/(\d+)\.")

_OF_PERSON = {*leases.Recipient._fields} - {"enrolment_id", "learner_id"}


async def test_mails_made_once_lead_each_person_to_his_own_pages(town: Town) -> None:
    gate = "requires: {activity: point, reminders: 1, limit: 21, then: continue}"
    await town.publish(course(asked={"a": "point"}, a="", b=gate))
    alice, bob = await town.enrol(ALICE), await town.enrol(BOB)
    await town.live("2027-06-30 12:00")
    link = signed.Links(DRESS.base_url, [b"key"], lasting=b"for ever")
    house = letters.House(link, DRESS, builds.Builds(), "parcours.example.org")
    found = {each: await _written(town, house, each) for each in (alice, bob)}
    assert {*found[alice]} == {*found[bob]} >= {"confirm", "welcome", "lesson", "reminder", "farewell"}
    for place, mails in found.items():
        for kind, text in mails.items():
            assert {whose for _, whose in _OUR_LINK.findall(text)} == {str(place)}, kind
    ways = {kind: {way for way, _ in _OUR_LINK.findall(text)} for kind, text in found[alice].items()}
    assert ("k" in ways["confirm"], "m" in ways["welcome"], "a" in ways["reminder"]) == (True, True, True)


async def _written(town: Town, house: letters.House, place: int) -> dict[str, str]:
    """What stands in the mails of one person, by kind."""
    told = dict[str, str]()
    row, who = await town.row(place), await town.learner(place)
    of_both = {name: getattr(who if hasattr(who, name) else row, name) for name in _OF_PERSON}
    person = leases.Recipient(**of_both, enrolment_id=place, learner_id=who.id)
    for mail in await town.mails(place):
        columns = {name: getattr(mail, name) for name in leases.Begun._fields if name != "person"}
        async with town.db.reading() as session:
            gathered = await letters.gather(session, [leases.Begun(**columns, person=person)])
        to = gathered[mail.id]
        assert isinstance(to, letters.Addressed)
        parsed = email.message_from_bytes(writing.write(to, house, now=town.now).data, policy=policy.SMTP)
        body = parsed.get_body(("plain",))
        assert body
        told[mail.kind] = body.get_content()
    return told
