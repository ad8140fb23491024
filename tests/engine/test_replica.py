"""The status and its events through JSON and back: nothing is lost and nothing is believed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.apply import apply
from engine.cell import Cell, CellState
from engine.degraded import DegradedCode
from engine.event_log import Posted
from engine.events import (
    CellsChanged,
    Event,
    ModesDecided,
    OperatorActed,
    ProcessChanged,
    ReasonCleared,
    ReasonRaised,
    StoreOpened,
    SymbolPrimed,
)
from engine.replica import (
    BadReplica,
    built,
    posted_json,
    posted_of,
    status_json,
    status_of,
)
from engine.sayings import saying
from engine.status import Mode, ProcessState, ProcessStatus, Status
from tests.engine.builders import GOLD, NOON, YEN, a_status, key, small_config
from uds.model import Generation, SeriesKey, Timeframe

FIRST = a_status(small_config())
cells = st.builds(
    Cell,
    st.sampled_from(CellState),
    st.floats(0, 1),
    st.integers(0, 9_999),
    st.none() | st.integers(0, NOON),
    st.none() | st.builds(Generation, st.integers(1, 99), st.integers(1, 99)),
)
scopes = st.sampled_from((None, GOLD, "m1_poller", key(YEN, Timeframe.H4)))
events: st.SearchStrategy[Any] = st.one_of(
    st.builds(StoreOpened, st.integers(1, 99)),
    st.builds(
        ModesDecided,
        st.sampled_from(Mode),
        st.text(max_size=9),
        st.dictionaries(st.sampled_from((GOLD, YEN)), st.sampled_from(Mode)),
    ),
    st.builds(
        CellsChanged,
        st.sampled_from((GOLD, YEN)),
        st.dictionaries(st.sampled_from(Timeframe), cells, min_size=1),
    ),
    st.builds(ReasonRaised, st.sampled_from(DegradedCode), scopes, st.text(max_size=9)),
    st.builds(ReasonCleared, st.sampled_from(DegradedCode), scopes),
    st.builds(
        ProcessChanged,
        st.builds(
            ProcessStatus,
            st.just("m1_poller"),
            st.sampled_from(ProcessState),
            st.text(max_size=9),
            st.none() | st.floats(0, 9),
        ),
    ),
    st.builds(SymbolPrimed, st.sampled_from((GOLD, YEN)), st.floats(0, 9)),
    st.builds(
        OperatorActed,
        st.just("rebuild"),
        st.dictionaries(st.just("symbols"), st.tuples(st.just(GOLD))),
        st.text(max_size=9),
        st.text(max_size=9),
        st.text(max_size=9),
        st.just((saying("rebuilding_one", GOLD),)),
    ),
)


def through_a_line(document: object) -> Any:
    """As the other end reads it."""
    return json.loads(json.dumps(document, allow_nan=False))


@given(st.lists(events, max_size=20))
def test_a_copy_that_takes_the_same_steps_is_the_same(happened: list[Event]) -> None:
    """Snapshot, then events: the screen behind the socket shows what the engine is."""
    engine, copy = FIRST, status_of(through_a_line(status_json(FIRST)))
    for step, event in enumerate(happened):
        engine = apply(engine, event, NOON + step)
        posted = posted_of(through_a_line(posted_json(Posted(engine.seq, NOON + step, event))))
        copy = apply(copy, posted.event, posted.at_ms)

    assert engine == copy
    assert engine == status_of(through_a_line(status_json(engine)))
    assert engine.gate == copy.gate


def leaves(kind: Any) -> Iterator[Any]:
    """The types a type is made of in the end."""
    if is_dataclass(kind):
        for hint in get_type_hints(kind).values():
            yield from leaves(hint)
    elif get_args(kind) and get_origin(kind) is not Literal:
        yield from (leaf for inner in get_args(kind) if inner is not ... for leaf in leaves(inner))
    else:
        yield kind


@pytest.mark.parametrize("kind", [Status, *get_args(Event)], ids=lambda kind: kind.__name__)
def test_every_field_has_a_road_through_json(kind: type) -> None:
    """Whoever adds a field of a new kind learns it here, not from a console that cannot attach."""
    for leaf in leaves(kind):
        with contextlib.suppress(BadReplica):
            assert "nonsense" == built(leaf, "nonsense", str(leaf))


def test_names_are_those_of_the_wire() -> None:
    """A person reads these lines too: `events --json`."""
    event = CellsChanged(GOLD, {Timeframe.H4: Cell(CellState.SEALED, serving=Generation(42, 3))})
    document = posted_json(Posted(7, NOON, event))

    assert (7, NOON, "CellsChanged") == tuple(document[name] for name in ("seq", "at_ms", "type"))
    cell = document["event"]["cells"]["H4"]  # type: ignore[index]
    assert ("sealed", "00000042-0003") == (cell["state"], cell["serving"])
    assert "XAU/USD/H4" in status_json(FIRST)["cells"]  # type: ignore[operator]


def test_what_a_newer_engine_adds_is_passed_over() -> None:
    """An older console goes on; what it lacks itself has a default or is said to lack."""
    document = status_json(FIRST)
    more = {**document, "invented": 1}
    less = {name: value for name, value in document.items() if name != "mode_reason"}

    assert FIRST == status_of(more) == status_of(less)
    with pytest.raises(BadReplica, match="status lacks a field"):
        status_of({name: value for name, value in document.items() if name != "boot_id"})


BAD = [
    None,
    [],
    7,
    "status",
    {"cells": []},
    {"cells": {"XAU/USD/M7": {}}},
    {"cells": {"": {}}},
    {"cells": {"XAU/USD/M1": {"state": "splendid"}}},
    {"cells": {"XAU/USD/M1": {"bars": 1.5}}},
    {"cells": {"XAU/USD/M1": {"bars": True}}},
    {"cells": {"XAU/USD/M1": {"serving": "42-3"}}},
    {"seq": "1"},
    {"reasons": [{"code": "INVENTED", "scope": None, "since_ms": 1, "detail": ""}]},
    {"reasons": [{"code": "GAP", "scope": {"symbol": 5}, "since_ms": 1, "detail": ""}]},
    {"processes": {}},
]


@pytest.mark.parametrize("wrong", BAD, ids=lambda wrong: str(wrong)[:40])
def test_a_snapshot_that_is_none_is_refused_in_a_sentence(wrong: object) -> None:
    """Whatever answers on that path, the console must not end in a traceback."""
    raw = {**status_json(FIRST), **wrong} if isinstance(wrong, Mapping) else wrong
    with pytest.raises(BadReplica, match=r"\.$"):
        status_of(raw)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"type": "Invented"},
        {"type": "StoreOpened"},
        {"type": ["StoreOpened"]},
        {"type": "StoreOpened", "seq": 1, "at_ms": 1, "event": {"owner_token": "1"}},
    ],
    ids=str,
)
def test_an_event_that_is_none_is_refused_in_a_sentence(raw: object) -> None:
    """A step in the dark would make a copy that is none."""
    with pytest.raises(BadReplica, match=r"\.$"):
        posted_of(raw)


def test_a_scope_keeps_its_kind() -> None:
    """A cell, a symbol and a process must not become one another on the way."""
    for scope in (None, GOLD, "m1_poller", SeriesKey(GOLD, Timeframe.M1)):
        raised = ReasonRaised(DegradedCode.GAP, scope, "a hole")
        back = posted_of(through_a_line(posted_json(Posted(1, NOON, raised)))).event

        assert isinstance(back, ReasonRaised)
        assert (type(scope), scope) == (type(back.scope), back.scope)


def test_a_status_can_be_replaced_after_the_journey() -> None:
    """The copy is the real thing: screens compute from it what they like."""
    copy = status_of(status_json(FIRST))

    assert 3 == replace(copy, seq=3).seq
    assert FIRST.phase is copy.phase
