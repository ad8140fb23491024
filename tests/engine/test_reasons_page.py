"""The page of reasons says what the table in the code says."""

from __future__ import annotations

from engine.degraded import CLEARED_BY_HAND, WHERE, DegradedCode
from engine.reasons_page import page
from tests.engine.builders import REPOSITORY


def test_the_page_is_the_one_the_table_makes() -> None:
    """A hint corrected in one place only would send the operator the wrong way."""
    assert page() == (REPOSITORY / "docs" / "reasons.md").read_text("utf-8")


def test_every_code_has_its_row_and_a_scope_of_the_four_there_are() -> None:
    """An operator looks a code up by its name."""
    rows = [line for line in page().splitlines() if line.startswith("| `")]

    assert [f"`{code.value}`" for code in DegradedCode] == [row.split(" | ")[0][2:] for row in rows]
    assert {"platform", "cell", "symbol", "process"} == set(WHERE.values())


def test_what_being_seen_recovers_is_marked() -> None:
    """Elsewhere an acknowledgement changes nothing but the mark."""
    marked = {line.split("`")[1] for line in page().splitlines() if line.endswith("✓ |")}

    assert {code.value for code in CLEARED_BY_HAND} == marked
