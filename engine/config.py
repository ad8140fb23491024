"""`config.json` as typed, frozen values; what is wrong with it is said in one sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import (
    Field,
    PlainSerializer,
    field_validator,
    model_validator,
)

from uds import is_symbol, shown_address
from uds.model import Symbol, Timeframe

from .calendars.anchors import Anchors
from .config_calendars import CalendarConfig
from .config_words import (
    Count,
    Number,
    Positive,
    Seconds,
    Section,
    TimeframeName,
    Whole,
    redis_address,
    within_reach,
)

if TYPE_CHECKING:
    from .calendars.trading_calendar import TradingCalendar
    from .history.file_zone import FileZone

FX_GROUP = "fx"
_CURRENCY_PAIR = re.compile(r"[A-Z]{3}/[A-Z]{3}")
_YEN_DIGITS, _PAIR_DIGITS, _OTHER_DIGITS = 3, 5, 2

TAIL_BARS = {
    Timeframe.M1: 4_320,
    Timeframe.M3: 2_880,
    Timeframe.M5: 2_016,
    Timeframe.M15: 1_344,
    Timeframe.M30: 1_344,
    Timeframe.H1: 1_440,
    Timeframe.H4: 1_080,
    Timeframe.D1: 365,
}


class SimFaultConfig(Section):
    """One way in which the simulated broker misbehaves, in seconds since it was made."""

    kind: Literal[
        "login_refused",
        "login_hangs",
        "login_permanent",
        "fetch_error",
        "fetch_hangs",
        "rate_limit",
        "short",
        "duplicate",
        "unordered",
        "empty",
    ]
    symbol: Symbol | None = None
    timeframe: TimeframeName | None = None
    times: Count | None = None
    from_s: Seconds = 0.0
    until_s: Seconds | None = None


class SimConfig(Section):
    """The simulated broker."""

    seed: Whole = 1
    login_s: Seconds = 0.5
    latency_ms: Seconds = 50.0
    jitter: Annotated[Number, Field(ge=0, le=1)] = 0.0
    publish_delay_s: Seconds = 5.0
    faults: tuple[SimFaultConfig, ...] = ()


class ReplayConfig(Section):
    """Files that are played as if they were a broker."""

    path: Path | None = None
    latency_ms: Seconds = 0.0
    zone: str | None = None
    retime: bool = False
    """Whether the history is moved by whole weeks of wall time, so that it happens these days."""

    @field_validator("zone")
    @classmethod
    def _is_clock(cls, zone: str | None) -> str | None:
        if zone is not None:
            from .history.file_zone import file_zone

            file_zone(zone)
        return zone

    def clock(self) -> FileZone | None:
        """The clock of files that do not state their own; None to detect it."""
        if self.zone is None:
            return None
        from .history.file_zone import file_zone

        return file_zone(self.zone)


class BrokerConfig(Section):
    """Where raw M1 and D1 come from."""

    kind: Literal["sim", "replay"] = "sim"
    page_bars_max: Count = 1_000
    requests_per_s: Annotated[Number, Field(gt=0)] | None = None
    concurrency: Count = 4
    open_mode: Literal["first_tick", "previous_close", "auto"] = "auto"
    sim: SimConfig = SimConfig()
    replay: ReplayConfig = ReplayConfig()

    @model_validator(mode="after")
    def _has_what_it_plays(self) -> BrokerConfig:
        if self.kind == "replay" and self.replay.path is None:
            raise ValueError("replay.path is missing: name a folder, as in --broker replay:PATH")
        return self


class RedisConfig(Section):
    """Where hot tails go; no url means the embedded server."""

    url: Annotated[str | None, PlainSerializer(lambda url: url and shown_address(url))] = None
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = "coldstart"
    tail_bars: dict[TimeframeName, Count] = TAIL_BARS
    preview_ttl_s: Annotated[Number, Field(ge=1)] = 120.0

    @field_validator("url")
    @classmethod
    def _is_redis(cls, url: str | None) -> str | None:
        return None if url is None else redis_address(url)

    @field_validator("tail_bars")
    @classmethod
    def _completed(cls, tail_bars: dict[Timeframe, int]) -> dict[Timeframe, int]:
        return {**TAIL_BARS, **tail_bars}


class AnchorsConfig(Section):
    """The wall clock that cuts H4 and D1."""

    zone: str = "America/New_York"
    d1: str = "17:00"
    h4: str = "17:00"

    @model_validator(mode="after")
    def _is_sound(self) -> AnchorsConfig:
        self.anchors()
        return self

    def anchors(self) -> Anchors:
        """The same, as the buckets take it; raises ValueError."""
        return Anchors(self.zone, self.d1, self.h4)


DEPTH_BARS = dict.fromkeys(Timeframe, 300) | {Timeframe.M1: 4_320}


class WarmupConfig(Section):
    """How much history a start fetches."""

    M1: Count = 4_320
    D1: Count = 180

    @model_validator(mode="after")
    def _is_within_reach(self) -> WarmupConfig:
        within_reach({Timeframe.M1: self.M1, Timeframe.D1: self.D1})
        return self


class BootstrapConfig(Section):
    """How a start goes about it."""

    warmup_bars: WarmupConfig = WarmupConfig()
    max_warmup_bars: Count = 4_320
    short_pause_h: Seconds = 4.0
    duration_max_s: Seconds = 600.0
    prime_ready_timeout_s: Seconds = 30.0
    redis_priming_budget_s: Seconds = 30.0
    prime_budget_per_symbol_s: Seconds = 0.5
    gate_on_timeout: Literal["hold", "open_degraded"] = "hold"
    depth_bars: dict[TimeframeName, Annotated[Whole, Field(ge=0)]] = DEPTH_BARS
    """How deep each timeframe shall be fetched behind the open gate; 0 fetches nothing older."""

    @field_validator("depth_bars")
    @classmethod
    def _completed(cls, depth_bars: dict[Timeframe, int]) -> dict[Timeframe, int]:
        within_reach(depth_bars)
        return {**DEPTH_BARS, **depth_bars}


class PollConfig(Section):
    """How often the broker is asked once the start is over."""

    m1_settle_s: Seconds = 15.0
    d1_s: Annotated[Number, Field(ge=1)] = 60.0


ProcessName: TypeAlias = Literal["connector", "m1_poller", "tick_publisher", "tick_preview", "ui"]


class ProcessLimitsConfig(Section):
    """What one process has of its own; what it leaves out is as for all."""

    intensity: Count | None = None
    period_s: Seconds | None = None
    backoff_min_s: Positive | None = None
    backoff_max_s: Positive | None = None


class SupervisorConfig(Section):
    """How often and how fast a process is restarted."""

    intensity: Count = 5
    period_s: Seconds = 30.0
    backoff_min_s: Positive = 0.1
    backoff_max_s: Positive = 10.0
    processes: dict[ProcessName, ProcessLimitsConfig] = Field(default_factory=dict)
    """Other limits by the name of a process."""

    @model_validator(mode="after")
    def _delays_grow(self) -> SupervisorConfig:
        for limits in (self, *(self.of(name) for name in self.processes)):
            if limits.backoff_min_s > limits.backoff_max_s:
                raise ValueError(
                    f"backoff_min_s {limits.backoff_min_s:g} is more than "
                    f"backoff_max_s {limits.backoff_max_s:g}"
                )
        return self

    def of(self, name: str, backoff_max_s: float | None = None) -> SupervisorConfig:
        """The limits of one process; `backoff_max_s` is its own where nothing says otherwise."""
        named = {str(process): limits for process, limits in self.processes.items()}
        own = named.get(name, ProcessLimitsConfig()).model_dump(exclude_none=True)
        usual = {} if backoff_max_s is None else {"backoff_max_s": backoff_max_s}
        return self.model_copy(update={"processes": {}, **usual, **own})


class ApiConfig(Section):
    """Where readers are answered."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:%-]{1,253}$")] = "127.0.0.1"
    """An address or a name; none at all would mean every network of the host."""
    port: Annotated[Whole, Field(ge=0, le=65_535)] = 8_000
    cors: tuple[Annotated[str, Field(pattern=r"^(\*|https?://[^/\s]+)$")], ...] = ()
    """Origins whose pages may read the answers in a browser; `*` stands for all."""


