"""Every sentence the console says, in English; another language is a subclass that says it again.

Names that go over the wire (gate words, phases, modes, reason codes, process names) are not
translated: the operator must find on the screen what logs and `status --json` say.
"""

from __future__ import annotations

from collections.abc import Mapping


class Words:
    """The English words."""

    # Status rows
    simulated: tuple[str, ...] = ("SIMULATED MARKET", "SIMULATED", "SIM")
    gate = "gate"
    gates: Mapping[str, str] = {
        "closed": "CLOSED",
        "open": "OPEN",
        "open_degraded": "OPEN DEGRADED",
        "fenced": "FENCED",
        "needs_operator": "NEEDS OPERATOR",
    }
    overdue = "OVERDUE"
    owner = "owner {token}"
    boot = "boot {boot_id}"
    ready = "ready {ready}/{total}"
    prime = "prime"
    prime_used = "{used:.1f}s used {left:.1f}s left"
    prime_pace = "at this pace {projected:.1f}s {sign} {budget:.1f}s"
    broker = "broker"
    broker_states: Mapping[str, str] = {
        "logged_out": "logged out",
        "logging_in": "logging in",
        "ready": "ready",
        "failed": "FAILED",
    }
    slots = "{used}/{total} slots"
    again_in = "again in {left_s:.0f}s"

    # Grid, processes, x-ray
    symbol_head = "SYMBOL"
    nothing = "–"
    failed_cell = "fail"
    states: Mapping[str, str] = {
        "waiting": "waiting",
        "fetching": "fetching",
        "deriving": "deriving",
        "priming": "priming",
        "ready": "ready",
        "stale": "stale",
        "degraded": "degraded",
        "failed": "failed",
    }
    process_states: Mapping[str, str] = {
        "starting": "starting",
        "warming": "warming",
        "ready": "ready",
        "backoff": "backoff",
        "held": "HELD",
        "stopped": "stopped",
    }
    no_process = "no process has been spawned yet"
    xray: Mapping[str, str] = {
        "bars": "bars",
        "progress": "progress",
        "newest": "newest bar",
        "age": "age",
        "served": "served from",
        "source": "source",
        "changed": "changed",
        "symbol": "symbol",
        "primed": "primed in",
    }
    not_served = "not served yet"
    from_m1 = "derived from M1"
    from_broker = "the broker's history"
    utc, new_york = "UTC", "New York"
    no_bar = "none stored"
    no_cells = "no symbols are configured"

    # Reasons, journal, notices
    all_well = "all is well"
    opening = "the engine is still being opened; try again in a moment"
    starting = "nothing is wrong; the gate opens when every cell is ready"
    notes = "{count} to know: "
    platform = "platform"
    since = "since {at} {utc}"
    mode = "mode {mode}: {reason}"
    no_mode = "reading what is stored"
    simulated_hint = "simulated market; ? tells how to connect a real one"
    journal_head = "EVENTS"
    cleared = "cleared"
    gate_moved = "gate {word}"
    phase_moved = "phase {phase}"
    symbol_served = "{symbol} is served from {generation}"
    process_moved = "{name} {state}"
    broker_moved = "broker {state}"

    # Questions
    leave_detach = "Detach: the engine goes on without a screen."
    leave_keys = "d detach    s stop    n stay (Enter and Esc mean stay)"
    leave_opening = "Stop: the engine is still being opened; nothing is lost."
    detached = "engine keeps running: pid {pid} · {attach} · {down}"
    crashed = "The screen crashed too often and is not put up again; status says with what."
    logout_session = "KillUserProcesses=yes {up}"
    logout_service = "Remedy: loginctl enable-linger"
    confirm_keys = "y yes    n no (Enter and Esc mean no)"
    choose_process = "choose a process with j and k, then press r"
    action_failed = "{action} did not finish: {error}"

    # Keys
    footer: Mapping[str, str] = {
        "help": "help",
        "restart": "restart",
        "rebuild": "rebuild",
        "quit": "quit",
        "detach": "detach",
        "pane": "processes",
    }
    commands: Mapping[str, str] = {
        "help": "show this help; Esc closes it",
        "detach": "give the prompt back",
        "quit": "stop the engine and leave; asks",
        "restart": "restart the selected process (from the grid: choose one); asks",
        "rebuild": "rebuild the selected symbol, readers keep what they have; asks",
        "pane": "move between the grid and the processes",
        "left": "one cell left",
        "right": "one cell right",
        "up": "one row up",
        "down": "one row down",
        "first": "first row",
        "last": "last row",
        "line_start": "first timeframe",
        "line_end": "last timeframe",
    }
    help_title = "coldstart-console: keys"
    help_close = "Esc closes   j k scroll"
    help_layout = "Same places of a Ukrainian keyboard: й quits, к restarts, и rebuilds."
    help_signs = "Signs"
    signs: Mapping[str, str] = {
        "waiting": "waits for others, nothing to show yet",
        "fetching": "bars are on their way; % of what is wanted",
        "deriving": "stored; % of the symbol's timeframes derived",
        "priming": "on its way into Redis; % of the symbol's cells",
        "ready": "served; the number of bars",
        "stale": "expected bars do not arrive; age of the newest",
        "degraded": "something is wrong; short code, or how many",
        "failed": "no data; short code",
    }
    help_rows_title = "Reading the screen"
    help_rows = (
        "▲n: degraded reasons. ✖n: failed cells, held processes, fatal reasons.",
        "gate CLOSED m1_poller 8/13: m1_poller is not ready, 8 of 13 symbols served.",
        "prime 61/104 3.1/8.0s ≈5.3s: cells in Redis, time of budget, expected total.",
        "broker D1:0 M1:4: requests waiting, by lane. Underlined: changed within 3 s.",
        "SYMBOL▲: a reason concerns the whole symbol.",
    )
    help_market_title = "This market"
    help_simulated = (
        "It is SIMULATED: prices are drawn from a seed, nothing here was ever quoted.",
        "Real history: start with --broker replay:FOLDER (files as EURUSD_M1.csv.gz)",
        "or set broker.kind and broker.replay.path in config.json.",
    )
    help_real = "Bars come from {market}."

    def plural(self, count: int, one: str, many: str) -> str:
        """A number with its noun."""
        return f"{count} {one if count == 1 else many}"

    def cells(self, count: int) -> str:
        """So many cells."""
        return self.plural(count, "cell", "cells")

    def restarts(self, count: int) -> str:
        """So many restarts."""
        return self.plural(count, "restart", "restarts")

    def bars(self, count: int) -> str:
        """So many bars."""
        return f"{count:,}".replace(",", " ")
