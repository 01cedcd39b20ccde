"""Every mistake an author can make is told once, at its own line, with its cause and a cure."""

from datetime import timedelta

import pytest

from engine.core import calendar
from engine.core.course import reading
from engine.core.course.yamlfile import Problem
from tests.core.course.files import COURSE, FIRST, LAST, POINT, SECOND, SLUG, changed, course, line_of, mini

LONG = "Une très longue phrase qui ne tient dans aucune boîte de réception, hélas"


def told(files: dict[str, bytes]) -> tuple[Problem, ...]:
    return reading.read(files, slug=SLUG).problems


# file, what is replaced, by what, the text on whose line the problem stands, cause, cure
MISTAKES = {
    "unknown field": (
        COURSE,
        "calendar: FR",
        "calender: FR",
        "calender:",
        "« calender »",
        "corrigez son nom",
    ),
    "unknown field deep in a list": (
        *(COURSE, "summary: On garde", "resume: On garde", "resume:", "« modules.1.resume »", "retirez-le"),
    ),
    "unknown field of a lesson": (FIRST, "minutes: 4", "minute: 4", "minute:", "« minute »", "retirez-le"),
    "duplicate key": (
        *(
            COURSE,
            "language: fr",
            "language: fr\ntitle: Encore",
            "title: Encore",
            "« title »",
            "une des deux",
        ),
    ),
    "duplicate key of a lesson": (
        *(LAST, "limit: 21", "limit: 21\n  reminders: 1", "reminders: 1", "deux fois", "une des deux"),
    ),
    "dead link to a lesson": (
        *(
            SECOND,
            "l'équipe, après [la première leçon](lecon:regarder)",
            "l'équipe,\naprès [la leçon](lecon:x)",
        ),
        *("lecon:x", "leçon « x » inconnue", "regarder, equipe, tenir"),
    ),
    "dead link to an activity": (
        *(FIRST, ":::bouton activite:point", ":::bouton activite:point-2"),
        *("activite:point-2", "« point-2 » inconnue", "activités du cours : point"),
    ),
    "dead link in the welcome": (
        *(COURSE, "La première leçon arrive", "La [première leçon](lecon:premiere) arrive"),
        *("lecon:premiere", "« premiere » inconnue", "regarder"),
    ),
    "question about no activity": (
        *(SECOND, ":::question point", ":::question pont", ":::question pont", "« pont » inconnue", "point"),
    ),
    "link that leads nowhere": (
        *(LAST, "https://example.org/chiffres", "chiffres.html", "chiffres.html", "personne", "https://"),
    ),
    "slot in an address": (
        *(LAST, "org/chiffres", "org/{{learner.company}}", "{{learner.company}}", "personne", "https://"),
    ),
    "missing image": (FIRST, "images/boite.png", "images/autre.png", "autre.png", "absente", "images/"),
    "missing alt text": (
        *(
            FIRST,
            "![Une boîte bien rangée]",
            "![ ]",
            "![ ]",
            "sans texte de remplacement",
            "ce que l'on voit",
        ),
    ),
    "condition on an unknown answer": (
        *(SECOND, "learner.size >= 10", "answers.point.oui == true"),
        *("when:", "« answers.point.oui »", "réponses du cours : done"),
    ),
    "condition on an unknown activity": (
        *(FIRST, ":::si learner.size >= 50", ":::si score.quiz.total > 1"),
        *(":::si", "« score.quiz.total »", "activités du cours : point"),
    ),
    "condition on an unknown field": (
        *(SECOND, "learner.size >= 10", "learner.age >= 10", "when:", "« learner.age »", "size, region"),
    ),
    "condition that is none": (SECOND, "size >= 10", "size >=", "when:", "illisible", "learner.size >= 50"),
    "condition that acts": (
        *(SECOND, "learner.size >= 10", "learner.size.real()", "when:", "seuls les comparaisons", "exemple"),
    ),
    "condition on no name we know": (SECOND, "learner.size", "size", "when:", "« size »", "learner.CHAMP"),
    "unknown slot": (
        *(LAST, "Recomptez. Puis", "Recomptez.\nPuis, {{ learner.age }},"),
        *("learner.age", "« learner.age » inconnu", "learner.first_name"),
    ),
    "unknown slot in the farewell": (
        *(
            COURSE,
            "{{ course.title }}",
            "{{ course.titre }}",
            "course.titre",
            "« course.titre »",
            "course.title",
        ),
    ),
    "unknown slot in a subject": (
        *(LAST, "Tenir dans la durée", "Tenir, {{ prenom }}", "subject:", "« prenom »", "learner.first_name"),
    ),
    "slot that is no slot": (
        *(
            LAST,
            "Recomptez.",
            "{{ learner.first_name | upper }}",
            "upper",
            "pas un emplacement",
            "first_name",
        ),
    ),
    "slot never closed": (LAST, "Recomptez.", "{{ learner.first_name", "{{", "pas un emplacement", "}}"),
    "slot never closed in a subject": (
        *(LAST, "Tenir dans", "Tenir {{ learner.first_name dans", "subject:", "sans emplacement", "}}"),
    ),
    "slot in a title": (
        *(FIRST, ":::encadre Dans une grande équipe", ":::encadre Chez {{ learner.company }}"),
        *(":::encadre", "tel quel", "dans le texte"),
    ),
    "subject over 70 characters": (
        *(FIRST, "Regarder avant de trier", LONG, "subject:", "dépasse 70 caractères", "raccourcissez"),
    ),
    "subject of the welcome": (COURSE, "Bienvenue", LONG, "subject: Une", "dépasse 70", "raccourcissez"),
    "missing field": (
        FIRST,
        "subject: Regarder avant de trier\n",
        "",
        "module:",
        "il manque « subject »",
        "ajoutez",
    ),
    "lesson without text": (
        *(LAST, "Recomptez. Puis relisez [vos chiffres](https://example.org/chiffres).", ""),
        *("", "leçon sans texte", "écrivez-la"),
    ),
    "unknown mj- element": (
        *(FIRST, "d'une seule journée.", "d'une\nseule <mj-carousel> journée."),
        *("<mj-carousel>", "élément « mj-carousel »", "Markdown"),
    ),
    "HTML": (
        LAST,
        "Recomptez.",
        '<div class="x">Recomptez.</div>',
        "<div",
        "balise HTML « div »",
        "Markdown",
    ),
    "YAML error": (COURSE, "title: Trier ses mails", "title: Trier : ses mails", "title:", "YAML", "« : »"),
    "YAML error of a lesson": (
        LAST,
        "minutes: 3",
        "minutes: [3",
        "requires:",
        "YAML illisible",
        "alignement",
    ),
    "YAML error of an activity": (POINT, "prompt: ", "prompt: *", "prompt:", "YAML illisible", "guillemets"),
    "alias": (COURSE, "key: debut", "key: &x debut\n    summary: *x", "*x", "renvoi YAML", "répétez"),
    "value that YAML cannot read": (
        FIRST,
        "minutes: 4",
        "minutes: !!int ''",
        "minutes:",
        "illisible",
        "guill",
    ),
    "NUL in a lesson": (LAST, "Recomptez.", "Recomptez\0.", "\0", "U+0000", "effacez"),
    "NUL in the course": (COURSE, "On garde", "On\0garde", "\0", "U+0000", "effacez"),
    "escape character": (LAST, "Recomptez.", "\x1b[31mRecomptez.", "\x1b", "U+001B", "effacez"),
    "no front matter": (LAST, "---\nsubject", "subject", "subject:", "pas d'en-tête", "« --- »"),
    "front matter never closed": (LAST, "---\nRecomptez", "Recomptez", "---", "pas d'en-tête", "« --- »"),
    "key that is not the file's": (
        *(LAST, "minutes: 3", "key: garder\nminutes: 3", "key:", "« garder » ≠ nom", "écrivez « tenir »"),
    ),
    "unknown module": (
        SECOND,
        "module: debut",
        "module: milieu",
        "module:",
        "« milieu » inconnu",
        "debut, fin",
    ),
    "block never closed": (FIRST, "C'est fait\n:::", "C'est fait", ":::bouton", "jamais fermé", "« ::: »"),
    "fence too many": (LAST, "Recomptez.", ":::\n\nRecomptez.", ":::", "sans bloc ouvert", "encadre"),
    "unknown block": (FIRST, ":::encadre Dans", ":::cadre Dans", ":::cadre", "« cadre » inconnu", "encadre"),
    "block in a block": (
        *(FIRST, "Demandez à trois personnes de compter aussi.", ":::attention\nNon.\n:::"),
        *(":::attention", "à l'intérieur", "fermez"),
    ),
    "figure without its source": (FIRST, "120 | enquete", "120 | sondage", "| sondage", "absente", "sources"),
    "words in a question": (
        *(SECOND, ":::question point\n", ":::question point\nPerdu ?\n", ":::question", "texte", "avant"),
    ),
    "title of the first level": (LAST, "Recomptez.", "# Fin\n\nRecomptez.", "# Fin", "niveau 1", "« ## »"),
    "image among words": (
        *(FIRST, "![Une boîte", "Voici ![Une boîte", "![", "image dans un paragraphe", "lignes vides"),
    ),
    "link without words": (LAST, "[vos chiffres]", "[]", "[]", "lien sans texte", "[ce que"),
    "gate on an unknown activity": (
        *(LAST, "activity: point", "activity: pont", "activity:", "« pont » inconnue", "point"),
    ),
    "calendar": (COURSE, "calendar: FR", "calendar: FR-XX", "calendar:", "« FR-XX » inconnu", "FR-974"),
    "slot": (COURSE, '"tue 08:30"', '"tue 29:30"', "slot:", "« tue 29:30 »", "tue 08:30"),
    "kind of activity": (POINT, "kind: checkin", "kind: check", "kind:", "« kind » : valeur", "checkin"),
    "no kind of activity": (POINT, "kind: checkin\n", "", "title:", "il manque « kind »", "kind: checkin"),
    "newline in a value": (COURSE, "language: fr", 'language: "f\\nr"', "language:", "« f r »", "'fr'"),
    "newline in a key": (COURSE, "language: fr", '"lan\\ngue": fr', '"lan', "inconnu", "retirez"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_once_at_its_line(name: str) -> None:
    path, old, new, place, cause, cure = MISTAKES[name]
    files = changed(path, old, new)
    (problem,) = told(files)
    line = line_of(files, path, place) if place else len(files[path].split(b"\n")) - 1
    assert (problem.path, problem.line) == (path, line), problem
    assert problem.level == "error"
    assert cause in problem.cause
    assert cure in problem.cure
    assert str(problem).startswith(f"{path}:{line}: ")
    assert len(str(problem).splitlines()) == 1


@pytest.mark.parametrize("name", MISTAKES)
def test_a_course_with_a_mistake_is_no_course(name: str) -> None:
    path, old, new, *_ = MISTAKES[name]
    found = reading.read(changed(path, old, new), slug=SLUG)
    assert (found.course is None) == bool(found.errors)


@pytest.mark.parametrize("name", MISTAKES)
def test_lines_are_the_same_in_a_file_from_windows(name: str) -> None:
    path, old, new, *_ = MISTAKES[name]
    files = changed(path, old, new)
    windows = {
        name: data if name.endswith(".png") else b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
        for name, data in files.items()
    }
    assert told(windows) == told(files)


def test_every_mistake_is_told_at_once() -> None:
    files = mini()
    files |= {COURSE: files[COURSE].replace(b"calendar: FR", b"calender: FR")}
    files |= {
        FIRST: files[FIRST]
        .replace(b"minutes: 4", b"minute: 4")
        .replace(b"activite:point", b"activite:x")
        .replace(b"images/boite", b"images/x")
    }
    files |= {SECOND: files[SECOND].replace(b"lecon:regarder", b"lecon:x").replace(b"size >=", b"age >=")}
    files |= {LAST: b"\xff\xfe" + files[LAST], POINT: files[POINT].replace(b"title:", b"titre:")}
    places = [(problem.path, problem.line) for problem in told(files)]
    assert places == [
        (POINT, 1),
        (POINT, 2),
        (COURSE, line_of(files, COURSE, "calender")),
        (FIRST, line_of(files, FIRST, "minute:")),
        (FIRST, line_of(files, FIRST, "images/x")),
        (FIRST, line_of(files, FIRST, "activite:x")),
        (SECOND, line_of(files, SECOND, "when:")),
        (SECOND, line_of(files, SECOND, "lecon:x")),
        (LAST, 1),
    ]


def test_two_mistakes_of_one_paragraph_stand_on_their_own_lines() -> None:
    text = "**Bonjour\nà** tous, {{ a.b }} <mj-x> <mj-y>\n\n> - un\n>   [x](lecon:y)  \n>   {{ c.d }}"
    files = changed(LAST, "Recomptez.", text)
    lines = [problem.line for problem in told(files)]
    start = line_of(files, LAST, "Bonjour")
    assert lines == [start + 1, start + 1, start + 1, start + 4, start + 5]


def test_a_file_that_cannot_be_read_makes_no_other_mistakes() -> None:
    """Links to it are not dead, its module is not empty, its activity is known."""
    for path in (FIRST, SECOND, LAST, POINT):
        (problem,) = told(mini() | {path: "é".encode("latin-1")})
        assert (problem.path, problem.line, problem.cause) == (path, 1, "le fichier n'est pas en UTF-8")
    asked = changed(SECOND, "learner.size >= 10", "answers.point.done")
    (problem,) = told(asked | {POINT: b"kind: checkin\ntitle: Sans question\n"})
    assert (problem.path, problem.cause) == (POINT, "il manque « prompt »")
    (problem,) = told({**mini(), COURSE: b"title: \xe9"})
    assert problem.path == COURSE


def test_not_utf8_is_told_at_its_line() -> None:
    (problem,) = told(mini() | {LAST: mini()[LAST].replace("durée".encode(), b"dur\xe9e")})
    assert (problem.path, problem.line) == (LAST, 2)


def test_two_lessons_cannot_share_a_number_or_a_key() -> None:
    files = mini()
    (number,) = told(files | {"lessons/03-encore.md": files[LAST]})
    assert (number.path, number.line, number.cause) == (LAST, 1, "même numéro que lessons/03-encore.md")
    (key,) = told(files | {"lessons/04-tenir.md": files[LAST]})
    assert (key.path, key.line, key.cause) == ("lessons/04-tenir.md", 1, f"même clé que {LAST}")
    (activity,) = told(files | {"activities/point.yml": files[POINT]})
    assert (activity.path, activity.line) == ("activities/point.yml", 1)


@pytest.mark.parametrize("path", ["lessons/tenir.md", "lessons/04-Été.md", "activities/Point 1.yaml"])
def test_a_file_name_is_a_number_and_a_key(path: str) -> None:
    (problem,) = told(mini() | {path: b"x"})
    assert (problem.path, problem.line, problem.cause) == (path, 1, "nom de fichier inattendu")


def test_a_gate_asks_for_what_was_met_before() -> None:
    files = mini()
    files[FIRST] = files[FIRST].replace(b"activite:point", b"lecon:tenir")
    files[SECOND] = files[SECOND].replace(b":::question point\n:::", b"")
    (problem,) = told(files)
    assert (problem.path, problem.line) == (LAST, line_of(files, LAST, "activity: point"))
    assert "aucune leçon précédente" in problem.cause


def test_modules_come_in_order_and_hold_lessons() -> None:
    (empty,) = told(changed(LAST, "module: fin", "module: debut"))
    assert (empty.path, empty.level) == (COURSE, "warning")
    assert empty.line == line_of(mini(), COURSE, "key: fin")
    files = changed(FIRST, "module: debut", "module: fin")
    (back,) = told(files)
    assert (back.path, back.line) == (SECOND, line_of(files, SECOND, "module:"))
    double, *others = told(changed(COURSE, "key: fin", "key: debut"))
    assert (double.path, double.line) == (COURSE, line_of(mini(), COURSE, "key: fin"))
    assert [problem.path for problem in others] == [LAST]


def test_a_figure_needs_a_figure_and_a_source() -> None:
    files = changed(FIRST, ":::chiffre 120 | enquete", ":::chiffre 120")
    assert {(p.path, p.line) for p in told(files)} == {(FIRST, line_of(files, FIRST, ":::chiffre"))}


def test_a_draft_is_a_warning_and_still_a_course() -> None:
    files = changed(LAST, "minutes: 3", "minutes: 3\ndraft: true")
    found = reading.read(files, slug=SLUG)
    assert found.course
    assert not found.errors
    (problem,) = found.problems
    assert (problem.path, problem.line, problem.level) == (LAST, line_of(files, LAST, "draft:"), "warning")
    assert "avertissement" in str(problem)


def test_a_closing_period_ends_after_it_begins() -> None:
    files = changed(COURSE, "calendar: FR", "closing_periods:\n  - {from: 2027-08-22, to: 2027-08-02}")
    (problem,) = told(files)
    assert (problem.path, problem.line) == (COURSE, line_of(files, COURSE, "from:"))


def closed(*periods: str, policy: str = "next_day") -> dict[str, bytes]:
    """The course closed from … to …, each on a line of its own."""
    days = [period.split(" ") for period in periods]
    written = "".join(f"\n  - {{from: {first}, to: {last}}}" for first, last in days)
    return changed(COURSE, "calendar: FR", f"closed_days: {policy}\nclosing_periods:{written}")


@pytest.mark.parametrize(
    ("periods", "at"),
    [
        (["2027-08-02 2027-08-22", "2028-01-01 2029-03-01"], "2028-01-01"),
        (["2027-01-01 2027-09-30", "2027-10-01 2028-06-30"], "2027-01-01"),
        (["2027-10-04 2028-06-30", "2027-01-01 2027-10-01"], "2027-01-01"),  # a weekend between is no opening
        (["0001-01-01 9999-12-31"], "0001-01-01"),
        (["9998-01-01 9999-12-31"], "9998-01-01"),
    ],
)
def test_closing_periods_leave_a_day_that_the_calendar_finds(periods: list[str], at: str) -> None:
    files = closed(*periods)
    (problem,) = told(files)
    assert (problem.path, problem.line, problem.level) == (COURSE, line_of(files, COURSE, at), "error")
    assert "393 jours d'affilée" in problem.cause
    assert "raccourcissez la fermeture" in problem.cure


ONE_FRIDAY = ("2027-01-01 2027-09-30", "2027-10-02 2028-06-30")


def test_an_opening_on_a_friday_helps_no_slot_on_a_monday() -> None:
    (problem,) = told(closed(*ONE_FRIDAY, policy="next_slot"))
    assert "393 jours d'affilée" in problem.cause


@pytest.mark.parametrize(
    ("periods", "policy"),
    [
        (["2027-01-01 2028-01-15"], "next_day"),
        (["2027-01-01 2028-01-15"], "next_slot"),
        (ONE_FRIDAY, "next_day"),
        ([f"{year}-07-15 {year}-09-15" for year in range(2027, 2037)], "next_slot"),  # 630 days in all
    ],
)
def test_what_passes_the_calendar_can_plan(periods: list[str], policy: str) -> None:
    rules = course(closed(*periods, policy=policy)).rules
    for days in range(-10, 10):
        for weekday in ("mon", "tue", "wed", "thu", "fri"):
            slot = calendar.Slot.parse(f"{weekday} 08:30", "Europe/Paris")
            assert calendar.next_slot(rules.closings[0].first + timedelta(days=days), slot, rules)


def test_an_image_may_have_accents_and_spaces_in_its_name() -> None:
    files = changed(FIRST, "images/boite.png", "<images/boîte à lettres.png>")
    assert not told(files | {"images/boîte à lettres.png": files["images/boite.png"]})
    (problem,) = told(
        changed(FIRST, "images/boite.png", "images/boite.svg") | {"images/boite.svg": b"<svg/>"}
    )
    assert "PNG" in problem.cure


def test_a_problem_takes_one_line_whatever_it_cites() -> None:
    problem = Problem("lessons/0\r\n1.md", 3, "a\x1b[2Jb\u2028c", "d\ne")
    assert str(problem) == "lessons/0 1.md:3: a [2Jb c — d e"
