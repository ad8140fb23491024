"""Events as lines of a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..moments import clock


class EventProse:
    """One line an event; what moves all the time is told when it means something."""

    def __init__(self) -> None:
        self._broker_state = ""

    def line(self, posted: Mapping[str, Any]) -> str | None:
        """The line; None for an event that only counts something on."""
        text = self._text(posted["type"], posted["event"])
        if text is None:
            return None
        at_ms = posted["at_ms"]
        return f"{clock(at_ms)}.{at_ms % 1_000:03d}  {posted['seq']:>6}  {text}"

    def _text(self, kind: str, event: Mapping[str, Any]) -> str | None:
        match kind:
            case "CellsChanged":
                return f"{event['symbol']}  {_cells(event['cells'])}"
            case "ReasonRaised":
                return f"{_scope(event['scope'])}  {event['code']}: {event['detail']}"
            case "ReasonCleared":
                return f"{_scope(event['scope'])}  {event['code']} cleared"
            case "ReasonAcknowledged":
                return f"{_scope(event['scope'])}  {event['code']} acknowledged"
            case "ProcessChanged":
                return _process(event["process"])
            case "BrokerChanged":
                return self._broker(event["broker"])
            case "OperatorActed":
                return f"{event['by']}: {event['action']} {_given(event['given'])}— {event['said']}"
            case "DrillChanged":
                drill = event["drill"]
                return " ".join(("drill", drill["id"], drill["phase"], drill["variant"])).rstrip()
            case "DrillEnded":
                outcome = event["outcome"]
                return f"drill {outcome['id']} {outcome['verdict']}: {outcome['why']}"
            case "DrillReverted":
                drill = event["drill"]
                name = f"{drill['id'] or '?'} ({drill['variant'] or '?'})"
                return f"drill {name}, cut off by a kill, is taken back: {drill['done']}"
            case "BarsCounted" | "DrillsRemembered" | "ReasonRevised":
                return None
        fields = ", ".join(f"{name} {_value(value)}" for name, value in event.items())
        return f"{kind}  {fields}".rstrip()

    def _broker(self, broker: Mapping[str, Any]) -> str | None:
        state = str(broker["state"])
        if state == self._broker_state:
            return None
        self._broker_state = state
        error = f": {broker['last_error']}" if state == "failed" and broker["last_error"] else ""
        return f"broker  {state}{error}"


def _cells(cells: Mapping[str, Mapping[str, Any]]) -> str:
    """`M1 fetching 40%`, or `8 cells sealed` when they all moved together."""
    states = {str(cell["state"]) for cell in cells.values()}
    if len(cells) > 1 and len(states) == 1:
        return f"{len(cells)} cells {states.pop()}"
    return ", ".join(
        f"{timeframe} {cell['state']}"
        + (f" {cell['progress']:.0%}" if cell["state"] == "fetching" else "")
        for timeframe, cell in cells.items()
    )


def _process(process: Mapping[str, Any]) -> str:
    said = [str(process["name"]), "", str(process["state"]), str(process["detail"])]
    if process["backoff_s"]:
        said.append(f"next in {process['backoff_s']:.1f} s: {process['last_exit']}")
    return " ".join(said).rstrip()


def _scope(scope: Any) -> str:
    if isinstance(scope, Mapping):
        return f"{scope['symbol']}/{scope['timeframe']}"
    return str(scope or "platform")


def _given(given: Mapping[str, Any]) -> str:
    return "".join(f"{' '.join(values)} " for values in given.values())


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, Mapping):
        return f"of {len(value)}" if len(value) > 3 else ", ".join(map(str, value.values()))
    return str(value)
