"""The command that measures: each figure as soon as it is there, beside what it should be."""

from __future__ import annotations

import json
import os
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING

from .errands import run_loop, show, tell
from .exits import Exit

if TYPE_CHECKING:
    from engine import Finding

    from .options import Options

_NAME_WIDTH = 62
_SCHEMA = 1


def measure(options: Options) -> Exit:
    """The quick set."""
    load = os.getloadavg()[0]
    if not options.is_quiet:
        tell(f"Load average before: {load:.2f}; what else runs now makes the figures worse.")
    found = run_loop(_measured(is_shown=not options.is_json))
    if options.is_json:
        findings = [{**asdict(one), "reached": one.is_reached} for one in found]
        show(json.dumps({"schema": _SCHEMA, "load_before": round(load, 2), "findings": findings}))
    return Exit.OK


async def _measured(*, is_shown: bool) -> list[Finding]:
    from engine import quick_set

    found: list[Finding] = []
    async with aclosing(quick_set()) as findings:
        async for one in findings:
            found.append(one)
            if is_shown:
                show(finding_line(one))
    return found


def finding_line(finding: Finding) -> str:
    """One row of the table."""
    limit = ""
    if finding.limit is not None:
        verdict = "reached" if finding.is_reached else "MISSED"
        limit = f"<= {finding.limit:.4g} {finding.unit}  {verdict}"
    figure = f"{finding.found:9.3f} {finding.unit:2}"
    return f"{finding.name:{_NAME_WIDTH}}{figure} {limit:22} {finding.detail}".rstrip()
