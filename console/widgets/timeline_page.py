"""The timeline page: stage × time of this boot, what everything waited for, the boot before.

A bar shows the share of waiting first and that of work behind it: how much there was of each is
measured, in which order it came is not. What everything waited for stands on top, because making
any other stage faster changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..clean import clean
from ..glyphs import GAUGE_EMPTY, GAUGE_FULL, sign
from ..lines import Line, Look, Span, boxed
from ..words import Words
from .listing import Item, Listing, entry

if TYPE_CHECKING:
    from engine import BrokerFloor, Promise, Stage, Waterfall, Waterfalls


_STAGE_WIDTH, _SYMBOL_WIDTH, _FIGURE_WIDTH, _CHANGE_WIDTH = 8, 10, 7, 7
_BESIDE_BAR = 1 + 2 + _STAGE_WIDTH + _SYMBOL_WIDTH + 1 + 2 * _FIGURE_WIDTH + _CHANGE_WIDTH
_BAR_MIN = 8
_NOTABLE_S = 0.01
_CUT_FROM = 4
_YIELDING = frozenset({4, 5, 6})
"""The columns wait, work and change."""
_CHAIN, _BUDGET = "→", "│"


def timeline_listing(boots: Waterfalls | None, words: Words, width: int) -> Listing:
    """The promises, the critical chain, then every other stage as it began."""
    title = words.pages["timeline"]
    if boots is None:
        return Listing(title, (), (), empty=words.timeline_unread)
    from engine import promises  # not before the first picture

    now = boots.now
    scale = _Scale(now, max(_BAR_MIN, width - _BESIDE_BAR))
    before = {} if boots.before is None else {_who(s): s for s in reversed(boots.before.start)}
    chain = {(link.name, link.symbol, link.end_s): link for link in now.critical_chain}
    stages = sorted(now.start, key=lambda stage: (stage.start_s, stage.end_s))
    first = [s for s in stages if (*_who(s), s.end_s) in chain]
    rest = [s for s in stages if (*_who(s), s.end_s) not in chain]
    primed_s = min((s.start_s for s in stages if s.name == "prime"), default=0.0)
    begins_s = {"priming": primed_s}
    items = [
        _promise(one, begins_s.get(one.name, 0.0), scale, boots.broker, words)
        for one in promises(now)
    ]
    for at, stage in enumerate((*first, *rest)):
        items.append(_item(at, stage, at < len(first), before.get(_who(stage)), scale, words, now))
    return Listing(
        f"{title}  {_verdict(boots, words)}",
        _head(scale, words),
        tuple(items),
        empty=words.timeline_unread,
        yielding=_YIELDING,
    )


class _Scale:
    """Seconds as columns."""

    def __init__(self, boot: Waterfall, columns: int) -> None:
        self.until_s = max(boot.until_s, max((s.end_s for s in boot.start), default=0.0), 1e-3)
        self.columns = columns
        self.budget_s = boot.ready_budget_s

    def bar(self, start_s: float, wait_s: float, work_s: float) -> str:
        """Blank, waiting, work, blank; whatever lasted has one column at least."""
        begin = min(self._at(start_s), self.columns - 1)
        between = max(begin, self._at(start_s + wait_s))
        end = min(self.columns, max(begin + 1, self._at(start_s + wait_s + work_s)))
        if work_s >= wait_s and between >= end:
            between = end - 1
        drawn = " " * begin + GAUGE_EMPTY * (between - begin) + GAUGE_FULL * (end - between)
        return self._marked(boxed(drawn, self.columns))

    def ruler(self) -> str:
        """What the columns stand for."""
        end = f"{self.until_s:.1f}s"
        return boxed("0s", max(0, self.columns - len(end))) + end

    def _at(self, moment_s: float) -> int:
        return round(moment_s / self.until_s * self.columns)

    def _marked(self, bar: str) -> str:
        """With the moment at which the gate was promised to be open, when that has passed.

        A bar too short to be cut in two is left whole.
        """
        if self.budget_s is None or self.budget_s >= self.until_s:
            return bar
        at = min(self._at(self.budget_s), self.columns - 1)
        if bar[at] != " " and len(bar.strip()) < _CUT_FROM:
            return bar
        return bar[:at] + _BUDGET + bar[at + 1 :]


def _head(scale: _Scale, words: Words) -> Line:
    heads = words.heads
    return (
        Span(boxed(f"  {heads['stage']}", _STAGE_WIDTH + 2), Look.DIM),
        Span(boxed(heads["symbol"], _SYMBOL_WIDTH), Look.DIM),
        Span(f"{scale.ruler()} ", Look.DIM),
        Span(boxed(heads["wait"], _FIGURE_WIDTH), Look.DIM),
        Span(boxed(heads["work"], _FIGURE_WIDTH), Look.DIM),
        Span(heads["change"], Look.DIM),
    )


def _verdict(boots: Waterfalls, words: Words) -> str:
    now, before = boots.now, boots.before
    if now.opened_gate_after_s is None:
        said = words.timeline_closed.format(now=now.until_s)
    else:
        said = words.timeline_open.format(now=now.opened_gate_after_s)
    if before is None or before.opened_gate_after_s is None:
        return said
    return f"{said}, {words.timeline_before.format(before=before.opened_gate_after_s)}"


def _promise(
    one: Promise, from_s: float, scale: _Scale, broker: BrokerFloor | None, words: Words
) -> Item:
    look = Look.READY if one.is_kept else Look.DEGRADED
    called, told = words.promises[one.name], words.nothing
    if one.budget_s is not None:
        said = words.budget_kept if one.is_kept else words.budget_missed
        told = said.format(taken=one.taken_s, budget=one.budget_s)
    line = (
        Span(f"{sign(look)} ", look),
        Span(boxed(called, _STAGE_WIDTH + _SYMBOL_WIDTH)),
        Span(""),
        Span(f"{scale.bar(from_s, 0.0, one.taken_s)} ", look),
        Span(told, Look.DIM if one.is_kept else look),
        Span(""),
        Span(""),
    )
    detail = [Span(f"{called}: {told}", look)]
    if one.name == "gate" and broker is not None:
        detail += [Span(said) for said in _broker_share(broker, one, words)]
    return entry(one.name, line, {look.value}, not one.is_kept, detail)


def _broker_share(broker: BrokerFloor, gate: Promise, words: Words) -> Iterator[str]:
    """What of it was the broker's, and for how many symbols the promise would do."""
    rest_s = broker.floor_s - broker.login_s
    yield words.broker_floor.format(
        floor=broker.floor_s, login=broker.login_s, rest=rest_s, symbols=broker.symbols
    )
    room = None if gate.budget_s is None else broker.room(gate.budget_s)
    if room is not None and room >= 0:
        yield words.broker_room.format(budget=gate.budget_s, login=broker.login_s, room=room)


