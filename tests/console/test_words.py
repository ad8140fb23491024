"""The language file: both languages say everything, with the same figures, and nothing is dead."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import console
from console.commands import SECTIONS
from console.glyphs import STATES
from console.lines import text_of
from console.metric import Metric
from console.offers import offer_of
from console.pages import Page
from console.widgets.help_rows import help_rows
from console.words import LANGUAGE_FILE, LANGUAGES, Words, language_of, plural_form
from engine.acts.action import Danger
from engine.acts.actions import ACTIONS
from engine.control.operations import action_document
from engine.degraded import MEANINGS, DegradedCode, DegradedReason, Severity
from engine.drills.cards import catalogue_of
from engine.drills.catalog import catalog_document
from engine.drills.grounds import Ground
from engine.drills.shape import STEPS, DrillPhase, Place, StepState, Verdict
from engine.events import ReasonRaised, ReasonRevised
from engine.gate import GateState
from engine.refusals import refusal
from engine.replica import status_json, status_of
from engine.sayings import SAYINGS, saying
from engine.status import Mode, Phase, ProcessState

from . import scenes

FLOOR = Path(console.__file__).parent
SAME_IN_BOTH = {
    "as_it_is",
    "nothing",
    "utc",
    "position",
    "chip_filter",
    "process_moved",
    "time",
    "count",
    *("drill_moves", "drill_ended"),
}
"""Sentences without a word."""
OFFERS = [offer_of(action_document(action)) for action in ACTIONS.values()]
_CYRILLIC = re.compile("[а-яіїєґ]", re.IGNORECASE)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"stands twice: {sorted(keys)}"
    return dict(pairs)


FILE = json.loads(LANGUAGE_FILE.read_text("utf-8"), object_pairs_hook=_unique)


def _rows() -> Iterator[tuple[str, dict[str, str]]]:
    """Every text of the file by its id."""
    yield from FILE["sentences"].items()
    yield from FILE["hints"].items()
    yield from FILE["drills"].items()
    yield from FILE["sayings"].items()
    for group in FILE["names"].values():
        yield from group.items()
    for list_id, texts in FILE["lists"].items():
        for at, row in enumerate(zip(*(texts[language] for language in LANGUAGES), strict=True)):
            yield f"{list_id} {at}", dict(zip(LANGUAGES, row, strict=True))


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_say_it_with_the_same_figures() -> None:
    """A sentence that lacks a figure in one language lies in that language."""
    for row_id, row in _rows():
        assert set(LANGUAGES) == row.keys(), row_id
        assert all(text.strip() for text in row.values()), row_id
        assert _placeholders(row["en"]) == _placeholders(row["uk"]), row_id
        assert not _CYRILLIC.search(row["en"]) or row_id == "help_layout", row_id
        assert _CYRILLIC.search(row["uk"]) or row_id in SAME_IN_BOTH, row_id
        assert "'" not in row["uk"], row_id


def _words_used() -> Iterator[tuple[str, str, set[str] | None, str | None]]:
    """(where, attribute, names given to its `format`, literal key) wherever words are used."""
    for path in sorted(FLOOR.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        outer = {id(inner): node for node in ast.walk(tree) for inner in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and _is_words(node.value):
                above = outer[id(node)]
                yield path.name, node.attr, _given(above, outer), _key(above)


def _is_words(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return name in ("words", "_words")


def _given(node: ast.AST, outer: dict[int, ast.AST]) -> set[str] | None:
    call = outer.get(id(node))
    if isinstance(node, ast.Attribute) and node.attr == "format" and isinstance(call, ast.Call):
        return {keyword.arg for keyword in call.keywords if keyword.arg}
    return None


def _key(node: ast.AST) -> str | None:
    is_literal = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
    return str(node.slice.value) if is_literal else None  # type: ignore[attr-defined]


def test_every_sentence_that_is_asked_for_is_there_and_gets_its_figures() -> None:
    """A missing id would end the screen in the one situation that needs the sentence."""
    words = Words()
    used = set()
    for where, attribute, given, key in _words_used():
        found = getattr(words, attribute)
        used.add(attribute)
        if given is not None and isinstance(found, str):
            assert _placeholders(found) == given, f"{attribute} in {where}"
        if key is not None:
            assert key in FILE["names"][attribute], f"{attribute}[{key}] in {where}"

    assert [] == sorted(FILE["sentences"].keys() - used)


def test_a_sentence_that_is_not_there_is_an_error_and_not_an_empty_text() -> None:
    """Programmers break this, and must hear of it."""
    with pytest.raises(AttributeError, match=r"words\.json has no 'nonsense'"):
        _ = Words().nonsense


def test_closed_lists_are_named_in_full() -> None:
    """Each state, gate word, phase, mode, page, metric and severity has a name."""
    names = FILE["names"]

    assert {look.value for look in STATES} == names["states"].keys() == names["signs"].keys()
    assert {state.value for state in ProcessState} <= names["process_states"].keys()
    assert {state.value for state in GateState} <= names["gates"].keys()
    assert {phase.value for phase in Phase} == names["phases"].keys()
    assert {mode.value for mode in Mode} == names["modes"].keys()
    assert {severity.value for severity in Severity} == names["severities"].keys()
    assert {page.value for page in Page} == names["pages"].keys()
    assert {metric.value for metric in Metric} == names["metrics"].keys()
    assert ACTIONS.keys() == names["acts"].keys()
    assert {danger.value for danger in Danger} == names["dangers"].keys()
    assert {verdict.value for verdict in Verdict} == names["verdicts"].keys()
    assert {phase.value for phase in DrillPhase} == names["drill_phases"].keys()
    assert {state.value for state in StepState} == names["step_states"].keys()
    assert {place.value for place in Place} == names["drill_places"].keys()
    assert set(STEPS) == names["drill_steps"].keys()


def test_every_hint_is_translated_from_the_words_the_engine_uses_now() -> None:
    """A hint that was changed in the engine must be looked at in the other language too."""
    hints = {code.value: meaning.hint for code, meaning in MEANINGS.items()}

    assert hints == {code: row["en"] for code, row in FILE["hints"].items()}


def test_the_catalogue_of_drills_is_translated_from_the_words_the_engine_uses_now() -> None:
    """A hypothesis that was changed in the engine must be looked at in the other language too."""
    catalogue = catalogue_of(catalog_document())
    said = {*catalogue.stops, *catalogue.invariants}
    for card in catalogue.drills:
        said |= {card.title, card.hypothesis, card.seam, card.blast_radius, card.recovery}
        said |= {card.live} - {""}

    assert said == {row["en"] for row in FILE["drills"].values()}
    assert "запити не вдаються" == Words("uk").drill_text("fetches fail")
    assert "a drill of tomorrow" == Words("uk").drill_text("a drill of tomorrow")


def test_what_the_engine_says_is_translated_from_the_words_it_uses_now() -> None:
    """A verdict in another language than the rest of the screen is read twice, or not at all."""
    assert SAYINGS == {code: row["en"] for code, row in FILE["sayings"].items()}

    words = Words("uk")
    grounds = (Ground("killed", (saying("no_reason"), saying("restarted", "ui"))),)
    assert "killed: жодної причини не названо; перезапустився ui." == words.grounds(grounds, "")
    assert "killed: no reason was said; ui restarted." == Words("en").grounds(grounds, "")
    assert "Said by an older engine." == words.grounds((), "Said by an older engine.")
    asked = (saying("asked", "F9", "error", "fetches fail", "7"), saying("is_ours", "refused"))
    assert "Навчання F9 на цьому рушії: error? Можуть зачепити: запити не вдаються." in words.asked(
        asked, ""
    )
    assert "з’явилося GAP у M1" == words.clause(saying("raised", "GAP", "M1"))
    assert "tomorrow 7" == words.clause(saying("tomorrow", 7))


def test_an_act_is_asked_told_and_refused_in_the_operators_language() -> None:
    """Whoever reads only half of a question answers it by habit."""
    words = Words("uk")
    anew = saying("made_anew_many", "6", "4 320")

    assert (
        "Перебудувати XAU/USD, USD/JPY? Буде отримано заново M1: 4 320, виведено таймфреймів: 6; "
        "до перемикання читачі мають те, що й зараз."
    ) == words.asked((saying("rebuild", "XAU/USD, USD/JPY"), anew), "")
    assert "ui перезапускається." == words.asked((saying("restarting", "ui"),), "")
    refused = refusal(saying("looks_only"), saying("how_to_arm"), code="not_armed")
    assert "Це з’єднання лише дивиться: спершу дозвольте дії." == words.refused(refused)
    assert "Said by an older engine." == words.asked((), "Said by an older engine.")


def test_a_name_that_a_newer_engine_added_stands_for_itself() -> None:
    """An old console must not end because it attached to a new engine."""
    assert "hibernating" == Words("uk").process_states["hibernating"]


def test_hints_and_counts_are_in_the_language() -> None:
    """The operator reads what to do in their own words; codes stay as they are in the log."""
    reason = DegradedReason(DegradedCode.GAP, None, 0, "3 bars")

    assert MEANINGS[DegradedCode.GAP].hint == Words("en").hint(reason)
    assert Words("uk").hint(reason).startswith("Дірку буде отримано знову")
    assert "1 restart" == Words("en").restarts(1)
    assert "4 320" == Words("uk").bars(4_320)


@pytest.mark.parametrize(
    ("form", "counts"),
    [
        ("one", (1, 21, 31, 101, 121, 1_001)),
        ("few", (2, 3, 4, 22, 24, 102, 1_034)),
        ("many", (0, 5, 9, 10, 11, 12, 13, 14, 19, 20, 25, 100, 111, 112, 114, 211, 1_011)),
    ],
)
def test_ukrainian_counts_in_three_forms(form: str, counts: tuple[int, ...]) -> None:
    """1 рестарт, 2 рестарти, 5 рестартів; 11 to 14 are many and 21 is one again."""
    assert {form} == {plural_form("uk", count) for count in counts}


def test_every_counted_noun_has_each_form_of_its_language() -> None:
    """The fourth form of a noun would be found missing at the fifth restart."""
    for noun, forms in FILE["plurals"].items():
        assert {"one", "other"} == forms["en"].keys(), noun
        assert {"one", "few", "many"} == forms["uk"].keys(), noun
        assert all({"count"} == _placeholders(t) for one in forms.values() for t in one.values())


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LC_ALL": "uk_UA.UTF-8", "LANG": "en_US.UTF-8"}, "uk"),
        ({"LC_ALL": "C", "LANG": "uk_UA.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "uk_UA", "LANG": "en_US"}, "uk"),
        ({"LANG": "uk"}, "uk"),
        ({"LANG": "uk.UTF-8"}, "uk"),
        ({"LANG": "ukx_XX.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_locale_chooses_the_language(environ: dict[str, str], language: str) -> None:
    """LC_ALL wins over LC_MESSAGES, which wins over LANG; what is empty is not set."""
    assert language == language_of(environ)


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_fits_eighty_columns(language: str) -> None:
    """A help page that is cut helps half."""
    page = [text_of(row) for row in help_rows("simulated", Words(language), SECTIONS, OFFERS)]

    assert 80 >= max(map(cell_len, page)), max(page, key=cell_len)


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("serving 503", "віддає 503"),
        ("then 0.5s", "далі 0.5s"),
        ("2 ticks lost", "тіків утрачено: 2"),
        ("D1 3/13", "D1 3/13"),
        ("{0} {x}", "{0} {x}"),
    ],
)
def test_the_words_beside_a_process_are_said_in_the_operators_language(
    detail: str, told: str
) -> None:
    """What is not listed, figures above all, stands as it is."""
    assert told == Words("uk").process_detail(detail)
    assert detail == Words("en").process_detail(detail)


def test_a_reason_keeps_its_codes_beside_its_words_and_over_the_wire() -> None:
    """What is revised, raised again or read by another process is told in both."""
    first, second = saying("depth_short", 22, 300), saying("depth_short", 80, 300)
    place = DegradedCode.DEPTH_SHORT, "NGAS"
    told = ReasonRaised.told(*place, first), ReasonRevised.told(*place, second)
    now = scenes.played(scenes.cold(), *told, at_ms=scenes.OPENED_MS)
    (reason,) = status_of(status_json(now)).reasons

    assert ("80 of 300 H4 are stored; older M1 are fetched.", (second,)) == (
        reason.detail,
        reason.said,
    )
    assert "Збережено 80 з 300 H4; старіші M1 надходять." == Words("uk").detail(reason)
    assert reason.detail == Words("en").detail(reason)


def test_a_detail_with_a_code_of_tomorrow_is_read_in_english() -> None:
    """A newer engine sends the sentence too: the bare code and its figures would say less."""
    english = "The moon rose 3 times. Attempt 2 in 0.1 s."
    said = saying("moonrise", 3), saying("attempt_due", 2, "0.1")

    assert english == Words("uk").told(said, english)
