"""Courses made of bare lessons, for the rules that ask for keys, conditions and gates only."""

from dataclasses import replace

from engine.core.course import grammar, markup, model
from tests.core.course import files

MINI = files.course()


def lesson(
    number: int,
    *,
    when: str | None = None,
    delay: int | None = None,
    requires: grammar.Requires | None = None,
    meets: str | None = None,
) -> model.Lesson:
    """Lesson `l1`, `l2`…; `meets` is the activity that it leads to."""
    blocks = (markup.Question(meets),) if meets else ()
    return replace(
        MINI.lessons[0],
        key=f"l{number}",
        number=number,
        when=when,
        delay=delay,
        requires=requires,
        body="",
        document=markup.Document(blocks),
    )


def course(*lessons: model.Lesson) -> model.Course:
    assert [each.number for each in lessons] == list(range(1, len(lessons) + 1))
    return replace(MINI, lessons=lessons)
