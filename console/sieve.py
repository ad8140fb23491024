"""What an operator wants to see: a filter as it is typed, and faults only.

A filter is words; all of them must hold. `xau` is a part of a name or a line, `m5` a timeframe,
`state:degraded` a state, `a|b` either of two, and `!` before any of them means not. In the grid
a row is shown when its symbol passes and one of its cells has the state asked for, and a column
when its timeframe passes; nothing else is hidden, so that what is left can still be compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from uds.model import Symbol, Timeframe

_STATE_PREFIXES = ("state:", "level:")


class Term(NamedTuple):
    """One word of a filter."""

    any_of: tuple[str, ...]
    """Folded to one case; one of them is enough."""
    is_state: bool = False
    """Whether it asks for a state and not for a text."""
    is_inverse: bool = False
    """Whether it must not hold."""

    def holds(self, text: str, states: Collection[str]) -> bool:
        """Whether a line of this text in these states is wanted."""
        if self.is_state:
            found = any(state.startswith(word) for state in states for word in self.any_of)
        else:
            found = any(word in text for word in self.any_of)
        return found is not self.is_inverse

    @property
    def timeframes(self) -> frozenset[Timeframe]:
        """The timeframes it names; empty when it is about something else."""
        members = Timeframe.__members__
        names = [word.upper() for word in self.any_of]
        is_about = not self.is_state and all(name in members for name in names)
        return frozenset(members[name] for name in names) if is_about else frozenset()


class Sieve(NamedTuple):
    """A filter that was read."""

    text: str = ""
    """As it was typed."""
    terms: tuple[Term, ...] = ()
    """Its words."""
    faults_only: bool = False
    """Whether what is well is hidden too."""

    @property
    def is_open(self) -> bool:
        """Whether everything passes."""
        return not self.terms and not self.faults_only

    def passes(self, folded: str, states: Collection[str] = (), is_fault: bool = False) -> bool:
        """Whether a line is shown; its text folded to one case."""
        if self.faults_only and not is_fault:
            return False
        return all(term.holds(folded, states) for term in self.terms)

    def columns(self, timeframes: Iterable[Timeframe]) -> tuple[Timeframe, ...]:
        """The timeframes that are shown."""
        terms = [term for term in self.terms if term.timeframes]
        return tuple(
            timeframe
            for timeframe in timeframes
            if all((timeframe in term.timeframes) is not term.is_inverse for term in terms)
        )

    def shows_row(self, symbol: Symbol, states: Collection[str], is_fault: bool) -> bool:
        """Whether a row of the grid is shown; `states` are those of the cells that are."""
        if self.faults_only and not is_fault:
            return False
        name = symbol.casefold()
        text = f"{name} {name.replace('/', '')}"
        terms = [term for term in self.terms if not term.timeframes]
        return all(term.holds(text, states) for term in terms)


def sieve_of(text: str, faults_only: bool = False) -> Sieve:
    """Read a filter; any text is one."""
    terms = (_term(word) for word in text.casefold().split())
    return Sieve(text.strip(), tuple(term for term in terms if any(term.any_of)), faults_only)


def _term(word: str) -> Term:
    is_inverse = word.startswith("!")
    word = word.removeprefix("!")
    prefix = next((prefix for prefix in _STATE_PREFIXES if word.startswith(prefix)), "")
    any_of = tuple(filter(None, word.removeprefix(prefix).split("|")))
    return Term(any_of, bool(prefix), is_inverse)
