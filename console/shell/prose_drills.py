"""Drills as a person reads them: the catalogue, and a report with its time line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ..clean import clean
from ..words import Words

_NONE = "–"
_WIDE = 96


def drills_prose(document: Mapping[str, Any], words: Words) -> str:
    """A paragraph a drill."""
    lines: list[str] = []
    told = words.drill_text
    for drill in document["drills"]:
        where = words.drill_also_live if drill["can_live"] else words.drill_only_sandbox
        lines += [
            f"{drill['id']:4} {told(drill['title'])} ({where})",
            *_filled(told(drill["hypothesis"])),
            *_filled(f"{told(drill['seam'])} → {told(drill['blast_radius'])}"),
            *_filled(", ".join(drill["codes"]) or _NONE),
            "",
        ]
    return "\n".join(lines).rstrip()


def report_prose(report: Mapping[str, Any], words: Words) -> str:
    """A row a drill, then what happened in each, line by line."""
    verdicts = [words.verdicts[drill["verdict"]] for drill in report["drills"]]
    width = max(map(len, verdicts))
    lines = []
    for drill, verdict in zip(report["drills"], verdicts, strict=True):
        loud, well = (_seconds(drill[name]) for name in ("loud_s", "recovered_s"))
        title = words.drill_text(drill["facts"]["title"])
        lines.append(f"{drill['id']:4} {verdict:{width}}  {loud:>8} {well:>8}  {title}")
    for drill in report["drills"]:
        lines += ["", f"{drill['id']}: {clean(_why(drill['facts'], words))}"]
        lines += [line[:_WIDE] for line in _timeline(drill, words)]
    return "\n".join(lines)


def _why(facts: Mapping[str, Any], words: Words) -> str:
    from engine import grounds_of

    return words.grounds(grounds_of(facts.get("grounds")), facts["why"])


def _timeline(drill: Mapping[str, Any], words: Words) -> Iterator[str]:
    from engine import sayings_of

    for one in drill["facts"]["variants"]:
        yield f"  {clean(one['variant'])}: {words.verdicts[one['verdict']]}"
        for moment in one["timeline"]:
            what = words.clauses(sayings_of([moment.get("said")]), moment["what"])
            yield f"    +{moment['at_s']:7.3f} s  {clean(what)}"


def _seconds(seconds: float | None) -> str:
    return _NONE if seconds is None else f"{seconds:.2f} s"


def _filled(text: str) -> list[str]:
    return textwrap.wrap(clean(text), _WIDE, initial_indent="     ", subsequent_indent="     ")
