"""The pages of an activity: question by question, saved at each answer, until it is handed in."""

from dataclasses import replace
from typing import assert_never

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core import answers as answering
from engine.core import asking, charter, errors, links, scoring, views
from engine.core.course import grammar
from engine.flows import activities
from engine.web import contexts, device, forms, pages, screens, site
from engine.web.site import To

_ALL = "fin"
"""The screen where everything answered is looked through."""


async def show(request: Request) -> Response:
    house = site.of(request)
    enrolment, key = site.read(request, To.ACTIVITY)
    async with house.db.reading() as session:
        played = await activities.open(session, int(enrolment), key, now=house.clock.now())
    if _private(played) and not device.knows(request, enrolment, key):
        return personal(request, played)
    if played.earlier and not device.knows(request, enrolment, played.earlier.key):
        played = replace(played, earlier=None)  # whoever begins the second time may be somebody else
    return _render(request, _page(request, played, enrolment), played)


def _private(played: views.Played) -> bool:
    """Whether the page shows what is not for everybody who was forwarded the link."""
    return played.touched or played.charter is not None  # an agreement shows the company's, answered or not


def personal(request: Request, played: views.Played, *, status: int = 200, asked: bool = False) -> Response:
    """The page for a browser that is not the learner's."""
    page = contexts.Personal(
        played.activity.title,
        played.slug,
        played.language,
        entry_url=f"/a/{request.path_params['token']}/entry",
        documents=isinstance(played.activity, grammar.Agreement),
        asked=asked,
    )
    return _render(request, page, played, status=status)


def _render(request: Request, page: pages.Context, played: views.Played, *, status: int = 200) -> Response:
    return pages.render(request, page, language=played.language, status=status)


def _page(request: Request, played: views.Played, enrolment: str) -> pages.Context:
    """What there is to see: the question that is asked for, everything at a glance, or the result."""
    step, my_url = request.query_params.get("q", ""), site.path(request, To.MY, enrolment)
    if played.comes_back and step in ("", played.comes_back):
        forgotten = replace(played, answers={})  # what was wrong the last time is not proposed anew
        return _question(request, forgotten, played.comes_back, my_url, again=True)
    if isinstance(played.activity, grammar.Agreement):
        return contexts.Agreement(played, my_url)
    if played.handed_in_at is not None:
        return _result(played, step, my_url)
    match played.activity:
        case grammar.Checkin() | grammar.Poll():
            return _question(request, played, "", my_url)
        case grammar.Diagnostic() | grammar.Quiz() | grammar.Charter():
            if step == _ALL or not step:
                return _overview(played, my_url, at_end=step == _ALL)
            return _question(request, played, step, my_url)
    assert_never(played.activity)


def _question(
    request: Request, played: views.Played, step: str, my_url: str, *, again: bool = False
) -> contexts.Question:
    chosen = request.query_params.get("a", "")
    found = screens.screen(played, step, chosen=chosen)
    return contexts.Question(played, found, my_url, again=again, charter=_written(played))


def _written(played: views.Played) -> charter.Written | None:
    if not isinstance(played.activity, grammar.Charter):
        return None
    return charter.write(played.activity, played.key, played.answers, played.about, language=played.language)


def _overview(
    played: views.Played, my_url: str, *, at_end: bool, missing: tuple[str, ...] = ()
) -> contexts.Overview:
    if isinstance(played.activity, grammar.Charter):  # its lines are its sections
        missing = tuple(
            each.key
            for each in played.activity.sections
            if {*missing} & {question.key for question in each.questions}
        )
    return contexts.Overview(
        played,
        screens.lines(played),
        next(iter(_open_steps(played)), None),
        my_url,
        at_end=at_end,
        missing=missing,
        charter=_written(played),
    )


def _open_steps(played: views.Played) -> tuple[str, ...]:
    """The questions that have no answer yet; of a charter, its sections when nothing was saved."""
    if isinstance(played.activity, grammar.Charter):
        return () if played.touched else answering.steps(played.activity)
    return answering.missing(played.activity, played.answers, {})


def _marked(each: scoring.Marked, language: str) -> contexts.MarkedLine:
    return contexts.MarkedLine(
        each.question,
        asking.answer_words(each.question, each.answer, language),
        screens.right_words(each.question, language),
        screens.feedback(each, language),
        each.right,
    )


