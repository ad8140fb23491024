"""Takes what today's platform left in the data folder into a symbol's first generation.

Theory of operation. A symbol without a believable commit may have parts of the platform of
before (`uds/legacy.py`). Its M1 are a source as good as the broker's, so they are made durable
in the draft, and what they are proof for becomes its coverage (`legacy_evidence.py`); D1 only
when every day opens on our anchor, else the broker is asked. M3 to H4 are never taken: they are
derived of the M1 here and now, while all of these are in RAM, and the old ones are only held
against them, and asked which minutes had no tick. From there on the symbol is a stored one: the
pause since its last M1 decides whether it catches up or is bootstrapped in part.

M1 that open in another mode than ours, or in both, are not taken at all: mixing would be split
brain, so the symbol starts cold.

Nothing of the old files is changed. While the old platform goes on writing, that is a reason,
told until its files have rested; what it writes after the adoption is not read any more.
"""

from __future__ import annotations

import logging
from functools import partial
from itertools import pairwise

from uds import LegacyFolder, LegacySeries
from uds.model import Bars, Coverage, SeriesKey, Symbol, Timeframe

from ..attempt import Partner, attempt
from ..boots.timeline import Span
from ..degraded import DegradedCode
from ..derive import derive
from ..events import ReasonCleared, ReasonRaised
from ..modes import Found
from ..process import Tools
from ..sayings import saying
from ..witness import open_mode
from .legacy_evidence import compared, d1_coverage, d1_on_anchor, m1_coverage
from .legacy_prose import comparison, damage, oddities, taken

CHUNK_BARS = 5_000
"""Bars written at once, so that the loop goes on in between."""
LOOK_S = 20.0
"""How often the old files are looked at while they may still be written."""
REST_S = 150.0
"""Files that have not changed for so long, more than two minutes' closes, are at rest."""
_FAR_MS = 1 << 62
_log = logging.getLogger(__name__)


