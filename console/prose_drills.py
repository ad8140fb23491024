"""Drills as a person reads them: the catalogue, and a report with its time line."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from .clean import clean
from .words import Words

_NONE = "–"
_WIDE = 96


def drills_prose(document: Mapping[str, Any], words: Words) -> str:
    """A paragraph a drill."""
    lines: list[str] = []
    for drill in document["drills"]:
        where = words.drill_also_live if drill["can_live"] else words.drill_only_sandbox
        lines += [
            f"{drill['id']:4} {drill['title']} ({where})",
            *_filled(drill["hypothesis"]),
            *_filled(f"{drill['seam']} → {drill['blast_radius']}"),
            *_filled(", ".join(drill["codes"]) or _NONE),
            "",
        ]
    return "\n".join(lines).rstrip()


def report_prose(report: Mapping[str, Any], words: Words) -> str:
    """A row a drill, then what happened in each, line by line."""
    from engine import drill_timeline

    verdicts = [words.verdicts[drill["verdict"]] for drill in report["drills"]]
    width = max(map(len, verdicts))
    lines = []
    for drill, verdict in zip(report["drills"], verdicts, strict=True):
        loud, well = (_seconds(drill[name]) for name in ("loud_s", "recovered_s"))
        title = drill["facts"]["title"]
        lines.append(f"{drill['id']:4} {verdict:{width}}  {loud:>8} {well:>8}  {title}")
    for drill in report["drills"]:
        lines += ["", f"{drill['id']}: {clean(drill['facts']['why'])}"]
        lines += [f"{_indent(line)}{clean(line)}"[:_WIDE] for line in drill_timeline(drill)]
    return "\n".join(lines)


def _indent(line: str) -> str:
    return "    " if line.startswith(" ") else "  "


def _seconds(seconds: float | None) -> str:
    return _NONE if seconds is None else f"{seconds:.2f} s"


def _filled(text: str) -> list[str]:
    return textwrap.wrap(clean(text), _WIDE, initial_indent="     ", subsequent_indent="     ")
