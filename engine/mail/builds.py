"""Builds kept in memory: made at first need, the least used forgotten first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from engine.mail.fill import Build

Key = tuple[str, str, Hashable]
"""Course, hash of the version, lesson or letter. Templates and settings stay while a process runs."""


class Builds:
    """At most `size` builds, 100 to 200 kB each."""

    def __init__(self, size: int = 128) -> None:
        self._size = size
        self._kept: OrderedDict[Key, Build] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Build]) -> Build:
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]
