"""The grid, and why something is not ready, as a person reads them in a shell."""

from __future__ import annotations

import sys
from typing import Any

from ..glyphs import in_ascii, needs_ascii, sign
from ..lines import Look
from ..moments import age, stamp

_WIDTH, _NAME_WIDTH = 9, 10
_WHY_MAX = 20
_LOOKS = {
    "empty": Look.WAITING,
    "fetching": Look.FETCHING,
    "stored": Look.DERIVING,
    "derived": Look.PRIMING,
    "primed": Look.PRIMING,
    "sealed": Look.READY,
    "stale": Look.STALE,
    "failed": Look.FAILED,
}


def grid_prose(document: dict[str, Any]) -> str:
    """A row a symbol, a column a timeframe; the sign of each cell and its bars."""
    cells = document["cells"]
    timeframes = list(next(iter(cells.values()), {}))
    marked = {r["scope"] for r in document["reasons"] if r["severity"] == "degraded"}
    rows = ["".join([f"{'SYMBOL':<{_NAME_WIDTH}}", *(f"{tf:<{_WIDTH}}" for tf in timeframes)])]
    for symbol, row in cells.items():
        name = f"{symbol}{sign(Look.DEGRADED) if symbol in marked else ''}"
        faces = (_face(cell, f"{symbol}/{tf}" in marked) for tf, cell in row.items())
        rows.append("".join([f"{name:<{_NAME_WIDTH}}", *(f"{face:<{_WIDTH}}" for face in faces)]))
    progress = document["progress"]
    rows.append(
        f"gate {document['gate']['state']} · ready"
        f" {progress['ready_cells']}/{progress['total_cells']} · phase {document['phase']}"
    )
    return drawable("\n".join(row.rstrip() for row in rows))


def why_prose(found: dict[str, Any]) -> str:
    """What is waited for and what is wrong, a line each, worst first."""
    now_ms = found["as_of_ms"]
    lines = [f"{found['subject']}: {'ready' if found['ready'] else 'not ready'}"]
    if found["subject"] == "gate":
        lines = [f"gate {found['state']} since {stamp(found['since_ms'])} UTC"]
    for timeframe, cell in found.get("cells", {}).items():
        lines.append(
            f"  {timeframe:<4}{_face(cell, False):<10}{cell['state']:<9}"
            f"{_newest(cell):<32}{' '.join(cell['reasons'])}".rstrip()
        )
    why = found["why"]
    lines += [_waits(one, now_ms) for one in why[:_WHY_MAX]]
    if len(why) > _WHY_MAX:
        lines.append(f"  and {len(why) - _WHY_MAX} more")
    for reason in sorted(found["reasons"], key=lambda reason: str(reason["severity"])):
        seen = ", seen" if reason.get("acknowledged_ms") else ""
        lines.append(
            f"  {reason['severity']} {reason['code']} {reason['scope'] or 'platform'}"
            f" since {stamp(reason['since_ms'])} UTC{seen}: {reason['detail']}"
        )
        lines.append(f"      {reason['hint']}")
    return drawable("\n".join(lines))


def _waits(why: dict[str, Any], now_ms: int) -> str:
    line = f"  waits for {why['subject']}: {why['code']}"
    if why.get("since_ms"):
        line += f", for {age((now_ms - why['since_ms']) / 1_000)}"
    if why.get("next_attempt_ms"):
        line += f", next attempt in {max(0.0, (why['next_attempt_ms'] - now_ms) / 1_000):.1f} s"
    return f"{line} ({why['process']})" if why.get("process") else line


def _face(cell: dict[str, Any], is_degraded: bool) -> str:
    look = Look.DEGRADED if is_degraded else _LOOKS.get(cell["state"], Look.WAITING)
    text = str(cell["bars"]) if cell["bars"] else "–"
    if cell["state"] == "stale" and cell["age_s"] is not None:
        text = age(cell["age_s"])
    return f"{sign(look)}{text}"


def _newest(cell: dict[str, Any]) -> str:
    if cell["watermark_ms"] is None:
        return "no bar"
    return f"newest {stamp(cell['watermark_ms'])} UTC"


def drawable(text: str) -> str:
    """With ASCII stand-ins where stdout cannot take the signs."""
    return in_ascii(text) if needs_ascii(sys.stdout.encoding, None) else text
