"""One simulated run as data: what it starts from, what is done to it, and how that is written down.

A case says everything: the same case runs the same way in every process. Its acts are drawn from
its seed unless they are given; a case that failed is kept with its acts as a regression file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any

SCHEMA = 1
"""Of the regression files."""
SYMBOLS = ("XAU/USD", "USD/JPY", "HKG33", "EUR/USD", "SPX500", "GBP/CAD", "NGAS", "GER30")
"""Whom a case is about: the first so many."""


class BadCase(ValueError):
    """A case that cannot be read; the message is a sentence."""


class ActKind(Enum):
    """What can be done to a run."""

    KILL = "kill"
    """kill -9; another boot `amount` seconds later."""
    POWER_CUT = "power_cut"
    """As kill, and what was not synced may be lost."""
    STOP = "stop"
    """An orderly stop; another boot `amount` seconds after it."""
    PAUSE = "pause"
    """SIGSTOP, and SIGCONT `for_s` later."""
    ZOMBIE = "zombie"
    """The same, and a successor takes the data meanwhile."""
    REDIS_EMPTIED = "redis_emptied"
    """The server lost everything."""
    REDIS_ROLLED_BACK = "redis_rolled_back"
    """The server fell, and came back with what it had `for_s` ago."""
    REDIS_REFUSES = "redis_refuses"
    """Every call is refused at once for `for_s`."""
    REDIS_SILENT = "redis_silent"
    """No call is answered for `for_s`."""
    REDIS_LOSES = "redis_loses"
    """Calls `subject` are done and not answered, each with the chance `amount`."""
    REDIS_SLOW = "redis_slow"
    """Every call takes `amount` seconds longer."""
    REDIS_TAIL_LOST = "redis_tail_lost"
    """Somebody deletes a tail of the symbol `subject` that readers are served."""
    DISK_FAILS = "disk_fails"
    """Steps `subject` fail, each with the chance `amount`."""
    DISK_FULL = "disk_full"
    """Nothing can be written."""
    DISK_PARTIAL = "disk_partial"
    """Writes fail after `amount` bytes."""
    DISK_SLOW = "disk_slow"
    """Every step takes `amount` seconds longer."""
    BIT_FLIPPED = "bit_flipped"
    """One bit of a segment of the symbol `subject` changes on the medium, at the share `amount`."""
    STATE_SPOILED = "state_spoiled"
    """As kill, and of the state files meanwhile `subject`: current, previous or both are damaged,
    or both are removed."""
    BROKER = "broker"
    """Requests meet the fault `subject` for `for_s`."""
    LOGIN = "login"
    """Logins meet the fault `subject` for `for_s`."""
    CLOCK_JUMP = "clock_jump"
    """The host's wall clock jumps by `amount` seconds, and back after `for_s`."""
    STALL = "stall"
    """The loop is held up for `amount` seconds."""
    BUG = "bug"
    """The process `subject` fails with what nobody expected."""
    RESTART = "restart"
    """The operator restarts the process `subject`."""
    RESTART_FORCE = "restart-force"
    """The same without waiting for it."""
    REBUILD = "rebuild"
    """The operator rebuilds the symbol `subject`."""
    REBUILD_ALL = "rebuild-all"
    """The operator rebuilds every symbol."""


_BOOTED_AGAIN = (ActKind.KILL, ActKind.POWER_CUT, ActKind.STOP, ActKind.STATE_SPOILED)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is done to a run."""

    at_s: float
    """When, in virtual seconds since the run began."""
    kind: ActKind
    """What."""
    for_s: float = 0.0
    """How long it holds; 0 for what is done in a moment."""
    subject: str = ""
    """Whom or what it is about; as the kind says."""
    amount: float = 0.0
    """How much; as the kind says."""

    @property
    def until_s(self) -> float:
        """When it is over: what it began holds no more, who it killed is booted again."""
        is_boot = self.kind in _BOOTED_AGAIN
        return self.at_s + (self.amount if is_boot else self.for_s)

    def told(self) -> str:
        """In a few words."""
        lasts = f" for {self.for_s:g} s" if self.for_s else ""
        much = f" ({self.amount:g})" if self.amount else ""
        return f"{self.kind.value} {self.subject}".strip() + much + lasts


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens before one operation of one boot."""

    boot: int
    """Which boot, from 1."""
    operation: int
    """Before which of its operations on disk and Redis, from 0."""
    kind: ActKind
    """KILL, POWER_CUT or ZOMBIE."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run."""

    strategy: str
    """Which strategy made it."""
    seed: int
    """Draws everything that is not said here."""
    symbol_count: int = 3
    """How many symbols there are."""
    m1_bars: int = 150
    """Open minutes of the warm-up."""
    acts: tuple[Act, ...] | None = None
    """What is done; None means that it is drawn from the seed."""
    strike: Strike | None = None
    """What happens before an operation; None for nothing."""

    @property
    def id(self) -> str:
        """Its name in reports."""
        at = f"@{self.strike.boot}.{self.strike.operation}" if self.strike else ""
        return f"{self.strategy}:{self.seed}{at}"

    @property
    def symbols(self) -> tuple[str, ...]:
        """Whom it is about."""
        return SYMBOLS[: self.symbol_count]

    def with_acts(self, acts: tuple[Act, ...]) -> Case:
        """The same run with these acts."""
        return replace(self, acts=acts)


def case_json(case: Case, note: str = "") -> str:
    """A regression file."""
    document = asdict(case)
    for act in document["acts"] or ():
        act["kind"] = act["kind"].value
    if document["strike"]:
        document["strike"]["kind"] = document["strike"]["kind"].value
    head = {"schema": SCHEMA, "note": note, "expected": "no violation"}
    return json.dumps({**head, **document}, indent=1) + "\n"


def read_case(text: str) -> Case:
    """The inverse; raises BadCase."""
    try:
        document: dict[str, Any] = json.loads(text)
        if document.pop("schema") != SCHEMA:
            raise BadCase("The file is of another schema.")
        document.pop("note")
        document.pop("expected")
        acts, strike = document.pop("acts"), document.pop("strike")
        return Case(
            **document,
            acts=None if acts is None else tuple(_act(act) for act in acts),
            strike=None if strike is None else Strike(**_kinded(strike)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadCase(f"This is no case: {error}.") from error


def _act(document: dict[str, Any]) -> Act:
    return Act(**_kinded(document))


def _kinded(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "kind": ActKind(document["kind"])}
