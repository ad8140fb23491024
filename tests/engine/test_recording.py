"""A recorded boot read back: the same statuses in any order, and a sentence for what is none."""

from __future__ import annotations

import json
from random import Random

import pytest

from engine.apply import apply
from engine.boots.recording import Recording, recording_of
from engine.degraded import DegradedCode
from engine.errors import RecordUnreadable
from engine.event_log import Posted
from engine.events import ProcessChanged, ReasonRaised, StoreOpened
from engine.replica import posted_json, status_json
from engine.status import ProcessState, ProcessStatus, Status
from tests.console import scenes

BEGIN_MS = scenes.OPENED_MS
EVENTS = 300
WHO = {"record": 1, "boot_id": "b007", "owner_token": 42, "market": "simulated"}


def written() -> tuple[list[Status], bytes]:
    """Three hundred steps a tenth of a second apart, two of them at once, and their record."""
    status = scenes.cold(["XAU/USD"])
    statuses, lines = [status], [WHO, {"snapshot": status_json(status)}]
    for at in range(EVENTS):
        event = (
            StoreOpened(at),
            ProcessChanged(ProcessStatus("ui", ProcessState.READY, str(at))),
            ReasonRaised(DegradedCode.GAP, f"S{at % 7}", str(at)),
        )[at % 3]
        at_ms = BEGIN_MS + 100 * (at - at % 2)
        status = apply(status, event, at_ms)
        statuses.append(status)
        lines.append(posted_json(Posted(status.seq, at_ms, event)))
    lines += [{"span": {"name": "login"}}, {"end": {"at_ms": BEGIN_MS}}]
    return statuses, "".join(json.dumps(line) + "\n" for line in lines).encode()


@pytest.fixture(scope="module")
def walked() -> list[Status]:
    """What the engine went through."""
    return written()[0]


@pytest.fixture(scope="module")
def recording() -> Recording:
    """The same read back."""
    return recording_of(written()[1])


def test_every_status_is_the_engines_own_in_any_order(
    walked: list[Status], recording: Recording
) -> None:
    """A replay that shows what never was is worse than none."""
    order = list(range(EVENTS + 1))
    Random(7).shuffle(order)

    assert len(walked) == len(recording.steps)
    assert [walked[at] for at in order] == [recording.status(at) for at in order]
    assert recording.is_ended


def test_a_moment_finds_the_last_step_that_had_happened(recording: Recording) -> None:
    """What happened in the same millisecond is seen together."""
    assert recording.at(0) == 0
    assert recording.at(BEGIN_MS) == 2
    assert recording.at(BEGIN_MS + 200) == 4
    assert recording.at(BEGIN_MS + 399) == 4
    assert recording.at(recording.end_ms + 10**6) == EVENTS


def test_a_torn_last_line_is_left_out(walked: list[Status]) -> None:
    """The boot worth looking at is the one that was killed."""
    data = written()[1]
    at = data.index(b'{"seq": 200') + 40

    recording = recording_of(data[:at])

    assert walked[-1] != recording.status(len(recording.steps) - 1)
    assert recording.status(len(recording.steps) - 1) in walked
    assert not recording.is_ended


def test_a_clock_that_was_set_back_does_not_take_it_back() -> None:
    """Time on the tape only grows, so that it can be sought in."""
    status = scenes.cold(["XAU/USD"])
    lines = [WHO, {"snapshot": status_json(status)}]
    for at_ms in (BEGIN_MS + 500, BEGIN_MS - 10_000, BEGIN_MS + 700):
        lines.append(posted_json(Posted(1, at_ms, StoreOpened(1))))

    recording = recording_of("\n".join(map(json.dumps, lines)).encode())

    assert [step.at_ms - BEGIN_MS for step in recording.steps] == [0, 500, 500, 700]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no record of a boot"),
        (b'{"record": 2}\n', "version 1"),
        (b'{"record": 1}\n', "does not begin with a status"),
        (b'[1]\n{"record": 1}\n', "Line 1 of the record is no object"),
        (b'{"record": 1}\n\xff\n{}\n', "Line 2 of the record is no JSON"),
        (b"[" * 100_000 + b"\n", "Line 1 of the record is no JSON"),
        (b'{"record": 1}\n{"snapshot": {}}\n', "Line 2 of the record cannot be used"),
        (b'{"record": 1}\n{"seq": 1, "type": "Nonsense"}\n', "There is no event 'Nonsense'"),
    ],
)
def test_what_is_no_record_is_said_in_a_sentence(data: bytes, sentence: str) -> None:
    """Any file may be named by mistake, or on purpose."""
    with pytest.raises(RecordUnreadable, match=sentence):
        recording_of(data)


def test_steps_that_do_not_follow_are_said() -> None:
    """An event about a cell that the first status does not have."""
    lines = written()[1].splitlines()
    foreign = scenes.sealed(scenes.cold(["EUR/USD"]), "EUR/USD", BEGIN_MS)
    cells = {"M1": status_json(foreign)["cells"]["EUR/USD/M1"]}  # type: ignore[index]
    event = {"symbol": "EUR/USD", "cells": cells}
    lines.append(
        json.dumps({"seq": 301, "at_ms": BEGIN_MS, "type": "CellsChanged", "event": event}).encode()
    )

    with pytest.raises(RecordUnreadable, match="Step 302 of the record does not follow"):
        recording_of(b"\n".join(lines))
