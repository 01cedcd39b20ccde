"""What can go wrong, in words fit for the person who reads them."""


class ParcoursError(Exception):
    """Base of every error we raise on purpose; its text may be shown as it is."""


class NotAllowed(ParcoursError):
    """The rules forbid this step from this state."""


class NotFound(ParcoursError):
    """Nothing here by that name."""


class Conflict(ParcoursError):
    """Somebody else was there first; nothing was changed."""


class TooMany(ParcoursError):
    """More requests than the limits allow; later it will work again."""


class BadLink(ParcoursError):
    """The signature of a link is not ours, or the link is for another purpose."""


class ExpiredLink(ParcoursError):
    """A link of ours whose time is over."""


class Invalid(ParcoursError):
    """Input that cannot be used.

    `problems` tells for each field (`""`: the whole) what is wrong and what to do.
    """

    def __init__(self, problems: dict[str, str] | str) -> None:
        self.problems = {"": problems} if isinstance(problems, str) else problems
        super().__init__(" ".join(self.problems.values()))
