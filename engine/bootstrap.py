"""The steps of a start, symbol by symbol: recover, fill, derive, commit, prime, flip.

The same walk serves a cold start, a catch-up and a forced rebuild: they differ only in what
the draft begins with, and so in what is missing. Two processes share it without knowing of
each other: the connector brings D1, the m1_poller everything else, and the cell of D1 is what
the second waits for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from uds import Recovered, Snapshot
from uds.model import DERIVED_TIMEFRAMES, Bars, Coverage, SeriesKey, Symbol, Timeframe

from . import modes
from .attempt import Partner, attempt
from .boots.timeline import Span
from .cascade import Derived
from .cell import Cell, CellState
from .degraded import DegradedCode
from .derive import derive
from .events import (
    CellsChanged,
    ModesDecided,
    PrimingBegan,
    ReasonCleared,
    ReasonRaised,
    SymbolPrimed,
)
from .figures import grouped
from .history.adoption import Adoption
from .mending import say_committed, say_damage, say_mended
from .plan import warmup_from_ms
from .process import Tools
from .sayings import Saying, in_a_row, saying
from .status import Mode, Status

_FAR_MS = 1 << 62


async def recover_all(
    tools: Tools, agree_on_time: Callable[[int], None], adoption: Adoption | None = None
) -> None:
    """Find what the disk has of every symbol and decide how each is started.

    `agree_on_time` hears the newest stored close, 0 when nothing is stored, before anything
    is decided by the clock. `adoption` takes what the platform of before left of a symbol
    without a commit; None leaves it alone.
    """
    adopted: dict[Symbol, modes.Found] = {}
    found: list[Recovered] = []
    await _say_state(tools)
    for symbol in tools.markets:
        recovered = await attempt(tools, Partner.DISK, symbol, partial(tools.store.recover, symbol))
        say_damage(tools, recovered)
        found.append(recovered)
        if adoption is not None and recovered.found is None:
            legacy = await adoption.adopt(tools, symbol)
            adopted |= {} if legacy is None else {symbol: legacy}
    agree_on_time(max(tools.store.load(key).last_close_ms or 0 for key in tools.board.status.cells))
    decisions: dict[Symbol, modes.Decision] = {}
    for recovered in found:
        symbol = recovered.symbol
        decision = _decide(tools, recovered, adopted.get(symbol))
        if symbol in adopted:
            decision = decision._replace(said=(saying("mode_legacy"), *decision.said))
        decisions[symbol] = decision
        if decision.is_refused or not decision.is_new:
            _begin_as(tools, recovered, decision)
        show(tools, symbol, CellState.EMPTY)
    mode, said = modes.heaviest(decisions)
    reason, each = in_a_row(said), {s: d.mode for s, d in decisions.items()}
    tools.say(f"start: {mode.value}, {reason}")
    tools.board.post(ModesDecided(mode, reason, each, said))
    for symbol in decisions:  # the broker is logging in: no chunk need make its folders later
        await attempt(tools, Partner.DISK, symbol, partial(tools.store.make_room, symbol))


def is_recovered(status: Status) -> bool:
    """Whether every symbol has a draft to fill."""
    return status.mode is not None


def begin_rebuild(tools: Tools, symbol: Symbol) -> None:
    """Begin an empty draft; readers stay on the live generation until its flip."""
    _begin(tools, symbol)
    tools.derived.pop(symbol, None)
    show(tools, symbol, CellState.EMPTY)


async def derive_all(tools: Tools, symbol: Symbol) -> None:
    """Bring M3 to H4 up to the stored M1; only what differs from the disk is written.

    A bucket whose first M1 have left the RAM stays as it was made when they were there. One
    that was derived before and is not there any more is CASCADE_EMPTY, and made again.
    """
    m1 = SeriesKey(symbol, Timeframe.M1)
    market = tools.markets[symbol]
    covered = tools.store.coverage(m1).without(0, tools.store.resident_from_ms(m1))
    wanted = tuple(tf for tf in tools.config.timeframes if tf.is_derived)
    into = tools.store.filled(symbol)
    derived = derive(
        tools.store.load(m1),
        market.anchors,
        market.calendar,
        covered,
        tools.clock.now_ms(),
        market.settle_ms,
        wanted,
    )
    began_s = tools.since_opened_s()
    keys = {SeriesKey(symbol, timeframe): bars for timeframe, bars in derived.items()}
    lost = [key for key, bars in keys.items() if _say_lost(tools, key, bars)]
    write = partial(tools.store.append_all, symbol, derived, into=into)
    await attempt(tools, Partner.DISK, symbol, write)
    for key in lost:
        tools.board.post(ReasonCleared(DegradedCode.CASCADE_EMPTY, key))
    if tools.session.is_starting:
        span = Span("store", symbol, began_s, tools.since_opened_s(), of="derive")
        tools.timeline.note(span)
    note_derived(tools, symbol)


async def seal(tools: Tools, symbol: Symbol) -> None:
    """Commit the draft, prime its tails, flip readers to it."""
    store = tools.store
    await _timed(
        tools,
        "commit",
        symbol,
        lambda: attempt(tools, Partner.DISK, symbol, lambda: store.commit(symbol)),
    )
    await _prime(tools, symbol)
    await _timed(
        tools,
        "flip",
        symbol,
        lambda: attempt(tools, Partner.REDIS, None, lambda: _flip(tools, symbol)),
    )
    snapshot = store.tail(symbol)
    assert snapshot is not None
    m1 = len(snapshot.tails[Timeframe.M1])
    tools.say(f"{symbol}: readers get {snapshot.generation.short}, {grouped(m1)} M1")
    say_committed(tools, symbol)
    say_mended(tools, symbol)


def show(tools: Tools, symbol: Symbol, state: CellState, *timeframes: Timeframe) -> None:
    """Post the stored series of a symbol as cells in one state; all of them by default."""
    status, store = tools.board.status, tools.store
    cells: dict[Timeframe, Cell] = {}
    for timeframe in timeframes or status.timeframes:
        key = SeriesKey(symbol, timeframe)
        cells[timeframe] = status.cells[key].moved(state, 1.0, store.load(key))
    tools.board.post(CellsChanged(symbol, cells))


def show_served(tools: Tools, symbol: Symbol, snapshot: Snapshot) -> None:
    """Post what readers get now, unless a draft is under way: then the cells show that."""
    if tools.store.is_drafting(symbol):
        return
    cells = {
        timeframe: Cell(CellState.SEALED, 1.0, len(bars), bars.last_open_ms, snapshot.generation)
        for timeframe, bars in snapshot.tails.items()
    }
    tools.board.post(CellsChanged(symbol, cells))


async def _prime(tools: Tools, symbol: Symbol) -> None:
    """Put all tails into Redis in one call; one symbol at a time, so that the rate is its own."""
    start_s = tools.since_opened_s()
    began_s: float | None = None
    called_s = 0.0

    async def once() -> None:
        nonlocal began_s, called_s
        await tools.claimed.wait()  # a server that is just being started has lost nothing
        async with tools.priming:
            called_s = tools.since_opened_s()
            if began_s is None:
                began_s = called_s
                tools.board.post(PrimingBegan(symbol, began_s))
            await tools.store.prime(symbol)

    await attempt(tools, Partner.REDIS, None, once)
    ended_s = tools.since_opened_s()
    tools.timeline.note(Span("prime", symbol, start_s, ended_s, wait_s=called_s - start_s))
    assert began_s is not None
    show(tools, symbol, CellState.PRIMED)
    tails = tools.store.terms.tail_bars
    keys = [SeriesKey(symbol, timeframe) for timeframe in tools.config.timeframes]
    bars = sum(min(len(tools.store.load(key)), tails[key.timeframe]) for key in keys)
    tools.board.post(SymbolPrimed(symbol, ended_s - began_s, bars, ended_s - called_s))


def has_lost(tools: Tools, symbol: Symbol) -> bool:
    """Whether a derived timeframe has fewer bars than it had when it was last derived."""
    known = tools.derived.get(symbol)
    return known is not None and not known.is_whole(_derived_counts(tools, symbol))


def note_derived(tools: Tools, symbol: Symbol) -> None:
    """Remember what there is now, so that a loss is seen."""
    coverage = tools.store.coverage(SeriesKey(symbol, Timeframe.M1))
    tools.derived[symbol] = Derived(coverage, _derived_counts(tools, symbol))


def _derived_counts(tools: Tools, symbol: Symbol) -> dict[Timeframe, int]:
    derived = (tf for tf in tools.config.timeframes if tf.is_derived)
    return {tf: len(tools.store.load(SeriesKey(symbol, tf))) for tf in derived}


def _say_lost(tools: Tools, key: SeriesKey, derived: Bars) -> bool:
    """Whether bars that had been derived are missing from what is stored; that is said."""
    known = tools.derived.get(key.symbol)
    if known is None:
        return False
    resident_ms = tools.store.resident_from_ms(key)
    have, need = known.have_and_need(derived, tools.store.load(key), resident_ms)
    if have == need:
        return False
    lost = saying("derived_lost", key, have, need)
    tools.board.post(ReasonRaised.told(DegradedCode.CASCADE_EMPTY, key, lost))
    return True


async def _flip(tools: Tools, symbol: Symbol) -> None:
    show_served(tools, symbol, await tools.store.flip(symbol))


def _decide(tools: Tools, recovered: Recovered, adopted: modes.Found | None) -> modes.Decision:
    restart = tools.config.bootstrap
    terms = modes.Terms(
        restart.short_pause_h,
        restart.max_warmup_bars,
        tools.store.terms.open_mode,
        tools.config.anchors.model_dump(),
    )
    found = adopted or modes.Found(
        recovered.covered_until_ms, recovered.open_mode, recovered.anchors
    )
    market = tools.markets[recovered.symbol]
    return modes.decide(found, market.calendar, tools.clock.now_ms(), terms)


def _begin_as(tools: Tools, recovered: Recovered, decision: modes.Decision) -> None:
    """A catch-up goes on from the recovered draft, a cold start from nothing.

    A partial bootstrap fetches the whole warm-up window anew, but for pages of one that was
    interrupted. Older M1 stay where they reach the window without a hole; else D1 alone stays,
    so that no tail spans a hole. After a change
    of anchors only M1 stays, whatever the pause: it alone was cut by no anchor.
    """
    symbol, store = recovered.symbol, tools.store
    m1 = SeriesKey(symbol, Timeframe.M1)
    if decision.mode is Mode.COLD:
        _begin(tools, symbol, is_resumable=True)
        return
    market, now_ms = tools.markets[symbol], tools.clock.now_ms()
    window_ms = warmup_from_ms(market, now_ms, tools.config.bootstrap.warmup_bars.M1)
    is_long = decision.mode is Mode.PARTIAL_BOOTSTRAP
    stored_until_ms = recovered.covered_until_ms or store.coverage(m1).until_ms or 0
    if is_long and stored_until_ms < window_ms:
        kept = () if decision.is_recut else (Timeframe.D1,)
        _begin(tools, symbol, kept, is_resumable=True)
        return
    if decision.is_recut:
        _begin(tools, symbol, (Timeframe.M1,), is_resumable=True)
        tools.recut_from_ms[symbol] = min((a for a, _ in store.coverage(m1)), default=0)
    else:
        tools.derived[symbol] = Derived(_derived_until(tools, symbol))
    if is_long:
        store.doubt(m1, window_ms, stored_until_ms)


def _begin(
    tools: Tools, symbol: Symbol, keeping: tuple[Timeframe, ...] = (), *, is_resumable: bool = False
) -> None:
    tools.store.begin(symbol, keeping, is_resumable=is_resumable)
    tools.damage.begin_anew(symbol, keeping)


def _derived_until(tools: Tools, symbol: Symbol) -> Coverage:
    """The M1 that had been derived when the last owner stopped.

    The newest minute is left out: it may have been stored and not yet derived.
    """
    stored = (tools.store.load(SeriesKey(symbol, tf)) for tf in DERIVED_TIMEFRAMES)
    newest_ms = max((bars.last_close_ms or 0 for bars in stored), default=0)
    return tools.store.coverage(SeriesKey(symbol, Timeframe.M1)).without(newest_ms - 1, _FAR_MS)


async def _say_state(tools: Tools) -> None:
    """A state file that could not be believed, until the next checkpoint."""
    found = await attempt(tools, Partner.DISK, None, tools.store.state.read)
    if found.told is None:
        return
    is_old = found.source == "previous"
    code = DegradedCode.STATE_FALLBACK_PREV if is_old else DegradedCode.STATE_REBUILT
    tools.board.post(ReasonRaised.told(code, None, Saying(*found.told)))


async def _timed(
    tools: Tools, name: str, symbol: Symbol, step: Callable[[], Awaitable[object]]
) -> None:
    """Do one step and note its span."""
    start_s = tools.since_opened_s()
    await step()
    tools.timeline.note(Span(name, symbol, start_s, tools.since_opened_s()))