class LoggingConfig(Section):
    """What is said on stderr where there is no screen."""

    level: Literal["info", "warning", "error"] = "warning"


class ConsoleConfig(Section):
    """The screen."""

    ascii: bool | None = None
    lang: Literal["en", "uk"] | None = None
    theme: Literal["default", "deutan", "contrast", "mono"] = "default"
    keys: dict[str, str] = Field(default_factory=dict)
    """Other keys by the name of a command, parted by blanks; whoever has a screen reads them."""


class DrillsConfig(Section):
    """Drills on the running engine."""

    live: bool | None = None
    """Whether they may be run; None means everywhere but on `env: prod`."""


class InstrumentConfig(Section):
    """What a market is called elsewhere and how fine its prices are."""

    digits: Annotated[Whole, Field(ge=0, le=9)] | None = None
    names: dict[str, str] = Field(default_factory=dict)


class Config(Section):
    """The whole file."""

    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1)]
    timeframes: tuple[TimeframeName, ...] = tuple(Timeframe)
    data_root: Path = Path("data_v3")
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,24}$")] = "coldstart"
    env: Literal["dev", "test", "prod"] = "dev"
    broker: BrokerConfig = BrokerConfig()
    redis: RedisConfig = RedisConfig()
    calendars: dict[str, CalendarConfig]
    symbol_calendars: dict[Symbol, str] = Field(default_factory=dict)
    anchors: AnchorsConfig = AnchorsConfig()
    bootstrap: BootstrapConfig = BootstrapConfig()
    poll: PollConfig = PollConfig()
    supervisor: SupervisorConfig = SupervisorConfig()
    api: ApiConfig = ApiConfig()
    logging: LoggingConfig = LoggingConfig()
    console: ConsoleConfig = ConsoleConfig()
    drills: DrillsConfig = DrillsConfig()
    instruments: dict[Symbol, InstrumentConfig] = Field(default_factory=dict)

    @field_validator("symbols")
    @classmethod
    def _are_symbols(cls, symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        folders = Counter(symbol.replace("/", "_") for symbol in symbols)
        for symbol in symbols:
            if not is_symbol(symbol):
                raise ValueError(f"{symbol!r} is not a symbol such as XAU/USD or GER30")
            if folders[symbol.replace("/", "_")] > 1:
                raise ValueError(f"{symbol} is listed twice")
        return symbols

    @field_validator("data_root")
    @classmethod
    def _is_folder(cls, data_root: Path) -> Path:
        if data_root == Path() or "\0" in str(data_root):
            raise ValueError("it must name a folder of its own")
        return data_root

    @field_validator("timeframes")
    @classmethod
    def _have_sources(cls, timeframes: tuple[Timeframe, ...]) -> tuple[Timeframe, ...]:
        for needed in (Timeframe.M1, Timeframe.D1):
            if needed not in timeframes:
                raise ValueError(f"{needed.name} is missing, and everything else needs it")
        return tuple(sorted(set(timeframes)))

    @model_validator(mode="after")
    def _every_symbol_has_a_calendar(self) -> Config:
        for symbol in self.symbols:
            group = self.calendar_group(symbol)
            if group not in self.calendars:
                raise ValueError(
                    f"{symbol} has no trading calendar: name one of "
                    f"{', '.join(self.calendars)} for it in symbol_calendars"
                )
        return self

    def calendar_group(self, symbol: Symbol) -> str | None:
        """The calendar a symbol follows: the one named, else `fx` for a currency pair."""
        named = self.symbol_calendars.get(symbol)
        if named is None and _CURRENCY_PAIR.fullmatch(symbol):
            return FX_GROUP
        return named

    def trading_calendars(self) -> dict[Symbol, TradingCalendar]:
        """Each symbol's calendar; symbols of one group share one."""
        from .calendars.trading_calendar import TradingCalendar

        groups = {name: TradingCalendar(c.rules()) for name, c in self.calendars.items()}
        return {symbol: groups[self.calendar_group(symbol) or ""] for symbol in self.symbols}

    def digits(self, symbol: Symbol) -> int:
        """Decimals of a symbol's prices: configured, else guessed from its name."""
        configured = self.instruments.get(symbol, InstrumentConfig()).digits
        if configured is not None:
            return configured
        if not _CURRENCY_PAIR.fullmatch(symbol):
            return _OTHER_DIGITS
        return _YEN_DIGITS if symbol.endswith("JPY") else _PAIR_DIGITS

    def bars_open_at(self) -> Literal["first_tick", "previous_close"]:
        """What the opens of our bars mean; `auto` is the first tick, as brokers' history is."""
        mode = self.broker.open_mode
        return "first_tick" if mode == "auto" else mode

    def opening_at(self, mode: Literal["first_tick", "previous_close"] | None) -> Config:
        """This configuration with `auto` settled; None leaves it open."""
        if mode is None or self.broker.open_mode != "auto":
            return self
        broker = self.broker.model_copy(update={"open_mode": mode})
        return self.model_copy(update={"broker": broker})

    def allows_drills(self) -> bool:
        """Whether the running engine takes drills without a further word."""
        live = self.drills.live
        return self.env != "prod" if live is None else live

    def names(self, kind: str) -> Mapping[Symbol, str]:
        """What symbols are called at one broker, where that is configured."""
        return {s: i.names[kind] for s, i in self.instruments.items() if kind in i.names}
