"""How well incoming reports are read: the classes we give beside those that a labelled corpus gives."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.core.feedback import Cause, Class, Recipient

MISSING = "(missing)"


Labels = Mapping[str, Sequence[Mapping[str, str]]]
"""By file name, for each recipient `class`, and `status`, `reply`, `reason` in the words of the source."""


@dataclass
class Score:
    table: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often which class was wanted and which was given; disputed labels are not in it."""
    disputed: Counter[bool] = field(default_factory=Counter)
    """Of disputed labels, how many we agree with."""
    wrong: list[str] = field(default_factory=list)

    def add(self, file: str, labels: Sequence[Mapping[str, str]], recipients: Sequence[Recipient]) -> None:
        for number, label in enumerate(labels):
            given = recipients[number] if number < len(recipients) else None
            name = given.class_.value if given else MISSING
            if disputed(label, given):
                self.disputed[name == label["class"]] += 1
                continue
            self.table[label["class"], name] += 1
            if name != label["class"]:
                self.wrong.append(f"{file}: {label['class']} ({label['reason']}), read as {name}")

    def lines(self) -> Iterator[str]:
        """The score in words and figures, then the table."""
        right = sum(count for (wanted, given), count in self.table.items() if wanted == given)
        hard = {pair: count for pair, count in self.table.items() if pair[0] == Class.HARD}
        rest = {pair: count for pair, count in self.table.items() if pair[0] != Class.HARD}
        yield _share("hard recall", self.table[Class.HARD, Class.HARD], sum(hard.values()))
        yield _share(
            "false hards", sum(n for (_, given), n in rest.items() if given == Class.HARD), sum(rest.values())
        )
        yield _share("class right", right, sum(self.table.values()))
        yield _share("disputed labels, agreed with", self.disputed[True], self.disputed.total())
        yield from self._table()
        yield from self.wrong

    def _table(self) -> Iterator[str]:
        names = [*(str(each) for each in Class), MISSING]
        used = [name for name in names if any(name in pair for pair in self.table)]
        width = max(map(len, used), default=0)
        yield "wanted \\ given".ljust(width) + "".join(f"  {name:>{max(len(name), 4)}}" for name in used)
        for wanted in used:
            counts = (f"  {self.table[wanted, name] or '·':>{max(len(name), 4)}}" for name in used)
            yield wanted.ljust(width) + "".join(counts)


def disputed(label: Mapping[str, str], given: Recipient | None) -> bool:
    """Labels that the corpus itself calls arguable, by their words; deploy/README.md says why."""
    reason, status = label["reason"], label["status"]
    if reason in ("filtered", "suspend", "mesgtoobig", "exceedlimit"):
        return True
    if reason == "rejected" and label.get("reply") == "421":
        return True
    no_host = given is not None and given.cause == Cause.HOST_UNKNOWN
    return no_host and label["class"] == Class.EXPIRED_OR_NETWORK and status in ("4.0.0", "5.0.944")


def _share(name: str, part: int, whole: int) -> str:
    return f"{name}: {part / whole if whole else 0:.1%} ({part} of {whole})"
