"""`config check`: whether a configuration can be used, and what of it will not hold."""

from __future__ import annotations

import json

from .errands import loaded, show
from .exits import Exit
from .options import Options

_CODE = "PRIME_BUDGET_TOO_SMALL"


def check(options: Options) -> Exit:
    """Say it; a configuration that cannot be used has ended the command before."""
    from engine import unkept_budgets

    config = loaded(options)
    unkept = unkept_budgets(config)
    counts = len(config.symbols), len(config.timeframes)
    groups = sorted({str(config.calendar_group(symbol)) for symbol in config.symbols})
    if options.is_json:
        reasons = [{"code": _CODE, "detail": sentence} for sentence in unkept]
        document = dict(zip(("symbols", "timeframes"), counts, strict=True))
        show(json.dumps({"schema": 1, **document, "calendars": groups, "reasons": reasons}))
    else:
        show(
            f"The configuration can be used: {counts[0]} symbols, {counts[1]} timeframes, "
            f"calendars {', '.join(groups)}."
        )
        for sentence in unkept:
            show(f"{_CODE}: {sentence}")
    return Exit.NOT_READY if unkept else Exit.OK