def _result(played: views.Played, step: str, my_url: str) -> pages.Context:
    match played.activity:
        case grammar.Diagnostic() as diagnostic:
            earlier = played.earlier
            return contexts.Diagnosis(
                played,
                scoring.diagnose(played.key, diagnostic, played.answers, played.about),
                scoring.diagnose(earlier.key, diagnostic, earlier.answers, played.about) if earlier else None,
                screens.lines(played),
                my_url,
            )
        case grammar.Quiz() as quiz:
            marked = scoring.mark(quiz, played.answers)
            lines = [_marked(each, played.language) for each in marked]
            since = [each for each in scoring.mark(quiz, played.again) if each.question.key == step]
            again = next((_marked(each, played.language) for each in since if each.answer is not None), None)
            return contexts.Marked(played, lines, scoring.percent_right(marked), my_url, again)
        case grammar.Charter() | grammar.Checkin() | grammar.Poll() | grammar.Agreement():
            return contexts.Thanks(played, my_url)
    assert_never(played.activity)


async def act(request: Request) -> Response:
    """Save a screen, go on, hand in, begin again: the button says which."""
    house = site.of(request)
    enrolment, key = site.read(request, To.ACTIVITY)
    typed = await forms.read_all(request)
    step, go = answering.first(typed, "step"), answering.first(typed, "go")
    now = house.clock.now()
    async with house.db.transaction() as session:
        place = await activities.take(session, int(enrolment), key, now=now)
        played = await activities.played(session, place, now)
        if _private(played) and not device.knows(request, enrolment, key):
            return personal(request, played, status=403)
        try:
            match go:
                case "hand_in":
                    await activities.hand_in(session, place, now=now)
                case "again":
                    await activities.again(session, place, now=now)
                case "answer_again":
                    await activities.answer_again(session, place, step, typed, now=now)
                case _:
                    await activities.save(session, place, step, typed, now=now, ready=go != "save")
        except errors.Invalid as invalid:
            return _returned(request, played, enrolment, step, go, typed, invalid)
        except errors.Conflict:  # handed in already, in another tab: its page says so
            return Response(status_code=409) if go == "save" else _onward(request, played, step, go)
        # Only the script shows what it just saved; a button leads on to a page of its own.
        saved = await activities.played(session, place, now) if go == "save" else None
    if go == "hand_in":  # its result may be owed at once; whatever else an answer opens waits for a slot
        house.wake()
    response = _saved(request, saved) if saved else _onward(request, played, step, go)
    known = (enrolment,) if device.knows(request, enrolment) else (enrolment, key)
    device.remember(request, response, *known)
    return response


def _saved(request: Request, played: views.Played) -> Response:
    """The answer to the page's script, while the person goes on writing: the charter as it stands."""
    written = _written(played)
    if written is None:
        return Response(status_code=204)
    return _render(request, contexts.Preview(written), played)


def _onward(request: Request, played: views.Played, step: str, go: str) -> Response:
    where = request.url.path
    if go == "next" and len(answering.steps(played.activity)) > 1:
        where += f"?q={screens.screen(played, step).following or _ALL}"
    elif go in ("again", "answer_again") and step:
        where += f"?q={step}"
    return RedirectResponse(pages.stay(request, where), status_code=303)


def _returned(
    request: Request,
    played: views.Played,
    enrolment: str,
    step: str,
    go: str,
    typed: answering.Typed,
    invalid: errors.Invalid,
) -> Response:
    """The page again, with what was typed and what is wrong."""
    my_url = site.path(request, To.MY, enrolment)
    if isinstance(played.activity, grammar.Agreement):
        page: pages.Context = contexts.Agreement(played, my_url)
    elif go == "hand_in" and not isinstance(played.activity, grammar.Checkin | grammar.Poll):
        page = _overview(played, my_url, at_end=True, missing=tuple(invalid.problems))
    else:
        found = screens.screen(played, step, typed=typed, problems=invalid.problems)
        again = go == "answer_again"
        page = contexts.Question(
            played, found, my_url, again=again, problems=invalid.problems, charter=_written(played)
        )
    return _render(request, page, played, status=422)


async def ask_entry(request: Request) -> Response:
    """Mail the learner a link for this device."""
    house = site.of(request)
    enrolment, key = site.read(request, To.ACTIVITY)
    async with house.db.transaction() as session:
        await activities.ask_entry(session, int(enrolment), key, now=house.clock.now())
        played = await activities.open(session, int(enrolment), key, now=house.clock.now())
    house.wake()
    return personal(request, played, asked=True)


async def enter(request: Request) -> Response:
    """The link from that mail: this browser is the learner's from now on."""
    house = site.of(request)
    enrolment, *key, asked = site.read(request, To.ENTRY)
    activities.check_entry(links.moment(asked), now=house.clock.now())
    where = site.path(request, To.ACTIVITY if key else To.DOCUMENTS, enrolment, *key)
    response = RedirectResponse(where, status_code=303)
    device.remember(request, response, enrolment)
    return response
