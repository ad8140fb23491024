"""What readers are answered: a pure function of the status, one snapshot and the question.

Refusals come in this order: 400 for a question that cannot be read, 404 for a series we do not
have, 503 while the gate is closed. A cell without data is 503 with its reason, never an empty
list that looks like truth. An answer is made from one snapshot, so from one generation.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from uds import Snapshot, bars_json, timeframe_named
from uds.model import Bars, Preview, SeriesKey, Timeframe

from .. import gate
from ..degraded import DegradedReason, Severity
from ..depth import Depth
from ..status import Status
from .documents import ProblemDocument
from .wire import progress_document, reason_document, waiting_for

LIMIT_DEFAULT = 300
_NUMBERS = ("limit", "from_ms", "to_ms")
_KNOWN = ("symbol", "tf", *_NUMBERS, "preview")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,15}")
_FAR_MS = 10**15
_RETRY_AFTER_MIN_S = 1
_NO_PREVIEWS: Mapping[SeriesKey, Preview] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    code: int
    """HTTP status."""
    body: bytes
    """Ready to send."""
    media_type: str = "application/json"
    """What the body is."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers beside it."""


@dataclass(frozen=True, slots=True)
class BarsQuery:
    """A question for bars that could be read."""

    key: SeriesKey
    limit: int
    """The most bars to answer, the newest of the range."""
    from_ms: int | None
    """Oldest open, inclusive; None means no bound."""
    until_ms: int | None
    """Newest open, exclusive (`to_ms` on the wire); None means no bound."""
    with_preview: bool
    """Whether the forming bar is wanted behind the final ones."""


class BadQuery(ValueError):
    """A question that cannot be read; the message is a sentence."""


class UnknownSeries(LookupError):
    """A symbol or timeframe we do not have; the message is a sentence."""


def parse_query(raw: Mapping[str, str], status: Status) -> BarsQuery:
    """Raises BadQuery, then UnknownSeries."""
    for name in raw:
        if name not in _KNOWN:
            raise BadQuery(f"{name!r} is not a parameter; there are {', '.join(_KNOWN)}.")
    for name in ("symbol", "tf"):
        if not raw.get(name):
            raise BadQuery(f"The parameter {name!r} is missing.")
    numbers = {name: _number(name, raw[name]) for name in _NUMBERS if name in raw}
    limit = numbers.get("limit", LIMIT_DEFAULT)
    if limit < 1:
        raise BadQuery("The parameter 'limit' must be at least 1.")
    from_ms, until_ms = numbers.get("from_ms"), numbers.get("to_ms")
    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        raise BadQuery("'from_ms' must be before 'to_ms'.")
    if raw.get("preview", "0") not in ("0", "1"):
        raise BadQuery("The parameter 'preview' must be 0 or 1.")
    key = _series(raw["symbol"], raw["tf"], status)
    return BarsQuery(key, limit, from_ms, until_ms, raw.get("preview") == "1")


def answer_bars(
    raw: Mapping[str, str],
    status: Status,
    tails: Mapping[str, Snapshot | None],
    target_bars: Mapping[Timeframe, int],
    now_ms: int,
    forming: Mapping[SeriesKey, Preview] = _NO_PREVIEWS,
) -> Answer:
    """Bars, or why not; `tails` are the snapshots by symbol, `target_bars` the depth wanted.

    `forming` are the previews; one is answered only if it opens where the final bars end or
    later, so that a stale one never stands beside its own final bar.
    """
    try:
        query = parse_query(raw, status)
    except BadQuery as error:
        return problem(400, "bad query", str(error))
    except UnknownSeries as error:
        return problem(404, "unknown series", str(error))
    verdict, snapshot = status.gate, tails.get(query.key.symbol)
    if isinstance(verdict, gate.Closed):
        return answer_closed(status, now_ms)
    if snapshot is None or not len(snapshot.tails[query.key.timeframe]):
        return _refused(status, f"{query.key} has no bars yet.", now_ms, query.key)
    reasons = [r for r in status.reasons if r.scope in (None, query.key, query.key.symbol)]
    depth = _depth(status, query.key, snapshot, target_bars)
    preview = forming.get(query.key) if query.with_preview else None
    return _bars(query, snapshot, reasons, depth, now_ms, preview)


def answer_closed(status: Status, now_ms: int) -> Answer:
    """503 of the whole gate, and what it waits for."""
    return _refused(status, "The gate is closed.", now_ms)


