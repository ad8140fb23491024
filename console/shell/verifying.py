"""`verify` in a shell: the bar that shows how far it is, and its report as a person reads it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from engine import grouped

from ..clean import clean

_NONE = "–"
_HEADS = ("symbol", "generation", "newest M1 (UTC)", "files", "bars", "verdict")


@contextmanager
def progress(symbols: Sequence[str], *, is_shown: bool) -> Iterator[Callable[[str, float], None]]:
    """Something to tell of each symbol's share; on a terminal it draws a bar on stderr."""
    if not (is_shown and sys.stderr.isatty()):
        yield lambda symbol, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    terminal = Console(file=sys.__stderr__)
    with Progress(*columns, console=terminal, transient=True) as drawn:
        task = drawn.add_task("verify", total=float(len(symbols)))

        def hear(symbol: str, share: float) -> None:
            drawn.update(task, description=symbol, completed=symbols.index(symbol) + share)

        yield hear


def verify_prose(document: dict[str, Any]) -> str:
    """The verdict, a row a symbol, then every fault with its remedy, then notes."""
    checked, redis, faults = document["checked"], document["redis"], document["faults"]
    many = "fault" if len(faults) == 1 else "faults"
    verdict = "everything holds" if document["ok"] else f"{len(faults)} {many}"
    counts = ", ".join(f"{grouped(count)} {name}" for name, count in checked.items())
    lines = [
        f"{clean(document['data_root'])}: {verdict}",
        "",
        *_table(document["symbols"]),
        "",
        f"checked   {counts}",
        f"redis     {redis['state']} ({clean(redis['address'])}) {clean(redis['detail'])}".rstrip(),
    ]
    for fault in faults:
        scope = "/".join(filter(None, (fault["symbol"], fault["tf"])))
        lines += [
            "",
            " ".join(filter(None, ("FAULT", fault["code"] or fault["check"], scope))),
            f"  {clean(fault['detail'])}",
            f"  in {clean(fault['path'])}",
            f"  {fault['hint']}",
        ]
    if document["notes"]:
        lines += ["", *(f"note      {clean(note['detail'])}" for note in document["notes"])]
    return "\n".join(lines)


def _table(symbols: list[dict[str, Any]]) -> Iterator[str]:
    rows = [_HEADS, *(_row(symbol) for symbol in symbols)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(
            cell.rjust(width) if head in ("files", "bars") else cell.ljust(width)
            for head, (cell, width) in zip(_HEADS, cells, strict=True)
        ).rstrip()


def _row(symbol: dict[str, Any]) -> tuple[str, ...]:
    checked, newest_ms = symbol["checked"], symbol["newest_ms"]
    newest = _NONE
    if newest_ms is not None:
        newest = datetime.fromtimestamp(newest_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
    return (
        symbol["symbol"],
        symbol["generation"] or _NONE,
        newest,
        grouped(checked["segments"]),
        grouped(checked["bars"]),
        _verdict(symbol),
    )


def _verdict(symbol: dict[str, Any]) -> str:
    if symbol["faults"]:
        return "1 FAULT" if symbol["faults"] == 1 else f"{symbol['faults']} FAULTS"
    return "nothing stored" if symbol["generation"] is None else "ok"
