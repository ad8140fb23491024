"""What every page says of drills: that one runs, so that its reasons are not taken for real."""

from __future__ import annotations

from collections.abc import Iterator

from engine import Status

from ..clean import clean
from ..commands import KEY_NAMES, Tables
from ..lines import Line, Look, Span
from ..pages import Page
from ..pulse import FAST_S, SLOW_S
from ..words import Words
from .drill_rows import VERDICTS, doing, fault_left

_PAGES = (Page.DRILLS, Page.DRILL)
_WHY_MAX = 400


def drill_notice(status: Status, now_ms: int, page: Page, tables: Tables, words: Words) -> Line:
    """That a drill runs; on its own page the keys besides; nothing where neither is to be said."""
    keys = {command.id: command.keys[0] for table in tables.values() for command in table}
    drill = status.drill
    if drill is not None and drill.is_running:
        said = words.drill_notice.format(id=clean(drill.id), doing=doing(drill, words))
        parts = [Span(said, Look.DEGRADED), Span(f" · {fault_left(drill, now_ms, words)}")]
        if page not in _PAGES and "drills" in keys:
            parts.append(Span(f" · {words.drill_key_shows.format(key=keys['drills'])}", Look.DIM))
        elif "drill-abort" in keys:
            parts.append(
                Span(f" · {words.drill_key_ends.format(key=keys['drill-abort'])}", Look.DIM)
            )
        return tuple(parts)
    if page is Page.DRILLS:
        enter = keys.get("enter", "")
        closer = words.drill_key_closer.format(key=KEY_NAMES.get(enter, enter))
        begins = words.drill_key_begins.format(key=keys["drill"]) if "drill" in keys else ""
        return (Span("   ".join(filter(None, (begins, closer))), Look.DIM),)
    return ()


def drill_pulse_s(status: Status, page: Page) -> float | None:
    """How often a picture with a running drill is drawn; None where none runs."""
    if status.drill is None or not status.drill.is_running:
        return None
    return FAST_S if page in _PAGES else SLOW_S


def drill_news(was: Status, now: Status, words: Words) -> Iterator[tuple[Look, str]]:
    """What the journal says: a drill began, what it does to the engine, and its verdict."""
    before, drill = was.drill, now.drill
    if drill is None or drill is before:
        return
    named = clean(drill.id)
    is_new = before is None or before.began_ms != drill.began_ms
    if is_new:
        title = clean(words.drill_text(drill.title))
        yield Look.STRONG, words.drill_news_began.format(id=named, title=title)
    if drill.verdict is not None and (is_new or before is None or before.verdict is None):
        verdict = words.verdicts[drill.verdict.value]
        why = clean(words.grounds(drill.grounds, drill.why), _WHY_MAX)
        said = words.drill_news_ended.format(id=named, verdict=verdict, why=why)
        yield VERDICTS[drill.verdict], said
    elif drill.is_running and before is not None and doing(drill, words) != doing(before, words):
        yield Look.DIM, words.drill_news_moved.format(id=named, doing=doing(drill, words))
