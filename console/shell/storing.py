"""Stored bars from the shell: bringing them in, writing them out, proving them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from .errands import loaded, or_fail, run_loop, show, tell
from .exits import Exit
from .options import Options
from .prose import export_prose, export_warnings, import_prose, import_warnings


def bring_in(
    options: Options,
    path: Path,
    format_name: str | None,
    zone: str | None,
    symbol: str | None,
    *,
    is_replacing: bool,
) -> Exit:
    """Import history files, or another data folder, into ours."""
    from engine import ImportRequest, SystemClock, import_history

    config = loaded(options)
    at_ms = or_fail(options.at_ms)
    clock = SystemClock() if at_ms is None else SystemClock.started_at(at_ms)
    request = ImportRequest(path, format_name, zone, symbol, is_replacing)
    report = run_loop(import_history(config, request, clock, _watching(options)))
    document = report.document()
    show(json.dumps(document) if options.is_json else import_prose(document))
    for line in import_warnings(document):
        tell(line)
    return Exit.OK if report.is_whole else Exit.USAGE


def carry_out(
    options: Options,
    symbols: tuple[str, ...],
    layout: str,
    timeframes: str | None,
    out: Path,
    *,
    is_all: bool,
    is_replacing: bool,
) -> Exit:
    """Export stored bars to files for other programs."""
    from engine import export_bars, export_request

    config = loaded(options)
    request = or_fail(
        lambda: export_request(symbols, is_all, layout, timeframes, out, is_replacing)
    )
    report = run_loop(export_bars(config, request, _watching(options)))
    document = report.document()
    show(json.dumps(document) if options.is_json else export_prose(document))
    for line in export_warnings(document):
        tell(line)
    return Exit.OK if report.is_whole else Exit.INTEGRITY


def prove(options: Options) -> Exit:
    """Verify everything that is stored, and what Redis serves of it."""
    from engine import SystemClock, verify_folder

    from .verifying import progress, verify_prose

    config = loaded(options)
    with progress(config.symbols, is_shown=not options.is_quiet) as hear:
        report = run_loop(verify_folder(config, SystemClock(), hear))
    document = report.document()
    show(json.dumps(document) if options.is_json else verify_prose(document))
    return Exit.OK if report.is_ok else Exit.INTEGRITY


def _watching(options: Options) -> Callable[[str], None]:
    """Where progress is told: to a terminal, unless it is to be quiet."""
    return tell if sys.stderr.isatty() and not options.is_quiet else _say_nothing


def _say_nothing(_: str) -> None:
    """For whoever does not watch."""
