"""Other keys for the console's commands, as `console.keys` of the configuration gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from engine import BadConfig

from .commands import KEY_NAMES, SECTIONS, Command, Danger, Keys, all_keys, rekeyed

_CHORD = re.compile(r"ctrl\+[a-z]")
_FUNCTION = re.compile(r"f([1-9]|1[0-2])")
_READLINE = frozenset(f"ctrl+{letter}" for letter in "abdkswuz")
"""Keys that hands press without looking: no act may lie there."""


def keys_from(given: Mapping[str, str]) -> Keys:
    """The keys of each command that has others; raises BadConfig with a sentence."""
    known = {c.id: c for table in SECTIONS.values() for c in table}
    keys: dict[str, tuple[str, ...]] = {}
    for name, text in given.items():
        if name not in known:
            raise BadConfig(f"console.keys: {_unknown(name, list(known))}")
        keys[name] = _keys(known[name], text)
    _must_differ(keys)
    return keys


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
    return f"there is no command {name[:40]!r}; {hint}"


def _keys(command: Command, text: str) -> tuple[str, ...]:
    keys = tuple(text.split())
    if not keys:
        raise BadConfig(f"console.keys.{command.id}: name at least one key.")
    for key in keys:
        _must_be_a_key(command, key)
    return keys


def _must_be_a_key(command: Command, key: str) -> None:
    is_printable = len(key) == 1 and key.isprintable() and key != ","
    if not (is_printable or key in KEY_NAMES or _CHORD.fullmatch(key) or _FUNCTION.fullmatch(key)):
        raise BadConfig(
            f"console.keys.{command.id}: {key[:20]!r} is no key; a key is one character, "
            "ctrl+ and a letter, f1 to f12, or a name such as pagedown."
        )
    is_rash = key in _READLINE or _FUNCTION.fullmatch(key)
    if command.danger is not Danger.VIEW and is_rash:
        raise BadConfig(
            f"console.keys.{command.id}: {key} is pressed by habit, so it may not act; "
            "choose another key."
        )


def _must_differ(keys: Keys) -> None:
    """Places of the Ukrainian layout count too: one of them must not act for another command."""
    taken: dict[str, str] = {}
    commands = [c for table in rekeyed(SECTIONS, keys).values() for c in table]
    for command in sorted(commands, key=lambda c: c.id in keys):
        for key in all_keys(command):
            other = taken.setdefault(key, command.id)
            if other != command.id:
                raise BadConfig(f"console.keys.{command.id}: {key} is already a key of {other}.")
