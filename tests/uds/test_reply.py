"""What Redis answers is hostile until parsed: either it has a meaning or it is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uds.errors import CacheRegressed, Fenced
from uds.model import Generation
from uds.ports import Pointer
from uds.reply import obey, pointer_in, word_in

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


def test_a_pointer_is_read_as_it_was_written() -> None:
    """With and without one before it."""
    assert Pointer(Generation(42, 3), 7, None) == pointer_in([b"00000042-0003", b"7", b""])
    assert Pointer(Generation(42, 3), 0, Generation(41, 1)) == pointer_in(
        [b"00000042-0003", b"0", b"00000041-0001"]
    )
    assert pointer_in([None, None, None]) is None


@pytest.mark.parametrize("seq", [None, b"", b"-1", b"+1", b" 1", b"1_0", b"1" * 16, b"1e3", 1])
def test_a_number_is_digits(seq: object) -> None:
    """Python reads more spellings than the server compares."""
    with pytest.raises(ValueError, match="not a number of extensions"):
        pointer_in([b"00000042-0003", seq, b""])


@given(st.lists(ANYTHING, max_size=5) | st.tuples(st.binary(), st.binary(), ANYTHING))
def test_anything_else_is_refused_as_one(parts: list[object]) -> None:
    """One kind of error, which the caller names and heals."""
    with contextlib.suppress(ValueError):
        found = pointer_in(parts)
        assert found is None or Pointer is type(found)


@given(ANYTHING)
def test_a_word_is_short_and_fit_for_the_screen(reply: object) -> None:
    """It goes into a sentence that an operator reads."""
    word = word_in(reply)

    assert word.isprintable()
    assert 60 >= len(word)


@pytest.mark.parametrize("words", [["OK", "UNCLAIMED", "FENCED"], ["FENCED", "OK", "UNCLAIMED"]])
def test_the_gravest_word_is_obeyed(words: list[str]) -> None:
    """In whichever order the symbols were asked."""
    with pytest.raises(Fenced):
        obey(words, "check", "memory")
    with pytest.raises(CacheRegressed, match="Could not check memory: it answered UNCLAIMED"):
        obey([word for word in words if word != "FENCED"], "check", "memory")
    obey(["OK", "OK"], "check", "memory")
    obey([], "check", "memory")
