"""The JSON API, as a program meets it: keys and rights, pages of rows, what it may change, every refusal."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from engine.core import consent
from engine.core.tokens import Scope
from engine.flows import accounts, enrolments, tokens, webhooks
from engine.tables import ApiToken, Consent, Suppression
from engine.web.api import gate
from tests.people import Town
from tests.web import course
from tests.web.conftest import Visit

SIGN_UP = {
    "course": course.SLUG,
    "address": "carole@example.org",
    "first_name": "Carole",
    "source": "Salon de Marseille, formulaire papier",
}


class Program:
    """Another program with a key."""

    def __init__(self, visit: Visit, token: str) -> None:
        self.visit, self.token = visit, token

    async def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **how.pop("headers", {})}
        return await self.visit.http.request(method, f"/api/v1{path}", headers=headers, **how)

    async def get(self, path: str, **query: str | int) -> Any:
        answer = await self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, status: int, method: str, path: str, **how: Any) -> dict[str, Any]:
        """The problem that an operation comes back with."""
        return problem(await self.ask(method, path, **how), status)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["type"]) == (status, "about:blank")
    assert found["title"]
    assert found["detail"]
    return found


@pytest.fixture
async def program(visit: Visit) -> Program:
    """It may do everything."""
    return await holding(visit, *Scope)


async def holding(visit: Visit, *scopes: str) -> Program:
    async with visit.site.db.transaction() as session:
        _, token = await tokens.create(session, name="Le CRM", scopes=scopes, by=None, now=visit.clock.now())
    return Program(visit, token)


OPERATIONS = {
    ("GET", "/learners"): "learners:read",
    ("GET", "/learners/1"): "learners:read",
    ("DELETE", "/learners/1"): "learners:write",
    ("GET", "/enrolments"): "enrolments:read",
    ("GET", "/enrolments/1"): "enrolments:read",
    ("POST", "/enrolments"): "enrolments:write",
    ("POST", "/enrolments/1/pause"): "enrolments:write",
    ("POST", "/enrolments/1/resume"): "enrolments:write",
    ("POST", "/enrolments/1/stop"): "enrolments:write",
    ("GET", "/courses"): "courses:read",
    ("GET", f"/courses/{course.SLUG}"): "courses:read",
    ("GET", "/deliveries"): "deliveries:read",
    ("GET", "/deliveries/1"): "deliveries:read",
    ("GET", "/submissions"): "submissions:read",
    ("GET", "/submissions/1"): "submissions:read",
    ("GET", "/webhooks"): "webhooks",
    ("GET", "/webhooks/1"): "webhooks",
    ("POST", "/webhooks"): "webhooks",
    ("DELETE", "/webhooks/1"): "webhooks",
}
BODIES = {"/enrolments": SIGN_UP, "/enrolments/1/pause": {}, "/enrolments/1/stop": {}}


async def test_the_table_of_operations_is_whole(visit: Visit) -> None:
    document = (await visit.http.get("/api/v1/openapi.json")).json()
    listed = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert len(listed) == len(OPERATIONS)
    assert document["servers"] == [{"url": "/api"}]


@pytest.mark.parametrize(("operation", "scope"), OPERATIONS.items())
async def test_each_operation_asks_for_its_own_right(
    visit: Visit, operation: tuple[str, str], scope: str
) -> None:
    method, path = operation
    others = await holding(visit, *(set(Scope) - {Scope(scope)}))
    body = {"json": BODIES[path]} if method == "POST" and path in BODIES else {}
    answer = await others.ask(method, path, **body)
    assert scope in problem(answer, 403)["detail"]
    challenge = answer.headers["www-authenticate"]
    assert challenge == f'Bearer realm="Parcours", error="insufficient_scope", scope="{scope}"'
    right = await holding(visit, scope)
    assert (await right.ask(method, path, **body)).status_code not in (401, 403)


@pytest.mark.parametrize("path", ["/learners", "/nothing", "/learners/1", ""])
async def test_without_a_key_nothing_is_told(visit: Visit, path: str) -> None:
    url = f"/api/v1{path}"
    answer = await visit.http.get(url)
    problem(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="Parcours"'
    for given in (b"Bearer parc_no", b"Basic YTpi", b"Bearer", b"Bearer \xe9"):
        answer = await visit.http.get(url, headers={b"Authorization": given})
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == 'Bearer realm="Parcours", error="invalid_token"'


async def test_a_revoked_key_ends_at_once(visit: Visit, program: Program) -> None:
    await program.get("/learners")
    async with visit.site.db.transaction() as session:
        (row,) = await tokens.every(session)
        assert row.last_used_at == visit.clock.now()
        await tokens.revoke(session, row.id, by=None, now=visit.clock.now())
    await program.refused(401, "GET", "/learners")


async def test_a_session_of_the_studio_or_a_key_in_the_address_is_no_key(
    visit: Visit, program: Program
) -> None:
    problem(await visit.http.get("/api/v1/learners", params={"access_token": program.token}), 401)
    problem(await visit.http.get("/api/v1/learners", headers={"Cookie": f"studio={program.token}"}), 401)


async def test_so_many_requests_a_minute_and_no_more(visit: Visit, program: Program) -> None:
    most = gate.POLICY.requests
    answer = await program.ask("GET", "/courses")
    assert answer.headers["ratelimit-policy"] == f'"token";q={most};w=60'
    assert answer.headers["ratelimit"] == f'"token";r={most - 1};t=60'
    visit.clock.pass_by(seconds=15)
    for _ in range(most - 1):
        answer = await program.ask("GET", "/nothing")
        assert answer.status_code == 404
    assert answer.headers["ratelimit"] == '"token";r=0;t=45'
    answer = await program.ask("GET", "/courses")
    problem(answer, 429)
    assert answer.headers["retry-after"] == "45"
    other = await holding(visit, Scope.COURSES_READ)
    assert await other.get("/courses"), "each key has its own"
    visit.clock.pass_by(seconds=45)
    assert await program.get("/courses")


async def everybody(visit: Visit) -> list[int]:
    """Three people, on three days; the first has answered."""
    found = []
    for name in ("alice", "bob", "carole"):
        found.append(await visit.confirmed(f"{name}@example.org"))
        visit.clock.pass_by(days=1)
    await visit.live(datetime(2027, 3, 31, 12, 0, tzinfo=UTC))
    town = Town(visit.site.db)
    town.clock.moment = visit.clock.now()
    await town.check_in(found[0])
    return found


async def test_rows_are_listed_filtered_and_got(visit: Visit, program: Program) -> None:
    alice, bob, _ = await everybody(visit)
    listed = (await program.get("/learners"))["data"]
    assert [row["address"] for row in listed] == [f"{n}@example.org" for n in ("alice", "bob", "carole")]
    assert listed[0] == {
        "id": 1,
        "address": "alice@example.org",
        "first_name": "Bob",
        "language": "fr",
        "region": "",
        "created_at": "2027-03-22T09:00:00Z",
    }
    assert await program.get("/learners/1") == listed[0]
    assert [row["id"] for row in (await program.get("/learners", address="BOB@Example.ORG"))["data"]] == [2]
    assert (await program.get("/learners", address="nobody@example.org"))["data"] == []
    since = (await program.get("/learners", since="2027-03-23T10:00:00+01:00"))["data"]
    assert [row["id"] for row in since] == [2, 3]

    (row,) = (await program.get("/enrolments", learner_id=1))["data"]
    assert (row["id"], row["course"], row["state"], row["slot"]) == (
        alice,
        course.SLUG,
        "active",
        "tue 08:30",
    )
    assert (await program.get(f"/enrolments/{alice}")) == row
    assert (await program.get("/enrolments", state="paused"))["data"] == []
    assert len((await program.get("/enrolments", course=course.SLUG, state="active"))["data"]) == 3
    assert (await program.get("/enrolments", course="another"))["data"] == []

    lessons = (await program.get("/deliveries", enrolment_id=bob, kind="lesson"))["data"]
    assert [(row["lesson"], row["state"], row["course"]) for row in lessons] == [
        ("debut", "sent", course.SLUG)
    ]
    assert await program.get(f"/deliveries/{lessons[0]['id']}") == lessons[0]

    (row,) = (await program.get("/submissions", course=course.SLUG))["data"]
    assert (row["activity"], row["enrolment_id"], row["answers"]["status"]) == ("point", alice, "done")
    assert await program.get(f"/submissions/{row['id']}") == row
    assert (await program.get("/submissions", activity="another"))["data"] == []

    (row,) = (await program.get("/courses"))["data"]
    assert (row["slug"], [lesson["key"] for lesson in row["lessons"]][:2]) == (
        course.SLUG,
        ["debut", "suite"],
    )
    assert await program.get(f"/courses/{course.SLUG}") == row


async def test_what_is_being_written_is_the_learners_own(visit: Visit, program: Program) -> None:
    enrolment = await visit.confirmed("alice@example.org")
    await Town(visit.site.db).check_in(enrolment, "later")
    assert (await program.get("/submissions"))["data"] == []
    await program.refused(404, "GET", "/submissions/1")


async def test_pages_follow_each_other_and_meet_every_row_once(visit: Visit, program: Program) -> None:
    for number in range(5):
        await visit.sign_up(f"p{number}@example.org")
    seen, cursor = list[int](), ""
    for expected in (2, 2, 1):
        query = {"cursor": cursor} if cursor else {}
        page = await program.get("/learners", limit=2, **query)
        assert len(page["data"]) == expected
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert seen == [1, 2, 3, 4, 5]
    assert (await program.get("/learners", cursor="9999999999"))["data"] == []
    whole = await program.get("/learners", limit=5)
    assert whole["next_cursor"] is None


async def test_somebody_is_signed_up_and_confirms_by_mail(visit: Visit, program: Program) -> None:
    for _ in range(2):
        answer = await program.ask("POST", "/enrolments", json=SIGN_UP)
        assert answer.status_code == 202
        assert answer.json() == {"learner_id": 1, "enrolment_id": 1, "state": "pending"}
    assert len(await visit.deliveries("confirm")) == 1, "twice is once"
    async with visit.site.db.reading() as session:
        proof = (await session.scalars(select(Consent).order_by(Consent.id))).first()
        assert proof
        lines = await accounts.audit(session)
    assert (proof.event, proof.address) == ("asked", "carole@example.org")
    assert proof.source == "api/1: Salon de Marseille, formulaire papier"
    assert ("enrolment_asked", "enrolment:1", "api, token:1") in [
        (line.action, line.target, line.text) for line in lines
    ]
    assert (await program.get("/enrolments/1"))["slot"] == "tue 08:30", "the course's own"


async def test_somebody_chooses_his_own_slot(visit: Visit, program: Program) -> None:
    more = {"weekday": 3, "time": "17:00", "zone": "Indian/Reunion", "company": "Atelier", "size": 50}
    await program.ask("POST", "/enrolments", json=SIGN_UP | more)
    row = await program.get("/enrolments/1")
    assert (row["slot"], row["zone"], row["company"], row["size"]) == (
        "thu 17:00",
        "Indian/Reunion",
        "Atelier",
        50,
    )


async def test_who_complained_is_not_written_to(visit: Visit, program: Program) -> None:
    key = consent.address_key(SIGN_UP["address"])
    async with visit.site.db.transaction() as session:
        session.add(
            Suppression(address_hash=visit.site.fingerprint(key), reason="complaint", at=visit.clock.now())
        )
    answer = await program.ask("POST", "/enrolments", json=SIGN_UP)
    assert answer.json() == {"learner_id": None, "enrolment_id": None, "state": None}
    assert await visit.deliveries("confirm") == []


async def test_an_enrolment_is_paused_resumed_and_stopped(visit: Visit, program: Program) -> None:
    enrolment = await visit.confirmed("alice@example.org")
    await visit.live(datetime(2027, 3, 24, 12, 0, tzinfo=UTC))
    path = f"/enrolments/{enrolment}"
    row = (await program.ask("POST", f"{path}/pause", json={"until": "2027-04-20"})).json()
    assert (row["state"], row["paused_until"][:10]) == ("paused", "2027-04-20")
    row = (await program.ask("POST", f"{path}/pause", json={})).json()
    assert (row["state"], row["paused_until"]) == ("paused", None)
    row = (await program.ask("POST", f"{path}/resume")).json()
    assert row["state"] == "active"
    row = (await program.ask("POST", f"{path}/stop", json={"reason": "parti à la retraite"})).json()
    assert (row["state"], row["end_reason"], row["due_at"]) == ("stopped", "parti à la retraite", None)
    again = (await program.ask("POST", f"{path}/stop", json={})).json()
    assert again["end_reason"] == "parti à la retraite", "twice is once"
    await program.refused(409, "POST", f"{path}/resume")
    async with visit.site.db.reading() as session:
        noted = [
            line.action for line in await accounts.audit(session) if line.target == f"enrolment:{enrolment}"
        ]
    assert noted[::-1][:4] == [
        "enrolment_paused",
        "enrolment_paused",
        "enrolment_resumed",
        "enrolment_stopped",
    ]


@pytest.mark.parametrize("until", ["2027-03-22", "2020-01-01", "2029-01-01", "9999-12-31"])
async def test_a_pause_ends_within_a_year(visit: Visit, program: Program, until: str) -> None:
    enrolment = await visit.confirmed("alice@example.org")
    path = f"/enrolments/{enrolment}/pause"
    found = await program.refused(422, "POST", path, json={"until": until})
    assert found["errors"] == [{"field": "body.until", "detail": "Choose a day after today, within a year."}]


async def test_a_webhook_is_added_seen_and_removed(visit: Visit, program: Program) -> None:
    wanted = {"url": "https://crm.example.org/hook", "events": ["learner.erased"]}
    answer = await program.ask("POST", "/webhooks", json=wanted)
    assert answer.status_code == 201
    made = answer.json()
    assert made.pop("secret").startswith("whsec_")
    assert await program.get("/webhooks/1") == made
    assert (await program.get("/webhooks"))["data"] == [made]
    assert (made["url"], made["events"], made["enabled"]) == (wanted["url"], wanted["events"], True)
    await visit.confirmed("alice@example.org")
    await program.ask("DELETE", "/learners/1")
    async with visit.site.db.reading() as session:
        (owed,) = await webhooks.log(session, 1)
    assert owed.event == "learner.erased"
    assert (await program.ask("DELETE", "/webhooks/1")).status_code == 204
    await program.refused(404, "DELETE", "/webhooks/1")
    bad: list[dict[str, Any]] = [
        {"url": "http://10.0.0.1/"},
        {"url": "https://a:b@example.org/"},
        {"events": []},
    ]
    for each in bad:
        await program.refused(422, "POST", "/webhooks", json=wanted | each)


async def test_a_learner_is_erased_for_good(visit: Visit, program: Program) -> None:
    enrolment = await visit.confirmed("alice@example.org")
    answer = await program.ask("DELETE", "/learners/1")
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        await program.refused(404, method, "/learners/1")
    assert (await program.get("/learners"))["data"] == []
    assert (await program.get(f"/enrolments/{enrolment}"))["state"] == "stopped"
    await program.refused(404, "POST", f"/enrolments/{enrolment}/stop", json={})


BAD_QUERIES = {
    "limit=0": "query.limit",
    "limit=201": "query.limit",
    "limit=x": "query.limit",
    "cursor=abc": "query.cursor",
    "cursor=0": "query.cursor",
    "since=yesterday": "query.since",
    "since=2027-03-22T09:00:00": "query.since",
    "since=1742634000": "query.since",
    "since=2027-02-30T09:00:00Z": "query.since",
    "address=a%00b": "query.address",
    "adress=a@example.org": "query.adress",
    f"address={'a' * 255}": "query.address",
}


@pytest.mark.parametrize(("query", "field"), BAD_QUERIES.items())
async def test_a_bad_question_is_told_what_is_wrong(program: Program, query: str, field: str) -> None:
    found = await program.refused(422, "GET", f"/learners?{query}")
    assert [each["field"] for each in found["errors"]] == [field]


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-12:00"])
async def test_no_moment_overflows(program: Program, since: str) -> None:
    assert (await program.ask("GET", f"/learners?since={since}")).status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", str(2**53), "9" * 40, "1.5", "a", "%00", "٣"])
async def test_an_id_is_a_number_of_ours(program: Program, number: str) -> None:
    for kind in ("learners", "enrolments", "deliveries", "submissions"):
        await program.refused(422, "GET", f"/{kind}/{number}")


async def test_only_mails_may_be_more_than_32_bits_number(program: Program) -> None:
    for kind in ("learners", "enrolments", "submissions"):
        await program.refused(422, "GET", f"/{kind}/{2**31}")
    await program.refused(404, "GET", f"/deliveries/{2**53 - 1}")
    assert (await program.ask("GET", f"/deliveries?cursor={2**31}")).status_code == 200


async def test_ids_of_nobody_and_unknown_courses(program: Program) -> None:
    for path in ("/learners/7", "/enrolments/2147483647", "/deliveries/7", "/submissions/7", "/courses/no"):
        await program.refused(404, "GET", path)
    await program.refused(404, "POST", "/enrolments", json=SIGN_UP | {"course": "no"})


BAD_BODIES: list[tuple[bytes, int]] = [
    (b"", 422),
    (b"{", 422),
    (b"[]", 422),
    (b'"a"', 422),
    (b'{"course": "\xff"}', 400),
    (b"[" * 100_000, 400),
    (b'{"\\ud800": 1}', 422),
    (b'{"course": "\\ud800", "address": "a@example.org", "first_name": "A", "source": "abc"}', 422),
    (b'{"course": "e\\u0000", "address": "a@example.org", "first_name": "A", "source": "abc"}', 422),
    (b'{"course": "essai", "address": "a@example.org", "first_name": "A", "source": "abc", "x": 1}', 422),
    (b'{"course": "essai", "address": "nobody", "first_name": "A", "source": "abc"}', 422),
    (b'{"course": "essai", "address": "a@example.org", "first_name": " ", "source": "abc"}', 422),
    (b'{"course": "essai", "address": "a@example.org", "first_name": "A"}', 422),
    (b"x" * 300_000, 413),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES)
async def test_a_bad_body_changes_nothing(visit: Visit, program: Program, body: bytes, status: int) -> None:
    await program.refused(
        status, "POST", "/enrolments", content=body, headers={"content-type": "application/json"}
    )
    assert await visit.enrolments() == []


async def test_a_form_of_another_site_is_not_taken(visit: Visit, program: Program) -> None:
    await program.refused(422, "POST", "/enrolments", data=SIGN_UP)
    assert await visit.enrolments() == []


async def test_the_methods_of_a_path_are_all_named(program: Program) -> None:
    for path, methods in {
        "/enrolments": "GET, POST",
        "/learners/1": "DELETE, GET",
        "/enrolments/1/stop": "POST",
        "/openapi.json": "GET",
    }.items():
        answer = await program.ask("PATCH", path)
        problem(answer, 405)
        assert answer.headers["allow"] == methods


@pytest.mark.parametrize("path", ["/api/", "/api/v2/learners", "/api/v1/learners/", "/api/v1/courses/%0A/x"])
async def test_no_page_answers_under_api(visit: Visit, program: Program, path: str) -> None:
    answer = await visit.http.get(path, headers={"Authorization": f"Bearer {program.token}"})
    problem(answer, 404)


async def test_a_crash_is_a_problem_too(visit: Visit, program: Program) -> None:
    enrolment = await visit.confirmed("alice@example.org")
    async with visit.site.db.transaction() as session:  # what no code of ours writes
        (await enrolments.get(session, enrolment)).state = "lost"
    with capture_logs() as logged:
        await program.refused(500, "GET", f"/enrolments/{enrolment}")
    assert [line["event"] for line in logged] == ["operation failed"]


async def test_answers_are_kept_by_no_cache_and_shown_in_no_frame(program: Program) -> None:
    answer = await program.ask("GET", "/learners")
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_the_key_is_nowhere_in_the_database(visit: Visit, program: Program) -> None:
    async with visit.site.db.reading() as session:
        (row,) = await session.scalars(select(ApiToken))
    assert program.token not in (row.digest, row.hint, row.name)
