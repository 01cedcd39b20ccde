"""Averages that tell of a group and never of a person.

Answers are put into groups of five in the order in which they came, once and for all, and an average is
taken over whole groups only. Two averages, whenever they were looked at, then differ by five people or more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GROUP = 5


@dataclass(frozen=True)
class Mean:
    value: float
    people: int


def mean(answers: Sequence[float | None]) -> Mean | None:
    """The average over whole groups; None while there is none.

    `answers`: one a person, in the order in which they came; an answer never changes and never loses its
    place. None: the person was erased, and the group goes with him.
    """
    whole = len(answers) // GROUP * GROUP
    groups = (answers[start : start + GROUP] for start in range(0, whole, GROUP))
    counted = [answer for group in groups if None not in group for answer in group if answer is not None]
    return Mean(sum(counted) / len(counted), len(counted)) if counted else None


def fives(waiting: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The groups that answers make which are in none yet: each of five answers, by five people.

    `waiting`: an answer and its person, in the order in which they came. Who answered twice (the course taken
    again) waits for a group without himself; what makes no whole group goes on waiting.
    """
    whole: list[tuple[int, ...]] = []
    begun: list[dict[int, int]] = []
    for answer, person in waiting:
        group = next((each for each in begun if person not in each), None)
        if group is None:
            begun.append(group := {})
        group[person] = answer
        if len(group) == GROUP:
            begun.remove(group)
            whole.append(tuple(group.values()))
    return whole
