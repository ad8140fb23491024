"""What can be said behind the colon: the console's own commands and the engine's acts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine import Status

from .commands import Command, Tables
from .offers import Deed, Offer
from .words import Words

_TYPED = ("everywhere", "pages", "sights")


class NotUnderstood(Exception):
    """A line that is no command; the message is a sentence in the operator's language."""


class Said(NamedTuple):
    """One line that was understood; exactly one of both is there."""

    view: Command | None = None
    """A command of the console."""
    deed: Deed | None = None
    """An act of the engine; without its words where the place shall say them."""


class Speech:
    """The words an operator has in front of one engine at one moment."""

    def __init__(
        self, tables: Tables, offers: Sequence[Offer], status: Status, words: Words
    ) -> None:
        self._words = words
        self.views = {command.id: command for command in _views(tables)}
        """The console's commands that can be typed."""
        self.offers = {offer.id: offer for offer in offers}
        """The engine's acts."""
        self._status = status

    def understood(self, text: str) -> Said:
        """What a line asks for; raises NotUnderstood."""
        name, *words = text.split() or [""]
        if name in self.offers:
            offer = self.offers[name]
            deed = Deed(name, tuple(self._resolved(offer, at, w) for at, w in enumerate(words)))
            if not words and any(slot.is_required for slot in offer.slots):
                raise NotUnderstood(self._words.how_typed.format(usage=offer.usage))
            return Said(deed=deed)
        if name not in self.views:
            raise NotUnderstood(self._words.no_command.format(name=name))
        if words:
            raise NotUnderstood(self._words.no_arguments.format(name=name))
        return Said(view=self.views[name])

    def candidates(self, text: str) -> tuple[str, ...]:
        """What the last word may become, in the order of the tables."""
        *before, last = text.split(" ")
        known = self._known(before)
        return tuple(name for name in known if _folded(name).startswith(_folded(last)))

    def completed(self, text: str) -> str:
        """The line with as much of the last word as is sure; a blank follows a whole one."""
        found = self.candidates(text)
        if not found:
            return text
        head = text[: len(text) - len(text.split(" ")[-1])]
        if len(found) == 1:
            return f"{head}{found[0]} "
        first, sure = found[0], len(text) - len(head)
        while all(name[: sure + 1] == first[: sure + 1] and sure < len(name) for name in found):
            sure += 1
        return head + (first[:sure] if _shares(found, sure) else text[len(head) :])

    def _known(self, before: Sequence[str]) -> Iterable[str]:
        if not before:
            return (*self.views, *self.offers)
        offer = self.offers.get(before[0])
        kind = _kind(offer, len(before) - 1) if offer else ""
        return [name for name in _names(self._status, kind) if name not in before]

    def _resolved(self, offer: Offer, at: int, word: str) -> str:
        """The name as the engine knows it: `xauusd` is XAU/USD."""
        names = _names(self._status, _kind(offer, at))
        return next((name for name in names if _folded(name) == _folded(word)), word)


def _views(tables: Tables) -> Iterable[Command]:
    for section in _TYPED:
        yield from (c for c in tables[section] if section != "pages" or c.run.startswith("visit"))
    yield from (command for command in tables["spoken"] if command.id == "arm")


def _kind(offer: Offer, at: int) -> str:
    """What the word at a place names; empty where no word belongs."""
    if at < len(offer.slots):
        return offer.slots[at].kind
    return offer.slots[-1].kind if offer.slots and offer.slots[-1].is_many else ""


def _names(status: Status, kind: str) -> tuple[str, ...]:
    """What there is of a kind; nothing of one that cannot be known."""
    match kind:
        case "process":
            return tuple(process.name for process in status.processes)
        case "symbol":
            return status.symbols
        case "drill":
            from engine import CATALOG  # not before the first picture

            return tuple(CATALOG)
        case "reason":
            return tuple(dict.fromkeys(reason.code.value for reason in status.reasons))
        case "scope":
            return tuple(dict.fromkeys(str(r.scope or "platform") for r in status.reasons))
    return ()


def _shares(names: Sequence[str], length: int) -> bool:
    """Whether all begin with the same characters, capitals and slashes included."""
    return len({name[:length] for name in names}) == 1


def _folded(name: str) -> str:
    return name.casefold().replace("/", "")