def _item(
    at: int,
    stage: Stage,
    is_awaited: bool,
    before: Stage | None,
    scale: _Scale,
    words: Words,
    boot: Waterfall,
) -> Item:
    look = Look.STRONG if is_awaited else Look.PLAIN
    change_s = None if before is None else _length_s(stage) - _length_s(before)
    is_late = boot.ready_budget_s is not None and stage.end_s > boot.ready_budget_s
    line = (
        Span(f"{_CHAIN if is_awaited else ' '} ", look),
        Span(boxed(clean(stage.name), _STAGE_WIDTH), look),
        Span(boxed(_symbol(stage, words), _SYMBOL_WIDTH)),
        Span(f"{scale.bar(stage.start_s, stage.wait_s, stage.work_s)} ", look),
        Span(boxed(f"{stage.wait_s:.2f}", _FIGURE_WIDTH), Look.DIM),
        Span(boxed(f"{stage.work_s:.2f}", _FIGURE_WIDTH), look),
        Span("" if change_s is None else f"{change_s:+.2f}".replace("-", "−"), Look.DIM),
    )
    states = {"chain"} if is_awaited else set()
    detail = _detail(stage, is_awaited, before, boot, words)
    return entry(f"{stage.name} {stage.symbol or ''} {at}", line, states, is_late, detail)


def _detail(
    stage: Stage, is_awaited: bool, before: Stage | None, boot: Waterfall, words: Words
) -> Iterator[Span]:
    where = f"{clean(stage.name)} {_symbol(stage, words)}"
    took = words.stage_took.format(
        start=stage.start_s, end=stage.end_s, wait=stage.wait_s, work=stage.work_s
    )
    yield Span(f"{where}: {took}", Look.STRONG)
    if is_awaited:
        link = next(k for k in boot.critical_chain if (k.name, k.symbol) == _who(stage))
        yield Span(words.stage_awaited.format(start=link.start_s))
        if link.gap_s >= _NOTABLE_S:
            yield Span(words.stage_gap.format(gap=link.gap_s), Look.DEGRADED)
    if before is not None:
        then = words.stage_before.format(
            start=before.start_s, end=before.end_s, wait=before.wait_s, work=before.work_s
        )
        yield Span(then, Look.DIM)
    for part in boot.parts:
        if (part.of, part.symbol) == _who(stage) and stage.start_s <= part.end_s <= stage.end_s:
            between = words.part_took.format(start=part.start_s, end=part.end_s)
            yield Span(f"  {clean(part.name)}: {between}", Look.DIM)


def _symbol(stage: Stage, words: Words) -> str:
    return words.platform if stage.symbol is None else clean(stage.symbol, 40)


def _who(stage: Stage) -> tuple[str, str | None]:
    return stage.name, stage.symbol


def _length_s(stage: Stage) -> float:
    return stage.end_s - stage.start_s
