"""What every page says of drills: that one runs, so that its reasons are not taken for real."""

from __future__ import annotations

from collections.abc import Iterator

from engine import DrillStatus, RevertedDrill, Status

from .. import moments
from ..clean import clean
from ..commands import Tables, first_keys
from ..lines import ALWAYS, Form, Line, Look, Span, fitted
from ..pages import Page
from ..pulse import FAST_S, SLOW_S
from ..words import Words
from .drill_rows import VERDICTS, doing, fault_left

_PAGES = (Page.DRILLS, Page.DRILL)
_WHY_MAX = 400
_GAP = " · "


def drill_notice(
    status: Status, now_ms: int, page: Page, tables: Tables, width: int, words: Words
) -> Line:
    """That a drill runs; on its own page the keys besides; nothing where neither is to be said."""
    keys = first_keys(tables)
    drill = status.drill
    if drill is not None and drill.is_running:
        named = words.drill_notice.format(id=clean(drill.id), doing=doing(drill, words))
        short = words.drill_notice_short.format(id=clean(drill.id))
        left = f"{_GAP}{fault_left(drill, now_ms, words)}"
        shows = ""
        if page not in _PAGES and "drills" in keys:
            shows = _GAP + words.drill_key_shows.format(key=keys["drills"])
        parts = (
            (Form(2, (Span(named, Look.DEGRADED),)), Form(ALWAYS, (Span(short, Look.DEGRADED),))),
            (Form(3, (Span(left),)),),
            (Form(ALWAYS, drill_end(status, tables, words)),),
            (Form(1, (Span(shows, Look.DIM),)),),
        )
        return fitted(parts, width, gap="")
    if page is Page.DRILLS:
        closer = words.drill_key_closer.format(key=keys.get("enter", ""))
        begins = words.drill_key_begins.format(key=keys["drill"]) if "drill" in keys else ""
        return (Span("   ".join(filter(None, (begins, closer))), Look.DIM),)
    return ()


def drill_end(status: Status, tables: Tables, words: Words) -> Line:
    """The key that ends the drill that runs; it stands behind whatever else is said."""
    keys = first_keys(tables)
    if status.drill is None or not status.drill.is_running or "drill-abort" not in keys:
        return ()
    return (Span(_GAP + words.drill_key_ends.format(key=keys["drill-abort"]), Look.STRONG),)


def drill_pulse_s(status: Status, page: Page) -> float | None:
    """How often a picture with a running drill is drawn; None where none runs."""
    if status.drill is None or not status.drill.is_running:
        return None
    return FAST_S if page in _PAGES else SLOW_S


def reverted_news(drill: RevertedDrill, words: Words) -> str:
    """What the journal says of a drill that an earlier boot was killed in."""
    told = [clean(drill.variant)]
    if drill.by and drill.began_ms is not None:
        at, by = moments.stamp(drill.began_ms), clean(drill.by)
        told.append(words.drill_asked.format(by=by, at=at, utc=words.utc))
    said = "; ".join(filter(None, (*told, clean(words.clauses(drill.said, drill.done), _WHY_MAX))))
    return words.drill_news_reverted.format(id=clean(drill.id) or words.drill_unread, done=said)


def is_another(before: DrillStatus | None, drill: DrillStatus) -> bool:
    """Whether it began since: while one runs, a clock that is set moves when that was."""
    if before is None or before.id != drill.id:
        return True
    return not before.is_running and before.began_ms != drill.began_ms


def drill_news(was: Status, now: Status, words: Words) -> Iterator[tuple[Look, str]]:
    """What the journal says: a drill began, what it does to the engine, and its verdict."""
    before, drill = was.drill, now.drill
    if drill is None or drill is before:
        return
    named = clean(drill.id)
    is_new = is_another(before, drill)
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
