"""The control socket's lines: what a request may look like, and how answers are written.

A request is one line, `{"id": 7, "op": "status", "args": {…}}`; its answer carries the same id,
`{"id": 7, "ok": true, "result": …}` or `{"id": 7, "ok": false, "error": {"sentence", "code",
"hint"}}`; a refusal that is made of codes has them in the error's `said`. Lines without an id are
pushed to a subscriber: `{"push": "event", …}` and `{"push": "reset", …}`. Everything that
arrives is hostile until parsed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..sayings import Saying

PROTOCOL = 1
"""Grows when a client must know of a change."""
LINE_BYTES_MAX = 4 * 1024 * 1024
_ID_LENGTH_MAX = 64
_INT_MAX = 2**53
"""Beyond it other programs' JSON loses digits."""
_EXAMPLE = 'A request is one line such as {"id": 1, "op": "status", "args": {}}.'


class BadRequest(ValueError):
    """A line that is no request, or an argument that cannot be used; a sentence."""

    def __init__(self, sentence: str, code: str = "bad_request", hint: str = _EXAMPLE) -> None:
        super().__init__(sentence)
        self.code = code
        """`bad_request`, `unknown_op`, `bad_args` or `too_long`."""
        self.hint = hint
        """How it would be right."""
        self.request_id: int | str | None = None
        """The request's id, when at least that could be read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that could be read."""

    id: int | str | None
    """The client's mark, sent back as it came."""
    op: str
    """The operation's name."""
    args: Mapping[str, object]
    """Its arguments, not yet looked at."""


def request_of(line: bytes) -> Request:
    """Raises BadRequest."""
    raw = _object(line)
    request_id = raw.get("id")
    try:
        _check(raw, request_id)
    except BadRequest as error:
        error.request_id = request_id if _is_id(request_id) else None  # type: ignore[assignment]
        raise
    return Request(request_id, raw["op"], raw.get("args", {}))  # type: ignore[arg-type]


def request_line(request_id: int, op: str, args: Mapping[str, object]) -> bytes:
    """What a client sends."""
    return _line({"id": request_id, "op": op, "args": dict(args)})


def result_line(request_id: int | str | None, result: object) -> bytes:
    """The answer to a request that was done."""
    return _line({"id": request_id, "ok": True, "result": result})


def error_line(
    request_id: int | str | None,
    sentence: str,
    code: str,
    hint: str = "",
    said: Sequence[Saying] = (),
) -> bytes:
    """The answer to a request that was not."""
    error: dict[str, object] = {"sentence": sentence, "code": code, "hint": hint}
    if said:
        error["said"] = [{"code": one.code, "args": list(one.args)} for one in said]
    return _line({"id": request_id, "ok": False, "error": error})


def push_line(kind: str, content: Mapping[str, object]) -> bytes:
    """What a subscriber is sent without having asked for it now."""
    return _line({"push": kind, **content})


def document_of(line: bytes) -> dict[str, object]:
    """An object from the other end; raises BadRequest for anything else."""
    return _object(line)


class Args:
    """The arguments of one request, taken one by one and by type; what is left over is refused."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = dict(given)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        value = self._given.pop(name, default)
        if not isinstance(value, str):
            raise _unusable(name, "a text")
        return value

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """A whole number, `least` or more."""
        value = self._given.pop(name, default)
        if type(value) is not int or not least <= value <= _INT_MAX:
            raise _unusable(name, f"a whole number from {least} on")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false when it is not there."""
        value = self._given.pop(name, False)
        if not isinstance(value, bool):
            raise _unusable(name, "true or false")
        return value

    def texts(self, name: str) -> dict[str, tuple[str, ...]]:
        """An object whose values are texts or lists of texts; empty when it is not there."""
        value = self._given.pop(name, {})
        if not isinstance(value, dict):
            raise _unusable(name, "an object")
        found: dict[str, tuple[str, ...]] = {}
        for key, item in value.items():
            items = item if isinstance(item, list) else [item]
            if not all(isinstance(text, str) for text in items):
                raise _unusable(f"{name}.{key[:40]}", "a text or a list of texts")
            found[key] = tuple(items)
        return found

    def done(self) -> None:
        """Nothing else may have been given: a misspelt argument must not be ignored."""
        if self._given:
            raise BadRequest(
                f"There is no argument {next(iter(self._given))[:40]!r} here.", "bad_args", ""
            )


def _unusable(name: str, wanted: str) -> BadRequest:
    return BadRequest(f"The argument {name!r} must be {wanted}.", "bad_args", "")


def _object(line: bytes) -> dict[str, object]:
    try:
        raw = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_short_int,
        )
    except (ValueError, RecursionError) as error:
        raise BadRequest("The line cannot be read as JSON.") from error
    if not isinstance(raw, dict):
        raise BadRequest("The line is no JSON object.")
    return raw


def _check(raw: Mapping[str, object], request_id: object) -> None:
    if not _is_id(request_id):
        raise BadRequest(
            f"`id` must be a whole number or a text of {_ID_LENGTH_MAX} characters at most."
        )
    if not isinstance(raw.get("op"), str):
        raise BadRequest("`op` must be a text.")
    if not isinstance(raw.get("args", {}), dict):
        raise BadRequest("`args` must be an object.")
    foreign = next((name for name in raw if name not in ("id", "op", "args")), None)
    if foreign is not None:
        raise BadRequest(f"A request has no {foreign[:40]!r}.")


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _ID_LENGTH_MAX
    return value is None or (type(value) is int and abs(value) <= _INT_MAX)


def _line(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError(f"{text[:20]} is no number")
    return value


def _short_int(text: str) -> int:
    if len(text) > 20:
        raise ValueError("a number of too many digits")
    return int(text)
