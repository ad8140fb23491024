"""The tables and the small tools of the console: signs, codes, keys, words, lines."""

from __future__ import annotations

import pytest

from console import codes, moments
from console.commands import (
    ACTS,
    EVERYWHERE,
    HOME,
    REPLAY,
    SECTIONS,
    Command,
    Danger,
    all_keys,
    footer_line,
)
from console.glyphs import STATES, in_ascii, needs_ascii
from console.lines import ALWAYS, Form, Span, boxed, cropped, differing, fitted, text_of, width_of
from console.widgets.help_rows import help_rows
from console.words import Words
from engine.acts.actions import ACTIONS
from engine.degraded import DegradedCode

WORDS = Words()


def test_every_reason_code_has_a_short_form_of_its_own() -> None:
    """Six columns, and no two codes that look the same."""
    short = [codes.short(code) for code in DegradedCode]

    assert len(DegradedCode) == len(set(short))
    assert codes.WIDTH == max(map(len, short))


def test_no_two_states_share_a_sign() -> None:
    """Without colour the sign is all there is."""
    assert 8 == len({glyph.sign for glyph in STATES.values()})
    assert 8 == len({glyph.ascii for glyph in STATES.values()})
    assert "#~dpo!X.?" == in_ascii("●◔◑◕◌▲✖·ї")


@pytest.mark.parametrize(
    ("encoding", "terminal", "ascii_only"),
    [
        ("utf-8", "xterm", False),
        ("UTF-8", None, False),
        ("utf-8", "linux", True),
        ("ISO-8859-1", "xterm", True),
        (None, "xterm", True),
    ],
)
def test_ascii_is_automatic(encoding: str | None, terminal: str | None, ascii_only: bool) -> None:
    """The kernel console and old locales cannot draw the signs."""
    assert ascii_only == needs_ascii(encoding, terminal)


def test_the_footer_names_only_keys_that_work() -> None:
    """A key that is shown and does nothing is a lie."""
    assert " ?help :cmd /filter r restart b rebuild f drill l logs t time d detach" == text_of(
        footer_line(WORDS, SECTIONS, 80)
    )


def test_a_narrow_footer_keeps_whole_keys_and_the_way_out() -> None:
    """`t ti…` says nothing, and whoever cannot leave pulls the plug."""
    rows = {
        width: text_of(footer_line(WORDS, SECTIONS, width)) for width in (20, 40, 60, 69, 70, 80)
    }

    assert " ?help :cmd d detach" == rows[20]
    assert " ?help :cmd /filter r restart d detach" == rows[40]
    assert " ?help :cmd /filter r restart b rebuild l logs d detach" == rows[60]
    assert all(len(row) <= width for width, row in rows.items())


def test_the_footer_has_room_for_the_key_of_a_drill() -> None:
    """An engine that offers no drill has no key for it; 80 columns hold them all."""
    drill = Command("drill", ("f",), "app.act('drill')", Danger.DESTROY)
    tables = {**SECTIONS, "acts": (*ACTS, drill)}

    assert " ?help :cmd /filter r restart b rebuild f drill l logs t time d detach" == text_of(
        footer_line(WORDS, tables, 80)
    )
    assert 80 >= width_of(footer_line(Words("uk"), tables, 999))


def test_help_names_every_command_and_how_to_leave_the_simulation() -> None:
    """Help is made of the table; 80 columns must hold each of its rows."""
    page = [text_of(row) for row in help_rows("simulated", WORDS, SECTIONS)]

    assert {command.id for command in (*EVERYWHERE, *HOME, *REPLAY)} == WORDS.commands.keys()
    shown = {command.id for command in (*EVERYWHERE, *HOME)}
    assert all(any(WORDS.commands[name] in row for row in page) for name in shown)
    assert any("--broker replay:" in row for row in page)
    assert not any("SIMULATED" in text_of(row) for row in help_rows("fxcm", WORDS, SECTIONS))
    assert 80 >= max(map(len, page))


def test_no_act_lies_on_a_vim_or_readline_key() -> None:
    """A hand that means to scroll must not rebuild."""
    acts = [c for c in (*EVERYWHERE, *HOME) if c.danger is not Danger.VIEW]
    keys = {key for command in acts for key in all_keys(command)}

    assert {"q", "ctrl+q", "ctrl+c", *"rbaoRBfF", *"йкифщКИаА"} == keys


def test_keys_that_act_are_of_the_registry_and_as_dangerous_as_it_says() -> None:
    """A key must not ask for y where the engine wants a word."""
    assert {c.id: c.danger.value for c in ACTS}.items() <= {
        action.id: action.danger.value for action in ACTIONS.values()
    }.items()


def test_no_key_means_two_things() -> None:
    """The Ukrainian places must not collide either."""
    keys = [key for command in (*EVERYWHERE, *HOME) for key in all_keys(command)]

    assert len(keys) == len(set(keys))


def test_times_in_words() -> None:
    """Running times and ages at their edges."""
    assert "+00:12.4" == moments.elapsed(12.4)
    assert "+1:02:03" == moments.elapsed(3_723)
    assert "+00:00.0" == moments.elapsed(-5)
    assert ["59s", "1m", "59m", "1h", "23h", "1d"] == [
        moments.age(seconds) for seconds in (59, 60, 3_599, 3_600, 86_399, 86_400)
    ]
    assert "2025-07-01 00:00" == moments.stamp(1_751_328_000_000)
    assert "2025-06-30 20:00" == moments.stamp(1_751_328_000_000, moments.NEW_YORK)


def test_lines_are_cropped_with_an_ellipsis_and_wide_characters_are_kept_whole() -> None:
    """Columns are counted, not characters."""
    assert "abc…" == boxed("abcdef", 4)
    assert "ab  " == boxed("ab", 4)
    assert "日 …" == boxed("日本語", 4)
    assert "" == boxed("abc", 0)
    assert "abc…" == text_of(cropped((Span("abc"), Span("def")), 4))
    assert "ab…" == text_of(cropped((Span("abc"), Span("def")), 3))
    assert "abcdef" == text_of(cropped((Span("abc"), Span("def")), 6))


def test_the_lowest_rank_gives_way_first() -> None:
    """Shorter forms are tried before anything is lost."""
    parts = (
        (Form(1, (Span("name"),)),),
        (Form(2, (Span("long form"),)), Form(3, (Span("short"),))),
        (Form(ALWAYS, (Span("gate"),)),),
    )

    assert "name long form gate" == text_of(fitted(parts, 19, gap=" "))
    assert "long form gate" == text_of(fitted(parts, 18, gap=" "))
    assert "short gate" == text_of(fitted(parts, 13, gap=" "))
    assert "gate" == text_of(fitted(parts, 9, gap=" "))
    assert "ga…" == text_of(fitted(parts, 3, gap=" "))


def test_only_the_columns_that_differ_are_painted() -> None:
    """A changed cell must cost its own few bytes."""
    was = (Span("abc"), Span("def"), Span("ghi"))

    assert [(3, 3)] == list(differing(was, (Span("abc"), Span("DEF"), Span("ghi")), 20))
    assert [(3, 17)] == list(differing(was, (Span("abc"), Span("longer"), Span("ghi")), 20))
    assert [(9, 11)] == list(differing(was, (*was, Span("more")), 20))
    assert [(3, 17)] == list(differing(was, was[:1], 20))
    assert [] == list(differing(was, was, 20))
