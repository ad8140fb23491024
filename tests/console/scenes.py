"""Scripted engines for the console's tests: real statuses, made by the real step function."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial

from console.hold import Hold
from console.logbook import LogBook
from console.offers import Asking, Deed, Done, Offer, given, offer_of
from console.words import Words
from engine import ActionRefused
from engine.acts.actions import ACTIONS
from engine.apply import apply
from engine.cell import Cell, CellState
from engine.control.operations import action_document
from engine.degraded import DegradedCode, Scope
from engine.events import (
    ApiListening,
    BrokerChanged,
    CellsChanged,
    Event,
    ModesDecided,
    OperatorActed,
    ProcessChanged,
    ReasonRaised,
    StoreOpened,
    SymbolPrimed,
)
from engine.sayings import in_a_row, saying, sentences
from engine.status import BrokerStatus, Mode, PrimeStatus, ProcessState, ProcessStatus, Status
from uds.model import Generation, SeriesKey, Symbol, Timeframe

SYMBOLS = (
    *("XAU/USD", "XAG/USD", "NGAS", "SPX500", "NAS100", "US30", "GER30", "EUSTX50", "HKG33"),
    *("GBP/CAD", "NZD/CAD", "USD/CAD", "USD/JPY"),
)
_ON_THE_WAY = (
    *(CellState.FETCHING, CellState.STORED, CellState.EMPTY, CellState.EMPTY, CellState.EMPTY),
    *(CellState.DERIVED, CellState.PRIMED, CellState.SEALED),
)
BARS = dict(zip(Timeframe, (4_320, 1_440, 864, 288, 144, 72, 18, 180), strict=True))
_process = partial(ProcessStatus, failures_max=5)
ACTOR = "console"
"""Who a scripted client is to its engine."""
ARMED_S = 252.0
"""4:12, the time a scripted arming has left; it stands still."""
OPENED_MS = 1_763_985_600_000
"""Monday 2025-11-24 12:00 UTC."""


def cold(symbols: Iterable[Symbol] = SYMBOLS, market: str = "simulated") -> Status:
    """An engine that has just opened: nothing fetched, every process starting."""
    cells = {SeriesKey(symbol, tf): Cell() for symbol in symbols for tf in Timeframe}
    names = ("connector", "m1_poller", "tick_publisher", "tick_preview", "ui")
    return Status(
        name="fx-1",
        boot_id="3f9ac1d27be04455a1c09de2f6b7a810",
        market=market,
        opened_ms=OPENED_MS,
        cells=cells,
        broker=BrokerStatus("sim", state="logging_in"),
        processes=tuple(_process(name) for name in names),
        prime=PrimeStatus(budget_s=8.0),
    )


def played(now: Status, *events: Event, at_ms: int) -> Status:
    """The status after these events."""
    for event in events:
        now = apply(now, event, at_ms)
    return now


def started(now: Status, at_ms: int) -> Status:
    """Store open, logged in, processes warming, the mode decided."""
    queue = {"D1": 0, "M1": 4}
    broker = BrokerStatus("sim", state="ready", slots_used=4, slots_total=4, queue=queue)
    modes = dict.fromkeys(now.symbols, Mode.COLD)
    return played(
        now,
        StoreOpened(42),
        ModesDecided(Mode.COLD, "no stored bars", modes),
        BrokerChanged(broker),
        ProcessChanged(
            _process("connector", ProcessState.READY, ready_after_s=2.1),
        ),
        ProcessChanged(_process("m1_poller", ProcessState.WARMING, "41%")),
        ProcessChanged(_process("tick_publisher", ProcessState.READY, ready_after_s=0.6)),
        ProcessChanged(_process("tick_preview", ProcessState.READY, ready_after_s=0.4)),
        ProcessChanged(_process("ui", ProcessState.READY, "serving 503", 0.5)),
        ApiListening(8000),
        at_ms=at_ms,
    )


def sealed(now: Status, symbol: Symbol, at_ms: int) -> Status:
    """All cells of a symbol served from its first generation."""
    generation = Generation(42, 1)
    cells = {
        tf: Cell(
            CellState.SEALED,
            progress=1.0,
            bars=BARS[tf],
            watermark_ms=OPENED_MS // tf.ms * tf.ms - tf.ms,
            serving=generation,
        )
        for tf in Timeframe
    }
    now = played(now, CellsChanged(symbol, cells), at_ms=at_ms)
    return played(now, SymbolPrimed(symbol, 0.4), at_ms=at_ms)


def cells(now: Status, symbol: Symbol, at_ms: int, changed: dict[Timeframe, Cell]) -> Status:
    """Cells of one symbol replaced."""
    return played(now, CellsChanged(symbol, changed), at_ms=at_ms)


def raised(now: Status, code: DegradedCode, scope: Scope, detail: str, at_ms: int) -> Status:
    """A reason more."""
    return played(now, ReasonRaised(code, scope, detail), at_ms=at_ms)


def start_of_boot() -> Status:
    """0 %: the gate is closed and every cell waits."""
    return cold()


def middle_of_boot() -> Status:
    """About 40 %: some symbols served, some on their way, some waiting."""
    now = started(cold(), OPENED_MS + 400)
    for symbol in SYMBOLS[:5]:
        now = sealed(now, symbol, OPENED_MS + 4_000)
    d1 = Cell(CellState.STORED, 1.0, 180, OPENED_MS - 2 * 86_400_000)
    m1 = Cell(CellState.STORED, 1.0, 4_320, OPENED_MS - 60_000)
    primed = {tf: Cell(CellState.PRIMED, 1.0, BARS[tf]) for tf in Timeframe}
    now = cells(now, "US30", OPENED_MS + 11_000, primed)
    half = {tf: Cell(CellState.DERIVED, 1.0, BARS[tf]) for tf in list(Timeframe)[1:4]}
    now = cells(now, "GER30", OPENED_MS + 5_000, {Timeframe.M1: m1, Timeframe.D1: d1, **half})
    fetching = Cell(CellState.FETCHING, 0.417, 1_800)
    now = cells(now, "EUSTX50", OPENED_MS + 6_000, {Timeframe.M1: fetching, Timeframe.D1: d1})
    for symbol in SYMBOLS[8:]:
        now = cells(now, symbol, OPENED_MS + 3_000, {Timeframe.D1: d1})
    return now


def end_of_boot() -> Status:
    """100 %: everything served, the gate open."""
    now = started(cold(), OPENED_MS + 400)
    for at, symbol in enumerate(SYMBOLS):
        now = sealed(now, symbol, OPENED_MS + 1_000 + 300 * at)
    ready = _process("m1_poller", ProcessState.READY, ready_after_s=4.6)
    serving = _process("ui", ProcessState.READY, "serving 200", 0.5)
    broker = BrokerStatus("sim", "ready", slots_total=4, queue={"D1": 0, "M1": 0})
    return played(
        now,
        ProcessChanged(ready),
        ProcessChanged(serving),
        BrokerChanged(broker),
        at_ms=OPENED_MS + 4_700,
    )


def closed_with_reasons() -> Status:
    """The gate closed, one cell failed, one with a gap, one process in backoff, a torn tail."""
    now = middle_of_boot()
    at_ms = OPENED_MS + 8_000
    now = cells(now, "GER30", at_ms, {Timeframe.M1: Cell(CellState.FAILED)})
    stale = Cell(CellState.STALE, 1.0, 4_320, OPENED_MS - 7 * 60_000, Generation(42, 1))
    now = cells(now, "NGAS", at_ms, {Timeframe.M1: stale})
    m1, h4 = SeriesKey("GER30", Timeframe.M1), SeriesKey("SPX500", Timeframe.H4)
    code = DegradedCode
    now = raised(now, code.TORN_TAIL, "XAU/USD", "1 torn line cut off", at_ms)
    now = raised(now, code.GAP, h4, "3 bars 02:00–14:00 are missing", at_ms)
    now = raised(now, code.CORRUPT_JSONL, m1, "line 4132 quarantined", at_ms + 500)
    now = raised(now, code.BROKER_FETCH_FAILED, "USD/JPY", "the broker closed the page", at_ms)
    ill = _process(
        "tick_publisher",
        ProcessState.BACKOFF,
        restarts=2,
        failures=2,
        failures_max=5,
        backoff_s=0.46,
        next_attempt_ms=OPENED_MS + 12_600,
        last_exit="BrokerError: the stream ended",
    )
    now = raised(now, code.CHILD_RESTARTING, "tick_publisher", "the stream ended", at_ms + 600)
    return played(now, ProcessChanged(ill), at_ms=at_ms + 600)


def told_in_codes() -> Status:
    """An engine whose Redis went away while a symbol is rebuilt: all of it said in codes."""
    key, at_ms, token = SeriesKey("NGAS", Timeframe.M1), OPENED_MS + 4_000, Generation(42, 1)
    nothing = (saying("as_it_is", "XAU/USD:"), saying("mode_nothing"))
    modes = dict.fromkeys(SYMBOLS, Mode.COLD)
    address = "unix:///srv/fx/data/run/redis.sock"
    again = {
        timeframe: Cell(state, 0.41, BARS[timeframe], OPENED_MS - 60_000, token)
        for timeframe, state in zip(Timeframe, _ON_THE_WAY, strict=True)
    }
    return played(
        end_of_boot(),
        ModesDecided(Mode.COLD, in_a_row(nothing), modes, nothing),
        CellsChanged(key.symbol, again),
        ReasonRaised.told(
            DegradedCode.REDIS_DOWN,
            None,
            saying("redis_away", address),
            saying("redis_remedy"),
            saying("attempt_due", 2, "0.2"),
            next_attempt_ms=at_ms + 200,
        ),
        ReasonRaised.told(
            DegradedCode.BROKER_FETCH_FAILED,
            key,
            saying("broker_silent", "NGAS", "M1", "5"),
            saying("attempt_due", 3, "0.5"),
        ),
        ReasonRaised.told(DegradedCode.DEPTH_SHORT, "USD/JPY", saying("depth_short", 22, 300)),
        at_ms=at_ms,
    )


def log_of_a_boot() -> LogBook:
    """Thirty lines of three processes, a warning and an error among them."""
    book = LogBook()
    said = (
        ("connector", "INFO", "logged in as demo"),
        ("m1_poller", "INFO", "page of 1 000 bars stored"),
        ("m1_poller", "WARNING", "the page was short by 3 bars, asking again"),
        ("tick_publisher", "ERROR", "BrokerError: the stream ended"),
        ("housekeeping", "INFO", "2 files of an old generation removed"),
    )
    for at in range(30):
        source, level, text = said[at % len(said)]
        line = (OPENED_MS + 400 * at, level, source, f"{text} ({at + 1})")
        book.write([line])
    return book


class FakeClient:
    """A client whose engine is the test."""

    def __init__(self, now: Status, refuses: str = "", *, is_armed: bool = False) -> None:
        self._status = now
        self._refuses = refuses
        self.hold = Hold(ARMED_S if is_armed else 0.0, actor=ACTOR)
        """What the operator has of it."""
        self._moved = asyncio.Event()
        self.acted: list[tuple[str, str]] = []
        """What was done, in order."""
        self.looked_again = 0
        """How often it was asked to look again."""
        self.answers: dict[str, object] = {}
        """What looking answers, by operation."""
        self.preferred: list[str] = []
        """The symbols that were to come next."""

    @property
    def status(self) -> Status:
        """The newest value."""
        return self._status

    def push(self, now: Status) -> None:
        """The next status."""
        self._status = now
        self._moved.set()

    async def changed(self) -> Status:
        """Wait for the next push."""
        self._moved.clear()
        await self._moved.wait()
        return self._status

    async def offers(self) -> tuple[Offer, ...]:
        """The real registry."""
        return tuple(offer_of(action_document(action)) for action in ACTIONS.values())

    async def question(self, deed: Deed) -> Asking:
        """As the engine would ask."""
        if self._refuses:
            raise ActionRefused(self._refuses)
        target = " ".join(deed.words)
        touches = "one symbol's rebuild takes longer"
        said = {
            "restart": (saying("restart", target, 4),),
            "rebuild": (saying("rebuild", target), saying("made_anew", 6, "2 826", "42-1")),
            "drill": (saying("asked", target, "error, hangs", touches, 21),),
            "rebuild-all": (saying("rebuild_many", 13), saying("made_anew_many", 6, "36 738")),
            "open-gate": (saying("open_gate", 60, 104, 15),),
        }.get(deed.action_id, ())
        sentence = sentences(said) or f"{deed.text}?"
        phrases = {
            "rebuild-all": "all",
            "open-gate": "gate",
            "restart-force": target,
            "drill": target,
        }
        return Asking(sentence, phrases.get(deed.action_id), self._command(deed), said)

    def _command(self, deed: Deed) -> str:
        """As the engine's registry has it."""
        action = ACTIONS[deed.action_id]
        offer = offer_of(action_document(action))
        return action.command(
            {name: tuple(said) for name, said in given(offer, deed.words).items()}
        )

    async def arm(self) -> None:
        """For five minutes, unless everything is refused."""
        if self._refuses:
            raise ActionRefused(self._refuses)
        self.hold = Hold(ARMED_S, actor=ACTOR)

    async def disarm(self) -> None:
        """Only look."""
        self.hold = Hold(actor=ACTOR)

    async def prefer(self, symbol: str) -> None:
        """Remember it."""
        self.preferred.append(symbol)

    def look_again(self) -> None:
        """Count it."""
        self.looked_again += 1

    def stop_question(self, words: Words) -> str:
        """As the engine would ask."""
        return "Stop the engine: 5 processes end, the data stays."

    def stop(self) -> None:
        """Remember it."""
        self.acted.append(("shutdown", ""))

    def shown(self) -> None:
        """Nothing waits for the picture here."""

    async def look(self, op: str, args: Mapping[str, object]) -> object:
        """What the test laid out for this operation."""
        if op not in self.answers:
            raise ActionRefused(f"This engine answers no {op}.")
        answer = self.answers[op]
        return answer(args) if callable(answer) else answer

    async def act(self, deed: Deed, phrase: str = "") -> Done:
        """Remember it."""
        self.acted.append((deed.action_id, " ".join(deed.words)))
        codes = {
            "drill": (saying("drill_begun", *deed.words),),
            "drill-abort": (saying("drill_ending"),),
        }.get(deed.action_id, ())
        said, given_words = sentences(codes) or f"{deed.text} done", {"": deed.words}
        acted = OperatorActed(deed.action_id, given_words, ACTOR, said, self._command(deed), codes)
        self.push(played(self._status, acted, at_ms=OPENED_MS + 12_000))
        return Done(said, codes)


def use_of_the_host() -> dict[str, object]:
    """What the operation `host` answers."""
    return {
        "at_s": 12.4,
        "engine": {"cpu_s": 7.3, "memory_bytes": 193 << 20},
        "server": {"cpu_s": 0.31, "memory_bytes": 21 << 20},
        "busy_s": {
            "connector": 0.8,
            "m1_poller": 5.1,
            "tick_publisher": 0.02,
            "tick_preview": 0.01,
            "ui": 0.44,
        },
        "waiting": {"connector": 0, "m1_poller": 4, "tick_preview": 0},
    }
