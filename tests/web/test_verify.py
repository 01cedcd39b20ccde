"""Anybody may verify a certificate by its code, and learns no more than it says."""

from engine.flows import certificates
from tests.web.conftest import Visit
from tests.web.test_documents import finished, stranger

UNKNOWN = "BCDF-GHJK-MNPR-STVW"


async def issued(visit: Visit) -> str:
    """The code of Alice's certificate; the browser is somebody else's."""
    alice = await finished(visit)
    await visit.post(visit.to("f", alice), 303, name="Alice Aubert")
    page = await visit.get(visit.to("f", alice))
    stranger(visit)
    return page.split('href="/v/')[1].split('"')[0]


async def test_a_certificate_that_holds(visit: Visit) -> None:
    code = await issued(visit)
    answer = await visit.http.get(f"/v/{code}")
    page = answer.text
    for told in (
        "est valable",
        "Alice Aubert",
        "L’essai",
        "jeudi 15\u00a0avril 2027",
        code,
        "pas un diplôme",
    ):
        assert told in page
    assert "alice@" not in page
    assert "/m/" not in page
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "is valid" in await visit.get(f"/v/{code}?lang=en")


async def test_the_code_may_be_typed(visit: Visit) -> None:
    code = await issued(visit)
    assert 'name="code"' in await visit.get("/v/")
    assert "Alice Aubert" in await visit.get(f"/v/?code={code.lower().replace('-', '+')}")


async def test_an_unknown_code_can_be_typed_again(visit: Visit) -> None:
    page = await visit.get(f"/v/{UNKNOWN}", 404)
    assert "Nous ne connaissons pas ce code" in page
    assert f'value="{UNKNOWN}"' in page
    assert "<script>" not in await visit.get("/v/%3Cscript%3Ealert(1)%3C%2Fscript%3E".replace("%2F", ""), 404)


async def test_a_revoked_one_says_so(visit: Visit) -> None:
    code = await issued(visit)
    async with visit.site.db.transaction() as session:
        await certificates.revoke(session, code, reason="un secret de bureau", now=visit.clock.now())
    page = await visit.get(f"/v/{code}")
    assert "n’est plus valable" in page
    assert "est valable" not in page
    assert "certifie" not in page
    assert "secret de bureau" not in page


async def test_posting_there_does_nothing(visit: Visit) -> None:
    code = await issued(visit)
    await visit.post(f"/v/{code}", 405, reason="x")
