"""What an engine offers to do, as its registry says it, and one such deed with its arguments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine import Saying


class Slot(NamedTuple):
    """One argument of an offer."""

    name: str
    """Its name on the wire."""
    kind: str
    """What it names: process, symbol, reason, scope, drill or a word."""
    is_many: bool = False
    """Whether it takes all words that are left."""
    is_required: bool = True
    """Whether the act cannot do without it."""


class Offer(NamedTuple):
    """One entry of the engine's registry."""

    id: str
    """Its name for keys, socket and command line."""
    danger: str
    """view, act or destroy."""
    summary: str
    """What it does, in the engine's words."""
    slots: tuple[Slot, ...] = ()
    """What it must be told, in the order in which it is typed."""

    @property
    def usage(self) -> str:
        """How it is typed: `rebuild SYMBOL…`, `acknowledge REASON [SCOPE]`."""
        return " ".join((self.id, *map(_usage, self.slots)))


class Deed(NamedTuple):
    """An act with its arguments, in the order in which they are typed."""

    action_id: str
    """The offer's."""
    words: tuple[str, ...] = ()
    """The arguments."""

    @property
    def text(self) -> str:
        """As it is typed behind the colon."""
        return shlex.join((self.action_id, *self.words))


class Asking(NamedTuple):
    """The engine's question before an act."""

    sentence: str
    """What it would touch, computed from fresh state; foreign text."""
    phrase: str | None = None
    """What must be typed; None when yes is enough."""
    command: str = ""
    """The command line that does the same."""
    said: tuple[Saying, ...] = ()
    """The sentence as codes; empty from an engine that knew none."""


class Done(NamedTuple):
    """What the engine says of an act that it did."""

    sentence: str
    """In English; foreign text."""
    said: tuple[Saying, ...] = ()
    """The same as codes; empty from an engine that knew none."""


def offer_of(document: Mapping[str, Any]) -> Offer:
    """An entry of the registry as the control socket tells it."""
    slots = (
        Slot(slot["name"], slot["kind"], slot["is_many"], slot["is_required"])
        for slot in document["arguments"]
    )
    return Offer(document["id"], document["danger"], document["summary"], tuple(slots))


def given(offer: Offer, words: Sequence[str]) -> dict[str, list[str]]:
    """The words as named arguments; a word too many goes to the last one, which says so."""
    found: dict[str, list[str]] = {}
    left = list(words)
    for at, slot in enumerate(offer.slots):
        taken = len(left) if slot.is_many or at == len(offer.slots) - 1 else 1
        if left[:taken]:
            found[slot.name] = left[:taken]
        left = left[taken:]
    return found if not left else {**found, "": left}


def _usage(slot: Slot) -> str:
    name = slot.kind.upper() + ("…" if slot.is_many else "")
    return name if slot.is_required else f"[{name}]"
