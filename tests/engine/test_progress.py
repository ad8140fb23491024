"""Who owes progress, who is excused, and for how long silence is borne."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.apply import apply
from engine.cell import Cell, CellState
from engine.degraded import DegradedCode
from engine.duties.progress import SILENCE_S, is_silent
from engine.events import CellsChanged, ModesDecided, ProcessChanged, ReasonRaised
from engine.sources import markets
from engine.status import BrokerStatus, Mode, ProcessState, ProcessStatus, Status
from tests.engine.builders import GOLD, NOON, YEN, a_status, small_config
from uds.model import Generation, Timeframe

CONFIG = small_config()
MARKETS = markets(CONFIG)
SATURDAY = NOON + 3 * 24 * 3_600_000
SERVED = Generation(1, 1)


def started(*events: object) -> Status:
    """Recovered and logged in; then these events."""
    status = replace(a_status(CONFIG), broker=BrokerStatus("scripted", "ready"))
    status = apply(status, ModesDecided(Mode.COLD, "nothing is stored", {}), NOON)
    for event in events:
        status = apply(status, event, NOON)  # type: ignore[arg-type]
    return status


def all_in(state: CellState, *timeframes: Timeframe) -> tuple[CellsChanged, ...]:
    """Both symbols' cells, or some of them, in one state."""
    cell = Cell(state, serving=SERVED if state is CellState.SEALED else None)
    changed = dict.fromkeys(timeframes or Timeframe, cell)
    return tuple(CellsChanged(symbol, changed) for symbol in (GOLD, YEN))


def silent(status: Status, name: str, for_s: float = SILENCE_S, now_ms: int = NOON) -> bool:
    """The question."""
    return is_silent(status, name, MARKETS, now_ms, for_s)


@pytest.mark.parametrize("name", ["connector", "m1_poller"])
def test_whoever_has_unfinished_cells_may_be_silent_for_fifteen_seconds(name: str) -> None:
    """F5: the gate cannot open, and nobody else would ever say why."""
    assert silent(started(), name)
    assert not silent(started(), name, SILENCE_S - 0.1)


@pytest.mark.parametrize(
    "code",
    ["REDIS_DOWN", "REDIS_TIMEOUT", "DISK_ERROR", "BROKER_FETCH_FAILED", "BROKER_LOGIN_TRANSIENT"],
)
def test_whoever_waits_for_a_partner_is_not_silent(code: str) -> None:
    """The reason is there already; a restart of ours brings nobody back."""
    excused = started(ReasonRaised(DegradedCode(code), None, "It is away."))

    assert not silent(excused, "m1_poller", 3_600)


@pytest.mark.parametrize(
    ("broker", "connector", "m1_poller"),
    [
        (BrokerStatus("scripted", "logged_out"), True, False),
        (BrokerStatus("scripted", "logging_in"), False, False),
        (BrokerStatus("scripted", "ready"), True, True),
        (BrokerStatus("scripted", "ready", slots_used=1), True, False),
    ],
)
def test_the_session_excuses_whoever_needs_it(
    broker: BrokerStatus, connector: bool, m1_poller: bool
) -> None:
    """A login and a request have deadlines of their own; a login nobody tries has none."""
    status = replace(started(), broker=broker)

    assert connector is silent(status, "connector")
    assert m1_poller is silent(status, "m1_poller")


@pytest.mark.parametrize("state", ["backoff", "held", "waiting", "needs_operator", "stopped"])
def test_a_process_that_is_down_is_not_silent(state: str) -> None:
    """Its keeper says how it stands with it."""
    down = started(ProcessChanged(ProcessStatus("m1_poller", ProcessState(state))))

    assert not silent(down, "m1_poller", 3_600)


def test_whoever_waits_for_the_days_is_not_the_one_to_blame() -> None:
    """All that M1 can make is made; the connector owes the rest."""
    derived = tuple(tf for tf in Timeframe if tf.is_derived)
    waiting = started(*all_in(CellState.STORED, Timeframe.M1), *all_in(CellState.DERIVED, *derived))

    assert not silent(waiting, "m1_poller", 3_600, SATURDAY)
    assert silent(waiting, "connector")


def test_before_anything_is_recovered_nobody_owes_anything() -> None:
    """A large folder takes its time."""
    assert not silent(a_status(CONFIG), "m1_poller", 3_600)


@pytest.mark.parametrize(
    ("now_ms", "for_s", "is_it"),
    [
        (NOON, 60, False),
        (NOON, 119, False),
        (NOON, 120, True),
        (NOON + 29_000, 90, False),
        (NOON + 30_000, 90, True),
        (SATURDAY, 3_600, False),
    ],
)
def test_after_the_start_a_minute_of_open_market_is_owed(
    now_ms: int, for_s: float, is_it: bool
) -> None:
    """One whole minute, its grace and fifteen seconds more; on Saturday nothing."""
    whole = started(*all_in(CellState.SEALED))

    assert is_it is silent(whole, "m1_poller", for_s, now_ms)
    assert not silent(whole, "connector", for_s, now_ms)
