"""Reports and status as a person reads them in a shell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from engine import grouped

_NONE = "–"


def bootstrap_prose(report: dict[str, Any]) -> str:
    """The start's report, a line a fact."""
    cells, requests, rebuild = report["cells"], report["broker_requests"], report["rebuild"]
    prime, candle = report["prime"], report["first_candle_ms"]
    lines = [
        f"gate            {report['gate']} · {cells['ready']}/{cells['total']} cells",
        f"mode            {report['mode'] or _NONE}: {report['mode_reason']}".rstrip(": "),
        f"elapsed         {_s(report['elapsed_s'])} · broker floor {_s(report['broker_floor_s'])}"
        f" · ratio {report['ratio_to_floor'] or _NONE} · launch {_s(report['launch_s'])}",
        f"first symbol    {_s(report['first_symbol_ready_s'])}",
        f"broker          D1 {requests['D1']} · M1 {requests['M1']} · other {requests['other']}",
        f"rebuild         {grouped(rebuild['bars_in'])} M1 → {grouped(rebuild['bars_out'])} bars"
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
        f" · boot {document['boot_id'][:8]} · API port {document['api_port'] or _NONE}",
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


def import_prose(document: dict[str, Any]) -> str:
    """What an import brought, a line a fact."""
    lines: list[str] = []
    for symbol in document["symbols"]:
        lines.append(
            f"{symbol['symbol']:<16}generation {symbol['generation']}"
            f" · {grouped(symbol['derived'])} bars of M3 to H4 derived"
        )
        for series in symbol["series"]:
            lines.append(
                f"  {series['timeframe']:<14}{grouped(series['new'])} new"
                f" · {grouped(series['repeated'])} repeated"
                f" · {grouped(series['conflicting'])} conflicting"
                f" · {_moment(series['from_ms'])} to {_moment(series['until_ms'])} UTC"
            )
        for file in symbol["files"]:
            lines.append(
                f"  {file['name']}: {file['timeframe']}, {file['format']},"
                f" {grouped(file['rows'])} rows, {grouped(file['dropped'])} dropped,"
                f" {grouped(file['unfinished'])} unfinished"
            )
            lines.append(f"    {file['zone']}: {file['evidence']}")
            if file["fault"]:
                lines.append(f"    {file['fault']}")
    return "\n".join(lines)


def import_warnings(document: dict[str, Any]) -> Iterator[str]:
    """What of an import must not be overlooked, as sentences."""
    kept = "the file's were taken" if document["replace"] else "the stored ones stay"
    remedy = "" if document["replace"] else "; --replace takes the file's"
    for symbol in document["symbols"]:
        for series in symbol["series"]:
            if series["conflicting"]:
                yield (
                    f"{symbol['symbol']}/{series['timeframe']}:"
                    f" {grouped(series['conflicting'])} bars differ from stored ones, the first at"
                    f" {_moment(series['first_conflict_ms'])} UTC: {kept}{remedy}."
                )
        yield from (f"{symbol['symbol']}: {note}" for note in symbol["notes"])
    yield from (skipped["why"] for skipped in document["skipped"])


def export_prose(document: dict[str, Any]) -> str:
    """What an export wrote, a line a fact."""
    lines: list[str] = [f"{document['layout']} in {document['out']}"]
    for symbol in document["symbols"]:
        lines.append(f"{symbol['symbol']:<16}generation {symbol['generation']}")
        for series in symbol["series"]:
            span = (
                f" · {_moment(series['from_ms'])} to {_moment(series['until_ms'])} UTC"
                if series["bars"]
                else ""
            )
            lines.append(
                f"  {series['timeframe']:<14}{grouped(series['bars'])} bars"
                f" · {grouped(series['files'])} files{span}"
            )
    return "\n".join(lines)


def export_warnings(document: dict[str, Any]) -> Iterator[str]:
    """What of an export must not be overlooked, as sentences."""
    for symbol in document["symbols"]:
        for series in symbol["series"]:
            yield from series["flaws"]
    yield from document["skipped"]


def _moment(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


def _reasons(reasons: list[dict[str, Any]]) -> list[str]:
    """A line a reason; what is no trouble and stands for many has one line in all."""
    lines: list[str] = []
    for code in dict.fromkeys(reason["code"] for reason in reasons):
        same = [reason for reason in reasons if reason["code"] == code]
        first = same[0]
        if first["severity"] == "info" and len(same) > 1:
            scopes = ", ".join(str(reason["scope"]) for reason in same)
            lines.append(f"{first['severity']:<9} {code} {scopes}: {first['hint']}")
        else:
            lines += [
                f"{reason['severity']:<9} {code} {reason['scope'] or ''} {reason['detail']}"
                f" {reason['hint']}"
                for reason in same
            ]
    return lines


def _s(seconds: float | None) -> str:
    return _NONE if seconds is None else f"{seconds:.3f} s"
