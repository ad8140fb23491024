"""Secrets leave nothing of ours: known ones by value, unknown ones by form, figures untouched."""

from __future__ import annotations

import json

import pytest

from console.secrets import HIDDEN, known_secrets, redacted, redacted_document, redacted_lines

PASSWORD = "h&m <b>äö/ß%40 zwölf"
ADDRESS = "redis://reader:Tr0ub4dor%263@redis.internal:6380/0?token=q-uery9"
ENVIRONMENT = {
    "FXCM_PASSWORD": PASSWORD,
    "COLDSTART_REDIS__URL": "rediss://:envp4ss@elsewhere/1",
    "API_TOKEN": "tok-7781",
    "PATH": "/usr/bin",
    "SHORT_SECRET": "abc",
}


def test_known_ones_come_from_the_address_and_from_telling_variables() -> None:
    """And what is in no secret's place is not one; a short value would be found everywhere."""
    found = known_secrets(ADDRESS, ENVIRONMENT)

    assert {"Tr0ub4dor%263", "Tr0ub4dor&3", "q-uery9", "envp4ss", "tok-7781", PASSWORD} <= found
    assert not found & {"abc", "/usr/bin", "redis.internal", "reader"}


@pytest.mark.parametrize("text", ["[redis://u:p", "redis://[::1", "redis://u:p@h:notaport/0"])
def test_an_address_that_is_none_is_no_trouble(text: str) -> None:
    """A bundle is made in bad moments."""
    assert known_secrets(text, {}) <= {"p"}


@pytest.mark.parametrize(
    "text",
    [
        f"login with {PASSWORD} failed",
        "login with h&amp;m &lt;b&gt;äö/ß%40 zwölf failed",
        "h%26m%20%3Cb%3E%C3%A4%C3%B6%2F%C3%9F%2540%20zw%C3%B6lf",
        "h&amp;m&#160;&lt;b&gt;äö/ß%40&#160;zwölf",
    ],
)
def test_a_known_one_is_found_however_it_is_spelled(text: str) -> None:
    """As it is, in an address, and as an SVG writes it."""
    safe = redacted(text, {PASSWORD})

    assert HIDDEN in safe
    assert "zw" not in safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://u:pass@h:1/0 is down", "redis://***@h:1/0 is down"),
        ("redis://u:p@ss@h:1/0", "redis://***@h:1/0"),
        ("password=hunter2, retry", "password=***, retry"),
        ('{"api_key": "k-1"}', '{"api_key": "***"}'),
        ("https://h/x?access_token=abc&y=1", "https://h/x?access_token=***&y=1"),
        ("Authorization: Bearer eyJhbGciOi.x", "Authorization: Bearer ***"),
        ("owner_token=42", "owner_token=42"),
        ("the secret of speed", "the secret of speed"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("XAU/USD M1 12:00:00", "XAU/USD M1 12:00:00"),
    ],
)
def test_an_unknown_one_is_found_by_its_form(text: str, expected: str) -> None:
    """And what only looks like one is left for whoever reads the bundle."""
    assert expected == redacted(text, ())
    assert expected == redacted(expected, ())


def test_a_document_keeps_its_form_and_its_figures() -> None:
    """Numbers are no secrets, and whoever reads the file needs JSON."""
    raw = {"owner_token": 1234, "n": 1234.5, "db_password": "x", "a": ["1234", None, {"1234": 1}]}

    expected = {"owner_token": 1234, "n": 1234.5, "db_password": "***"}
    assert {**expected, "a": ["***", None, {"***": 1}]} == redacted_document(
        raw, frozenset({"1234"})
    )


def test_lines_without_one_stay_byte_for_byte() -> None:
    """A record can be played after it was made safe."""
    lines = ['{"a": 1,  "b": "x"}', '{"b": "it was s3cret"}', "", '{"torn": "s3cret']
    safe = redacted_lines("\n".join(lines), frozenset({"s3cret"})).split("\n")

    assert (lines[0], {"b": "it was ***"}) == (safe[0], json.loads(safe[1]))
    assert ["", '{"torn": "***'] == safe[2:]
