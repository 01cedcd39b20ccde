"""A mail made ready once: context → Jinja → MJML → HTML and text → build."""

from engine.core import delivery
from engine.core.course import model
from engine.mail import dress as dresses
from engine.mail import fill, letters, message, render, skeleton


def lesson(lesson: model.Lesson, *, course: model.Course, dress: dresses.Dress) -> fill.Build:
    """The build of one lesson for everybody who receives it. Raises errors.ParcoursError.

    To be filled: `learner.first_name`, `learner.company`, `link.web`, `link.my`, `link.leave`,
    `link.activity.<key>` and `link.lesson.<key>`, those of them that are in `Build.slots`.
    """
    dress = dresses.fitted(dress, course)
    headers = message.standing(delivery.Kind.LESSON, dress, lesson=lesson.key)
    return fill.build(parts(lesson, course=course, dress=dress), headers, sender=message.sender(dress))


def parts(lesson: model.Lesson, *, course: model.Course, dress: dresses.Dress) -> fill.Parts:
    """The same before it is encoded, in a dress that fits."""
    return render.parts(_context(lesson, course), dress)


def letter(letter: letters.Letter, *, dress: dresses.Dress) -> fill.Build:
    """The build of a mail that is no lesson, in a dress that fits; its kind is the name of its class."""
    kind = delivery.Kind(render.name(letter))
    headers = message.standing(kind, dress)
    return fill.build(render.parts(letter, dress), headers, sender=message.sender(dress))


def _context(lesson: model.Lesson, course: model.Course) -> letters.Lesson:
    returning = any(quiz.comes_back for _, quiz in course.quizzes)
    return letters.Lesson(
        course=course.title,
        subject=lesson.subject,
        module=lesson.module.title,
        number=lesson.number,
        count=len(course.lessons),
        minutes=lesson.minutes,
        document=lesson.document,
        web=skeleton.slot("link.web"),
        my=skeleton.slot("link.my"),
        leave=skeleton.slot("link.leave"),
        review_prompt=skeleton.slot("review.prompt") if returning else "",
        review=skeleton.slot("link.review") if returning else "",
        sources=lesson.sources,
        activities=course.activities,
    )
