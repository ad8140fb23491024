"""Answers that stand ready: who asks the same of the same bars gets bytes that were made once.

A chart asks one question again and again, and between two closed minutes the answer differs in
nothing but `as_of_ms`. An answer stays ready as long as everything it was made of is the very
same object: the snapshot, the reasons and the depths. So nothing has to be told here when one
of them changes, and an answer still holds one generation. Whether the gate is open is asked
each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from uds import Snapshot
from uds.model import SeriesKey, Symbol

from ..degraded import DegradedReason
from ..depth import Depth
from ..status import Status
from .api import Answer

BYTES_MAX = 32 * 1024 * 1024
"""Together; when they are more, all are forgotten."""
_AS_OF = b'"as_of_ms":'


@dataclass(frozen=True, slots=True)
class _MadeOf:
    """What all answers of one symbol that stand ready were made of."""

    symbol: Symbol
    snapshot: Snapshot
    """Where their bars come from."""
    reasons: tuple[DegradedReason, ...]
    """All reasons that stood."""
    depth: Mapping[SeriesKey, Depth]
    """All depths that were known."""
    queries: set[bytes] = field(default_factory=set)
    """What they answer."""

    def is_still(self, status: Status, snapshot: Snapshot | None) -> bool:
        """Whether all of it is what there is now."""
        return (
            self.snapshot is snapshot
            and self.reasons is status.reasons
            and self.depth is status.depth
        )


@dataclass(frozen=True, slots=True)
class _Ready:
    """One answer."""

    made_of: _MadeOf
    """While this is still so, it holds."""
    before: bytes
    """The body up to the digits of `as_of_ms`."""
    after: bytes
    """The body behind them."""


class ReadyAnswers:
    """The newest answer to each question, a question being the query as it was sent."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._ready: dict[bytes, _Ready] = {}
        self._made_of: dict[Symbol, _MadeOf] = {}
        self._bytes_max = bytes_max
        self._bytes = 0
        self._open: Status | None = None

    def __len__(self) -> int:
        return len(self._ready)

    def get(
        self,
        query: bytes,
        status: Status,
        tail_of: Callable[[Symbol], Snapshot | None],
        now_ms: int,
    ) -> tuple[bytes, ...] | None:
        """The body of the answer as of now, in parts; None when it has to be made."""
        ready = self._ready.get(query)
        if ready is None or not self._is_open(status):
            return None
        if not ready.made_of.is_still(status, tail_of(ready.made_of.symbol)):
            return None
        return ready.before, b"%d" % now_ms, ready.after

    def keep(
        self, query: bytes, status: Status, symbol: Symbol, snapshot: Snapshot, answer: Answer
    ) -> None:
        """Have it ready from now on; the caller gives none that holds a preview.

        What was made of older bars of the symbol is forgotten, so none of them stay in RAM.
        """
        made_of = self._made_of.get(symbol)
        if made_of is None or not made_of.is_still(status, snapshot):
            for old in tuple(made_of.queries) if made_of is not None else ():
                self._forget(old)
            made_of = self._made_of[symbol] = _MadeOf(
                symbol, snapshot, status.reasons, status.depth
            )
        self._forget(query)
        before, mark, rest = answer.body.partition(_AS_OF)
        after = rest[rest.index(b",") :]
        before += mark
        size = len(query) + len(before) + len(after)
        if self._bytes + size > self._bytes_max:
            self._forget_all()
            return
        self._bytes += size
        made_of.queries.add(query)
        self._ready[query] = _Ready(made_of, before, after)

    def _forget(self, query: bytes) -> None:
        gone = self._ready.pop(query, None)
        if gone is None:
            return
        gone.made_of.queries.discard(query)
        self._bytes -= len(query) + len(gone.before) + len(gone.after)

    def _forget_all(self) -> None:
        self._ready.clear()
        self._made_of.clear()
        self._bytes = 0

    def _is_open(self, status: Status) -> bool:
        """Whether readers are answered; looked at once for each status."""
        if status is self._open:
            return True
        is_open = status.gate_state.is_open
        self._open = status if is_open else None
        return is_open