class Adoption:
    """The old files of one boot's data folder, and which of them were read."""

    def __init__(self, folder: LegacyFolder) -> None:
        self._folder = folder
        self._read: dict[SeriesKey, None] = {}

    async def adopt(self, tools: Tools, symbol: Symbol) -> Found | None:
        """Take a symbol's old bars into its draft; None when it has no old M1.

        What comes back says which mode they open in: in another one than ours nothing was taken.
        """
        start_s = tools.since_opened_s()
        m1 = await self._load(tools, SeriesKey(symbol, Timeframe.M1))
        last_close_ms = m1.bars.last_close_ms
        if last_close_ms is None:
            return None
        ours, theirs = tools.store.terms.open_mode, open_mode(m1.bars)
        if theirs not in (None, ours):
            _say_unlike(tools, symbol, str(theirs))
            return Found(last_close_ms, theirs, tools.store.terms.anchors)
        wanted = [tf for tf in tools.config.timeframes if tf.is_derived]
        derived = [await self._load(tools, SeriesKey(symbol, timeframe)) for timeframe in wanted]
        market = tools.markets[symbol]
        covered = m1_coverage(m1, market.calendar, market.anchors, derived)
        await _store(tools, m1.key, m1.bars, covered)
        await self._adopt_days(tools, symbol)
        await self._derive(tools, m1, covered, derived)
        tools.timeline.note(Span("adopt", symbol, start_s, tools.since_opened_s()))
        return Found(last_close_ms, ours, tools.store.terms.anchors)

    async def watch(self, tools: Tools) -> None:
        """Say whether the old platform still writes."""
        await tools.board.until(lambda status: status.mode is not None)
        edges = {key: await self._edge(tools, key) for key in self._read}
        rested_s = dict.fromkeys(edges, 0.0)
        while edges:
            await tools.clock.sleep(LOOK_S)
            for key, edge in edges.items():
                now = await self._edge(tools, key)
                rested_s[key] = rested_s[key] + LOOK_S if now == edge else 0.0
                edges[key] = now
            for symbol in {key.symbol for key in edges}:
                of_symbol = [rested for key, rested in rested_s.items() if key.symbol == symbol]
                _judge_writer(tools, symbol, min(of_symbol))

    async def _load(self, tools: Tools, key: SeriesKey) -> LegacySeries:
        """Read one series and say what is odd about it."""
        series = await attempt(tools, Partner.DISK, key, partial(self._folder.read, key))
        if not series.files:
            return series
        if not key.timeframe.is_derived:
            self._read[key] = None
            for fault in series.faults:
                torn = DegradedCode.TORN_TAIL if fault.is_torn else DegradedCode.CORRUPT_JSONL
                tools.board.post(ReasonRaised.told(torn, key, damage(fault)))
            if not all(fault.is_torn for fault in series.faults):
                now_ms = tools.clock.now_ms() - tools.markets[key.symbol].settle_ms
                tools.damage.note(key, [(a, min(b, now_ms)) for a, b in series.doubted])
        if series.is_written:
            _raise_writer(tools, key.symbol)
        for sentence in oddities(series):
            _log.warning(sentence)
        return series

    async def _adopt_days(self, tools: Tools, symbol: Symbol) -> None:
        market = tools.markets[symbol]
        d1 = await self._load(tools, SeriesKey(symbol, Timeframe.D1))
        days = d1_on_anchor(d1, market.anchors)
        if days is None:
            _log.warning(
                "%s: its D1 do not all open at %s %s and are fetched again.",
                *(symbol, market.anchors.d1, market.anchors.zone),
            )
            self._read.pop(d1.key)
            tools.damage.begin_anew(symbol, [tf for tf in Timeframe if tf is not Timeframe.D1])
            return
        covered = d1_coverage(d1, days, market.anchors, market.calendar)
        await _store(tools, d1.key, days, covered)

    async def _derive(
        self, tools: Tools, m1: LegacySeries, covered: Coverage, derived: list[LegacySeries]
    ) -> None:
        """Derive of the old M1, and hold what the files have of the same against it."""
        market = tools.markets[m1.key.symbol]
        wanted = tuple(old.key.timeframe for old in derived)
        now_ms = tools.clock.now_ms()
        made = derive(
            m1.bars, market.anchors, market.calendar, covered, now_ms, market.settle_ms, wanted
        )
        _log.info(taken(m1.key.symbol, m1.bars, covered))
        for old in derived:
            bars = made[old.key.timeframe]
            await _store(tools, old.key, bars, Coverage())
            if not old.files:
                continue
            found = compared(old.bars, bars, old.key.timeframe, market.anchors)
            level = logging.INFO if found.is_equal else logging.WARNING
            _log.log(level, comparison(old.key, found))

    async def _edge(self, tools: Tools, key: SeriesKey) -> tuple[str, int] | None:
        return await attempt(tools, Partner.DISK, key, partial(self._folder.newest_size, key))


async def _store(tools: Tools, key: SeriesKey, bars: Bars, covered: Coverage) -> None:
    """Make durable what the draft was not fetched for already: that is newer than the files."""
    for from_ms, until_ms in tools.store.coverage(key):
        inside = (bars.open_time_ms >= from_ms) & (bars.open_time_ms < until_ms)
        bars = bars.take(~inside)
    edges_ms = [0, *bars.open_time_ms[CHUNK_BARS::CHUNK_BARS].tolist(), _FAR_MS]
    for from_ms, until_ms in pairwise(edges_ms):
        chunk = bars.between(from_ms, until_ms)
        share = covered.without(0, from_ms).without(until_ms, _FAR_MS).intervals
        await attempt(tools, Partner.DISK, key, partial(tools.store.append, key, chunk, share))


def _say_unlike(tools: Tools, symbol: Symbol, theirs: str) -> None:
    unlike = saying("mode_refused", symbol, theirs, tools.store.terms.open_mode)
    _log.warning("%s", unlike)
    if theirs == "mixed":
        tools.board.post(ReasonRaised.told(DegradedCode.OPEN_MODE_MIXED, symbol, unlike))


def _raise_writer(tools: Tools, symbol: Symbol) -> None:
    written = saying("legacy_written", symbol)
    tools.board.post(ReasonRaised.told(DegradedCode.LEGACY_WRITER_ACTIVE, symbol, written))


def _judge_writer(tools: Tools, symbol: Symbol, rested_s: float) -> None:
    code = DegradedCode.LEGACY_WRITER_ACTIVE
    stands = any((r.code, r.scope) == (code, symbol) for r in tools.board.status.reasons)
    if not rested_s and not stands:
        _raise_writer(tools, symbol)
    elif rested_s >= REST_S and stands:
        tools.board.post(ReasonCleared(code, symbol))
