"""Reports and status as a person reads them in a shell."""

from __future__ import annotations

from typing import Any

_NONE = "–"


def bootstrap_prose(report: dict[str, Any]) -> str:
    """The start's report, a line a fact."""
    cells, requests, rebuild = report["cells"], report["broker_requests"], report["rebuild"]
    prime, candle = report["prime"], report["first_candle_ms"]
    lines = [
        f"gate            {report['gate']} · {cells['ready']}/{cells['total']} cells",
        f"mode            {report['mode']}: {report['mode_reason']}",
        f"elapsed         {_s(report['elapsed_s'])} · broker floor {_s(report['broker_floor_s'])}"
        f" · ratio {report['ratio_to_floor'] or _NONE} · launch {_s(report['launch_s'])}",
        f"first symbol    {_s(report['first_symbol_ready_s'])}",
        f"broker          D1 {requests['D1']} · M1 {requests['M1']} · other {requests['other']}",
        f"rebuild         {rebuild['bars_in']:,} M1 → {rebuild['bars_out']:,} bars"
        f" in {_s(rebuild['elapsed_s'])}",
        f"prime           {prime['cells']} cells in {_s(prime['elapsed_s'])}"
        f" of {_s(prime['budget_s'])}",
    ]
    if candle:
        lines.append(
            f"first candle    p50 {candle['p50']} ms · p95 {candle['p95']} ms"
            f" · max {candle['max']} ms"
        )
    return "\n".join([*lines, *_reasons(report["reasons"])])


def status_prose(document: dict[str, Any]) -> str:
    """The engine's status, a line a fact."""
    gate, progress = document["gate"], document["progress"]
    lines = [
        f"{document['name']} ({document['market']}) · owner {document['owner_token']}"
        f" · boot {document['boot_id'][:8]}",
        f"gate            {gate['state']}{' OVERDUE' if gate['overdue'] else ''}"
        f" · {progress['ready_cells']}/{progress['total_cells']} cells",
        f"phase           {document['phase']} · mode {document['mode'] or _NONE}"
        f" {document['mode_reason']}",
    ]
    if gate["waiting_for"]:
        names = ", ".join(gate["waiting_for"][:6])
        lines.append(f"waits for       {len(gate['waiting_for'])}: {names}")
    lines += [
        f"{p['name']:<16}{p['state']:<9} {p['detail']:<16} restarts {p['restarts']}"
        f"{'  ' + p['last_exit'] if p['last_exit'] else ''}"
        for p in document["processes"]
    ]
    return "\n".join([*lines, *_reasons(document["reasons"])])


def _reasons(reasons: list[dict[str, Any]]) -> list[str]:
    return [
        f"{reason['severity']:<9} {reason['code']} {reason['scope'] or ''} {reason['detail']}"
        f" {reason['hint']}"
        for reason in reasons
    ]


def _s(seconds: float | None) -> str:
    return _NONE if seconds is None else f"{seconds:.3f} s"