def problem(code: int, title: str, detail: str) -> Answer:
    """A refusal that has nothing to do with the gate."""
    return _problem_of(
        ProblemDocument(type="about:blank", title=title, status=code, detail=detail), {}
    )


def _number(name: str, text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise BadQuery(f"The parameter {name!r} must be a whole number of 15 digits at most.")
    return int(text)


def _series(symbol: str, tf: str, status: Status) -> SeriesKey:
    if symbol not in status.symbols:
        raise UnknownSeries(f"There is no symbol {symbol[:40]!r}; see /api/status for all.")
    timeframe = timeframe_named(tf)
    if timeframe is None or timeframe not in status.timeframes:
        names = ", ".join(known.name for known in status.timeframes)
        raise UnknownSeries(f"There is no timeframe {tf[:40]!r}; there are {names}.")
    return SeriesKey(symbol, timeframe)


def _picked(query: BarsQuery, tail: Bars) -> Bars:
    from_ms = query.from_ms if query.from_ms is not None else 0
    until_ms = query.until_ms if query.until_ms is not None else _FAR_MS
    return tail.between(from_ms, until_ms).tail(query.limit)


def _depth(
    status: Status, key: SeriesKey, snapshot: Snapshot, target_bars: Mapping[Timeframe, int]
) -> Depth:
    """What is stored as far as it was counted; what is served is there in any case."""
    tail = snapshot.tails[key.timeframe]
    counted = status.depth.get(key)
    if counted is None or counted.first_ms is None or counted.bars < len(tail):
        return Depth(len(tail), target_bars[key.timeframe], tail.first_open_ms)
    return counted


def _bars(
    query: BarsQuery,
    snapshot: Snapshot,
    reasons: list[DegradedReason],
    depth: Depth,
    now_ms: int,
    preview: Preview | None,
) -> Answer:
    timeframe = query.key.timeframe
    tail = snapshot.tails[timeframe]
    first_ms = tail.first_open_ms
    picked = _picked(query, tail)
    if query.from_ms is None:
        is_truncated = len(picked) < query.limit
    else:
        is_truncated = first_ms is not None and query.from_ms < first_ms
    head = {
        "ok": True,
        "symbol": query.key.symbol,
        "tf": timeframe.name,
        "tf_s": int(timeframe),
        "generation": str(snapshot.generation),
        "seq": snapshot.seq,
        "as_of_ms": now_ms,
        "complete_through_ms": tail.last_close_ms,
        "depth": {"bars": depth.bars, "target": depth.target, "first_ms": depth.first_ms},
        "truncated": is_truncated,
        "resident_from_ms": first_ms,
        "degraded": any(reason.severity is Severity.DEGRADED for reason in reasons),
        "reasons": [reason_document(reason).model_dump() for reason in reasons],
    }
    body = json.dumps(head, separators=(",", ":")).encode()
    after = preview if preview is not None and _follows(query, tail, preview) else None
    return Answer(200, body[:-1] + b',"bars":' + bars_json(timeframe, picked, after) + b"}")


def _follows(query: BarsQuery, tail: Bars, preview: Preview) -> bool:
    """Whether a forming bar comes after the final ones and inside the asked range."""
    is_inside = query.until_ms is None or preview.open_time_ms < query.until_ms
    return is_inside and preview.open_time_ms >= (tail.last_close_ms or 0)


def _refused(status: Status, detail: str, now_ms: int, lacking: SeriesKey | None = None) -> Answer:
    """503, and what is waited for: the one cell that lacks bars, where the gate waits for none."""
    progress = progress_document(status, now_ms)
    waiting = waiting_for(status)
    document = ProblemDocument(
        type="about:blank",
        title="not ready",
        status=503,
        detail=detail,
        gate=status.gate_state.value,
        phase=status.phase.value,
        progress=progress,
        waiting_for=waiting if waiting or lacking is None else [str(lacking)],
        reasons=[reason_document(reason) for reason in status.reasons],
    )
    retry_after_s = max(_RETRY_AFTER_MIN_S, math.ceil(progress.eta_s or 0))
    return _problem_of(document, {"Retry-After": str(retry_after_s)})


def _problem_of(document: ProblemDocument, headers: Mapping[str, str]) -> Answer:
    body = document.model_dump_json(exclude_unset=True).encode()
    return Answer(document.status, body, "application/problem+json", headers)
