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
from .adoption import Adoption
from .attempt import Partner, attempt
from .buckets import bucket_close, bucket_open
from .cascade import Derived
from .cell import Cell, CellState
from .degraded import DegradedCode
from .derive import derive, derive_touched
from .events import (
    CellsChanged,
    ModesDecided,
    PrimingBegan,
    ReasonCleared,
    ReasonRaised,
    SymbolPrimed,
)
from .plan import warmup_from_ms
from .process import Tools
from .status import Mode, Status
from .timeline import Span

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
        await derive_lost(tools, recovered)
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
            decision = decision._replace(reason=f"legacy files, {decision.reason}")
        decisions[symbol] = decision
        if not decision.is_new:
            _begin_as(tools, recovered, decision)
        show(tools, symbol, CellState.EMPTY)
    mode, reason = modes.heaviest(decisions)
    tools.board.post(ModesDecided(mode, reason, {s: d.mode for s, d in decisions.items()}))


def is_recovered(status: Status) -> bool:
    """Whether every symbol has a draft to fill."""
    return status.mode is not None


def begin_rebuild(tools: Tools, symbol: Symbol) -> None:
    """Begin an empty draft; readers stay on the live generation until its flip."""
    tools.store.begin(symbol)
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
    _say_repaired(tools, symbol)


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
    detail = f"{key} has {have} of {need} bars that were derived; they are made again of M1."
    tools.board.post(ReasonRaised(DegradedCode.CASCADE_EMPTY, key, detail))
    return True


async def _flip(tools: Tools, symbol: Symbol) -> None:
    show_served(tools, symbol, await tools.store.flip(symbol))


def _say_repaired(tools: Tools, symbol: Symbol) -> None:
    """What recovery found damaged is healed by a new commit without a hole."""
    fetched = (SeriesKey(symbol, timeframe) for timeframe in (Timeframe.M1, Timeframe.D1))
    if any(len(tools.store.coverage(key).intervals) > 1 for key in fetched):
        return
    for reason in tools.board.status.reasons:
        is_of_cell = isinstance(reason.scope, SeriesKey) and reason.scope.symbol == symbol
        is_damage = is_of_cell and reason.code is DegradedCode.CORRUPT_JSONL
        if is_damage or (reason.code, reason.scope) == (DegradedCode.COMMIT_SKIPPED, symbol):
            tools.board.post(ReasonCleared(reason.code, reason.scope))


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
        store.begin(symbol, is_resumable=True)
        return
    market, now_ms = tools.markets[symbol], tools.clock.now_ms()
    window_ms = warmup_from_ms(market, now_ms, tools.config.bootstrap.warmup_bars.M1)
    is_long = decision.mode is Mode.PARTIAL_BOOTSTRAP
    stored_until_ms = recovered.covered_until_ms or store.coverage(m1).until_ms or 0
    if is_long and stored_until_ms < window_ms:
        kept = () if decision.is_recut else (Timeframe.D1,)
        store.begin(symbol, keeping=kept, is_resumable=True)
        return
    if decision.is_recut:
        store.begin(symbol, keeping=(Timeframe.M1,), is_resumable=True)
        tools.recut_from_ms[symbol] = min((a for a, _ in store.coverage(m1)), default=0)
    else:
        tools.derived[symbol] = Derived(_derived_until(tools, symbol))
    if is_long:
        store.doubt(m1, window_ms, stored_until_ms)


def _derived_until(tools: Tools, symbol: Symbol) -> Coverage:
    """The M1 that had been derived when the last owner stopped.

    The newest minute is left out: it may have been stored and not yet derived.
    """
    stored = (tools.store.load(SeriesKey(symbol, tf)) for tf in DERIVED_TIMEFRAMES)
    newest_ms = max((bars.last_close_ms or 0 for bars in stored), default=0)
    return tools.store.coverage(SeriesKey(symbol, Timeframe.M1)).without(newest_ms - 1, _FAR_MS)


def say_damage(tools: Tools, recovered: Recovered) -> None:
    """Each file's damage is a reason of its cell."""
    for drop in recovered.drops:
        code = DegradedCode.TORN_TAIL if drop.is_torn else DegradedCode.CORRUPT_JSONL
        lines = f"{drop.lines} lines from line {drop.first_line}" if drop.lines else "the file"
        detail = f"{drop.path}: {lines} not used: {drop.why}."
        tools.board.post(ReasonRaised(code, drop.key, detail))
    for sentence in recovered.skipped:
        tools.board.post(ReasonRaised(DegradedCode.COMMIT_SKIPPED, recovered.symbol, sentence))
    if recovered.rotated_count:
        detail = f"{recovered.rotated_count} older finds made room in the quarantine folder."
        tools.board.post(ReasonRaised(DegradedCode.QUARANTINE_ROTATED, None, detail))


async def derive_lost(tools: Tools, recovered: Recovered) -> None:
    """Derived bars of damaged files, where their M1 have left the RAM and so the next derive."""
    for key, from_ms, until_ms in recovered.holes:
        if key.timeframe.is_derived:
            await _derive_hole(tools, key, from_ms, until_ms)


async def _derive_hole(tools: Tools, key: SeriesKey, from_ms: int, until_ms: int) -> None:
    """Bars of a hole whose M1 have left the RAM; the newer ones are derived with the rest."""
    m1 = SeriesKey(key.symbol, Timeframe.M1)
    market = tools.markets[key.symbol]
    until_ms = min(until_ms, tools.store.resident_from_ms(m1))
    if from_ms >= until_ms:
        return
    from_ms = bucket_open(from_ms, Timeframe.D1, market.anchors)
    until_ms = bucket_close(until_ms - 1, Timeframe.D1, market.anchors)
    read = partial(tools.store.read, m1, from_ms, until_ms)
    minutes = await attempt(tools, Partner.DISK, m1, read)
    made = derive_touched(
        minutes,
        from_ms,
        until_ms,
        market.anchors,
        market.calendar,
        tools.store.coverage(m1),
        tools.clock.now_ms(),
        market.settle_ms,
        (key.timeframe,),
    )
    write = partial(tools.store.append, key, made[key.timeframe])
    await attempt(tools, Partner.DISK, key, write)


async def _say_state(tools: Tools) -> None:
    """A state file that could not be believed, until the next checkpoint."""
    found = await attempt(tools, Partner.DISK, None, tools.store.state.read)
    if found.source == "previous":
        tools.board.post(ReasonRaised(DegradedCode.STATE_FALLBACK_PREV, None, found.why))
    elif found.source == "rebuilt":
        tools.board.post(ReasonRaised(DegradedCode.STATE_REBUILT, None, found.why))


async def _timed(
    tools: Tools, name: str, symbol: Symbol, step: Callable[[], Awaitable[object]]
) -> None:
    """Do one step and note its span."""
    start_s = tools.since_opened_s()
    await step()
    tools.timeline.note(Span(name, symbol, start_s, tools.since_opened_s()))
