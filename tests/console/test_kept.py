"""A kept answer is only given again to the same question."""

from __future__ import annotations

from console.kept import kept


def test_the_same_question_is_answered_once_and_another_one_anew() -> None:
    """A row that is drawn from an old status would be a lie that looks alive."""
    asked: list[tuple[object, ...]] = []

    @kept
    def rows(status: tuple[str, ...], width: int, gap: str = " ") -> str:
        asked.append((status, width, gap))
        return gap.join(status)[:width]

    assert "a b" == rows(("a", "b"), 9) == rows(("a", "b"), 9)
    assert 1 == len(asked)
    assert "a-b" == rows(("a", "b"), 9, gap="-")
    assert "a-" == rows(("a", "b"), 2, gap="-")
    assert "c" == rows(("c",), 2)
    assert 4 == len(asked)
