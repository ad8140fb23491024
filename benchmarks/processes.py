"""The other load while child processes of ours measure: they and their children are not other."""

from __future__ import annotations

import resource
from dataclasses import replace

from .machine import OTHER_LOAD_MAX, Usage, in_words, other_load


class ProcessWatch:
    """Watches from when it is made; children count once they have ended."""

    def __init__(self) -> None:
        self._since = _usage()

    def heading(self, title: str) -> str:
        """The title of a table with the load since this was made."""
        load = other_load(self._since, _usage())
        loud = "" if load is not None and load <= OTHER_LOAD_MAX else "   NOT QUIET"
        return f"\n{title}, other load meanwhile {in_words(load)}{loud}"


def _usage() -> Usage | None:
    found = Usage.now()
    if found is None:
        return None
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return replace(found, own_s=found.own_s + children.ru_utime + children.ru_stime)
