"""Secrets taken out of what an operator hands on: known ones by value, unknown ones by form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import parse_qsl, quote, unquote, urlsplit

HIDDEN = "***"
_LEAST = 4
"""Shorter values are found by their form only: they would be found everywhere."""
_WORDS = r"(?:passwd|password|passphrase|secret|api[_-]?key|access[_-]?key|(?<!owner_)token|bearer)"
_NAMED = re.compile(_WORDS, re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/\"'<>]*@", re.IGNORECASE)
_IN_PAIR = re.compile(
    rf"(?P<name>\b[\w-]*{_WORDS}[\"']?\s*[=:]\s*[\"']?)(?!{re.escape(HIDDEN)})[^\s\"'&,;<>]+",
    re.IGNORECASE,
)
_IN_HEADER = re.compile(r"(?P<name>\b(?:bearer|basic)\s+)[A-Za-z0-9+/_.~=-]{8,}", re.IGNORECASE)


def known_secrets(address: str | None, environ: Mapping[str, str]) -> frozenset[str]:
    """Those of a server's address and of variables whose name says that they hold one."""
    found = {value for name, value in environ.items() if _NAMED.search(name)}
    for text in (address, *environ.values()):
        if text is not None and "://" in text:
            found |= set(_of_address(text))
    spelled = {form for value in found for form in (value, unquote(value))}
    return frozenset(value for value in spelled if len(value) >= _LEAST)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text with `***` in their place."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in _spellings(secret):
            text = text.replace(form, HIDDEN)
    text = _IN_ADDRESS.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _IN_HEADER.sub(rf"\g<name>{HIDDEN}", text)
    return _IN_PAIR.sub(rf"\g<name>{HIDDEN}", text)


def redacted_document(value: object, secrets: frozenset[str]) -> object:
    """The same JSON without them; figures stay, for a secret is a text."""
    match value:
        case str():
            return redacted(value, secrets)
        case dict():
            return {
                redacted(str(name), secrets): HIDDEN
                if isinstance(item, str) and item and _NAMED.search(str(name))
                else redacted_document(item, secrets)
                for name, item in value.items()
            }
        case list() | tuple():
            return [redacted_document(item, secrets) for item in value]
    return value


def redacted_lines(text: str, secrets: frozenset[str]) -> str:
    """JSON lines without them; a line that holds none stays as it is, byte for byte."""
    return "\n".join(_redacted_line(line, secrets) for line in text.split("\n"))


def _redacted_line(line: str, secrets: frozenset[str]) -> str:
    safe = redacted(line, secrets)
    if safe == line:
        return line
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return safe
    return json.dumps(redacted_document(document, secrets), separators=(",", ":"))


def _spellings(secret: str) -> Iterable[str]:
    """As it stands in prose, in JSON, in an address, and in an SVG."""
    drawn = escape(secret)
    return {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        drawn,
        drawn.replace(" ", "&#160;"),
    }


def _of_address(text: str) -> Iterable[str]:
    """User and password, and whatever its options name so."""
    try:
        parts = urlsplit(text)
        options = parse_qsl(parts.query)
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    except ValueError:
        return
    yield from (word for word in (password, user if not password else "") if word)
    yield from (value for name, value in options if _NAMED.search(name))
