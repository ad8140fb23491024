"""A recorded boot read back: every status it went through, in any order.

A record is walked once from its first line to its last with the step that the engine took, so
whatever is wrong with it is said at once, with the line. On the way a status is kept every so
often; any other is a few steps from one that was kept.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..apply import apply
from ..errors import RecordUnreadable
from ..event_log import Posted
from ..replica import BadReplica, posted_of, status_of
from ..status import Status
from .records import RECORD

_KEPT_EVERY = 64


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of the boot."""

    at_ms: int
    """The market's clock, UTC ms; never less than that of the step before."""
    happened: Posted | Status
    """What happened; a status where the engine began, or where it was said anew."""


class Recording:
    """One boot; `status(at)` is the status after step `at`."""

    def __init__(self, who: Mapping[str, Any], steps: Sequence[Step]) -> None:
        """Raises RecordUnreadable when the steps do not follow from each other."""
        self.who = who
        """Who booted: boot_id, owner_token, name, market, opened_ms, real_ms."""
        self.steps = tuple(steps)
        """At least one; the first is the status it began with."""
        self.is_ended = False
        """Whether its last line says that the engine stopped in order."""
        self._times = [step.at_ms for step in steps]
        self._kept: list[Status] = []
        for at, status in enumerate(self._walk()):
            if at % _KEPT_EVERY == 0:
                self._kept.append(status)

    @property
    def begin_ms(self) -> int:
        """The market's clock at the first step, UTC ms."""
        return self._times[0]

    @property
    def end_ms(self) -> int:
        """The market's clock at the last step, UTC ms."""
        return self._times[-1]

    def status(self, at: int) -> Status:
        """The status after step `at`, 0 the first."""
        nearest = at // _KEPT_EVERY
        status = self._kept[nearest]
        for step in self.steps[nearest * _KEPT_EVERY + 1 : at + 1]:
            status = _stepped(status, step)
        return status

    def at(self, moment_ms: int) -> int:
        """The last step that had happened at a moment; the first one before the beginning."""
        return max(0, bisect_right(self._times, moment_ms) - 1)

    def _walk(self) -> Iterator[Status]:
        status: Status | None = None
        for at, step in enumerate(self.steps):
            try:
                status = _stepped(status, step)
            except (AssertionError, KeyError) as error:
                raise RecordUnreadable(f"Step {at + 1} of the record does not follow.") from error
            yield status


def recording_of(data: bytes) -> Recording:
    """The record in these bytes; a torn last line is left out. Raises RecordUnreadable."""
    who: Mapping[str, Any] | None = None
    steps: list[Step] = []
    is_ended = False
    for number, document in _documents(data):
        if who is None:
            who = _header(document)
            continue
        try:
            if "snapshot" in document:
                status = status_of(document["snapshot"])
                steps.append(Step(_not_before(steps, status.opened_ms), status))
            elif "seq" in document:
                posted = posted_of(document)
                steps.append(Step(_not_before(steps, posted.at_ms), posted))
            is_ended |= "end" in document
        except BadReplica as error:
            raise RecordUnreadable(
                f"Line {number} of the record cannot be used: {error}"
            ) from error
    if who is None or not steps or not isinstance(steps[0].happened, Status):
        raise RecordUnreadable("This is no record of a boot: it does not begin with a status.")
    recording = Recording(who, steps)
    recording.is_ended = is_ended
    return recording


def _stepped(status: Status | None, step: Step) -> Status:
    if isinstance(step.happened, Status):
        return step.happened
    assert status is not None, "a record begins with a status"
    return apply(status, step.happened.event, step.happened.at_ms)


def _documents(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line with its number."""
    *lines, torn = data.split(b"\n")
    for number, line in enumerate((*lines, torn) if _is_whole(torn) else lines, start=1):
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RecordUnreadable(f"Line {number} of the record is no JSON.") from error
        if not isinstance(document, dict):
            raise RecordUnreadable(f"Line {number} of the record is no object.")
        yield number, document


def _is_whole(line: bytes) -> bool:
    """Whether a last line without its end is one all the same."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _header(document: Mapping[str, Any]) -> Mapping[str, Any]:
    if document.get("record") != RECORD:
        raise RecordUnreadable(f"This is no record of a boot of version {RECORD}.")
    return document


def _not_before(steps: Sequence[Step], at_ms: int) -> int:
    """A clock that was set back does not take the recording back."""
    return max(at_ms, steps[-1].at_ms) if steps else at_ms
