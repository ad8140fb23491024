"""The lines of the control socket: whatever arrives, it is a request or a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control.client import result_of
from engine.control.protocol import (
    Args,
    BadRequest,
    Request,
    document_of,
    error_line,
    push_line,
    request_line,
    request_of,
    result_line,
)
from engine.errors import ActionRefused
from engine.refusals import refusal
from engine.sayings import saying

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def test_a_request_is_read_as_it_was_written() -> None:
    """Client and engine stand on one file."""
    line = request_line(7, "question", {"action": "restart"})

    assert Request(7, "question", {"action": "restart"}) == request_of(line)


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_line_is_a_request_or_a_sentence(line: bytes) -> None:
    """Nothing else may come out of it, whatever goes in."""
    said: list[str] = []
    try:
        said.append(f"{request_of(line).op}.")
    except BadRequest as error:
        said.append(str(error))

    assert said[0].endswith(".")


@pytest.mark.parametrize(
    "line",
    [
        b'{"op": "status", "op": "act"}',
        b'{"op": "status", "args": {"a": NaN}}',
        b'{"op": "status", "args": {"a": Infinity}}',
        b'{"op": "status", "args": {"a": 1e999}}',
        b'{"op": "status", "args": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"op": "status", "more": 1}',
        b'{"id": true, "op": "status"}',
        b'{"id": 1.5, "op": "status"}',
        b'{"id": "' + b"x" * 65 + b'", "op": "status"}',
        b'{"op": "status", "args": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b"\xff\xfe{}",
    ],
    ids=lambda line: line[:44].decode("latin-1"),
)
def test_what_json_lets_pass_we_do_not(line: bytes) -> None:
    """Twice the same key, no numbers, numbers without end, depth: each means two things to two
    programs, and one of them is an attacker's."""
    with pytest.raises(BadRequest, match=r"\.$"):
        request_of(line)


def test_a_request_that_cannot_be_done_keeps_its_id() -> None:
    """The client must know which of its requests was refused."""
    with pytest.raises(BadRequest) as refused:
        request_of(b'{"id": 7, "op": 5}')

    assert 7 == refused.value.request_id


TAKEN: list[tuple[str, Callable[[Args], object], object]] = [
    ("text", lambda args: args.text("x"), 5),
    ("a text that is not there", lambda args: args.text("y"), "z"),
    ("whole", lambda args: args.whole("x", 0), True),
    ("a negative number", lambda args: args.whole("x", 0), -1),
    ("a fraction", lambda args: args.whole("x", 0), 1.0),
    ("a number too large", lambda args: args.whole("x", 0), 2**60),
    ("flag", lambda args: args.flag("x"), 1),
    ("texts", lambda args: args.texts("x"), ["a"]),
    ("texts of numbers", lambda args: args.texts("x"), {"a": [1]}),
    ("texts of texts of texts", lambda args: args.texts("x"), {"a": [["b"]]}),
    ("something left over", lambda args: args.done(), 1),
]


@pytest.mark.parametrize(("name", "take", "given"), TAKEN, ids=[name for name, _, _ in TAKEN])
def test_an_argument_of_another_type_is_refused(
    name: str, take: Callable[[Args], object], given: object
) -> None:
    """`force: "false"` must not force."""
    with pytest.raises(BadRequest, match=r"\.$") as refused:
        take(Args({"x": given}))
    assert "bad_args" == refused.value.code


def test_arguments_are_taken_by_type() -> None:
    """And what was taken is no longer left over."""
    args = Args({"a": "x", "b": 3, "c": True, "d": {"symbols": ["A", "B"], "process": "ui"}})

    assert ("x", 3, True) == (args.text("a"), args.whole("b", 0), args.flag("c"))
    assert {"symbols": ("A", "B"), "process": ("ui",)} == args.texts("d")
    args.done()


def test_every_line_ends_once_and_carries_no_raw_control_byte() -> None:
    """A broker's words travel in it: an escape sequence must arrive as text."""
    evil = "\x1b]0;gone\x07\n\u202e"
    for line in (
        result_line(1, {"said": evil}),
        error_line(None, evil, "refused"),
        push_line("event", {"detail": evil}),
    ):
        assert 1 == line.count(b"\n")
        assert line.endswith(b"\n")
        assert all(32 <= byte < 127 for byte in line[:-1])
        assert document_of(line)


def test_a_refusal_made_of_codes_arrives_with_them() -> None:
    """Each console says it in its own language; one that is a mere sentence stays one."""
    refused = refusal(saying("is_running", "F5"), saying("allow_word"))
    line = error_line(7, str(refused), refused.code, refused.hint, refused.said)
    with pytest.raises(ActionRefused) as caught:
        result_of(line, Path("control.sock"))
    plain = json.loads(error_line(7, "No.", "refused"))

    assert "Drill F5 is running already." == str(caught.value)
    assert "--allow-drills is the word for it." == caught.value.hint
    assert (saying("is_running", "F5"), saying("allow_word")) == caught.value.said
    assert {"sentence", "code", "hint"} == plain["error"].keys()
