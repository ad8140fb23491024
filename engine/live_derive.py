"""The derived bars that a closed minute, a repaired gap or the passing of time touches.

Deriving a symbol's whole tail each minute would do; deriving what was touched gives the same
bars in a quarter of the time. Time alone touches as well: Friday's last H4 is final on Friday
evening, when nobody has anything to fetch, so what settled since the last time is always part
of it. The whole is derived in the first minute of a process's life, and whenever a series has
become shorter: then bars are lost, and `derive_all` says so.
"""

from __future__ import annotations

from functools import partial

from uds.model import SeriesKey, Symbol, Timeframe

from .attempt import Partner, attempt
from .bootstrap import derive_all, has_lost, note_derived
from .derive import derive_touched
from .process import Tools


class LiveDerive:
    """Keeps M3 to H4 of one symbol up to its stored M1, minute by minute."""

    def __init__(self, tools: Tools, symbol: Symbol) -> None:
        self._tools = tools
        self._symbol = symbol
        self._market = tools.markets[symbol]
        self._keys = tuple(SeriesKey(symbol, tf) for tf in tools.config.timeframes if tf.is_derived)
        self._settled_ms: int | None = None

    def forget(self) -> None:
        """Another draft was derived and sealed: begin anew."""
        self._settled_ms = None

    async def run(self, touched_ms: int | None) -> bool:
        """Derive; `touched_ms` is where M1 or coverage changed first, None when neither did.

        Returns whether any bar was written.
        """
        settled_ms, now_ms = self._settled_ms, self._tools.clock.now_ms()
        if settled_ms is None or has_lost(self._tools, self._symbol):
            await derive_all(self._tools, self._symbol)
            wrote = True
        else:
            since_ms = settled_ms if touched_ms is None else min(touched_ms, settled_ms)
            wrote = await self._derive_since(since_ms, now_ms)
        self._settled_ms = now_ms - self._market.settle_ms
        return wrote

    async def _derive_since(self, from_ms: int, now_ms: int) -> bool:
        m1, store = SeriesKey(self._symbol, Timeframe.M1), self._tools.store
        into = store.filled(self._symbol)
        derived = derive_touched(
            store.load(m1),
            from_ms,
            max(now_ms, from_ms + 1),
            self._market.anchors,
            self._market.calendar,
            store.coverage(m1).without(0, store.resident_from_ms(m1)),
            now_ms,
            self._market.settle_ms,
            tuple(key.timeframe for key in self._keys),
        )
        wrote = False
        for key in self._keys:
            bars = derived[key.timeframe]
            if len(bars):
                append = partial(store.append, key, bars, into=into)
                stored = await attempt(self._tools, Partner.DISK, key, append)
                if stored.is_superseded:
                    return wrote
                wrote = wrote or stored.repeated_count < len(bars)
        note_derived(self._tools, self._symbol)
        return wrote
