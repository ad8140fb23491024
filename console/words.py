"""Every sentence the console says, in the operator's language.

`words.json` is the one language file: each sentence has an id and stands there in English and
in Ukrainian side by side; tests hold both to the same ids and the same placeholders. A
sentence is an attribute here, `words.gate`, a name of a closed list stands in a mapping,
`words.states["ready"]`, a counted noun has a method. What is not in the closed lists (process
names, reason codes, what the engine says of a failure) is shown as it is, so that an operator
finds on the screen what logs and `status --json` say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypedDict, cast

from engine import (
    ActionRefused,
    DegradedReason,
    Ground,
    ReasonRaised,
    Saying,
    filled,
    grouped,
    sentence,
    sentences,
)

LANGUAGES = ("en", "uk")
LANGUAGE_FILE = Path(__file__).with_name("words.json")
_FIGURE = re.compile(r"\d+(?:\.\d+)?")
_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class _File(TypedDict):
    """The language file; innermost always a text by language."""

    sentences: dict[str, dict[str, str]]
    plurals: dict[str, dict[str, dict[str, str]]]
    names: dict[str, dict[str, dict[str, str]]]
    lists: dict[str, dict[str, list[str]]]
    hints: dict[str, dict[str, str]]
    drills: dict[str, dict[str, str]]
    sayings: dict[str, dict[str, str]]


class Words:
    """The sentences of one language."""

    def __init__(self, language: str = "en") -> None:
        self.language = language
        """One of LANGUAGES."""
        self._sentences = _chosen(_file()["sentences"], language)
        self._hints = _chosen(_file()["hints"], language)
        self._sayings = _chosen(_file()["sayings"], language)
        self._drills = {row["en"]: row[language] for row in _file()["drills"].values()}
        self._lists = _file()["lists"]
        names = {group: _Names(_chosen(rows, language)) for group, rows in _file()["names"].items()}
        self.gates: Mapping[str, str] = names["gates"]
        self.phases: Mapping[str, str] = names["phases"]
        self.modes: Mapping[str, str] = names["modes"]
        self.broker_states: Mapping[str, str] = names["broker_states"]
        self.states: Mapping[str, str] = names["states"]
        self.process_states: Mapping[str, str] = names["process_states"]
        self._details: Mapping[str, str] = names["process_details"]
        self.severities: Mapping[str, str] = names["severities"]
        self.levels: Mapping[str, str] = names["levels"]
        self.metrics: Mapping[str, str] = names["metrics"]
        self.pages: Mapping[str, str] = names["pages"]
        self.holes: Mapping[str, str] = names["holes"]
        self.partial: Mapping[str, str] = names["partial"]
        self.promises: Mapping[str, str] = names["promises"]
        self.heads: Mapping[str, str] = names["heads"]
        self.xray: Mapping[str, str] = names["xray"]
        self.footer: Mapping[str, str] = names["footer"]
        self.commands: Mapping[str, str] = names["commands"]
        self.acts: Mapping[str, str] = names["acts"]
        self.dangers: Mapping[str, str] = names["dangers"]
        self.verdicts: Mapping[str, str] = names["verdicts"]
        self.drill_phases: Mapping[str, str] = names["drill_phases"]
        self.drill_steps: Mapping[str, str] = names["drill_steps"]
        self.drill_places: Mapping[str, str] = names["drill_places"]
        self.drill_labels: Mapping[str, str] = names["drill_labels"]
        self.step_states: Mapping[str, str] = names["step_states"]
        self.signs: Mapping[str, str] = names["signs"]
        self.sections: Mapping[str, str] = names["sections"]
        self.simulated = self._list("simulated")
        self.help_rows = self._list("help_rows")
        self.help_simulated = self._list("help_simulated")

    def __getattr__(self, sentence_id: str) -> str:
        sentences: Mapping[str, str] = self.__dict__.get("_sentences", {})
        if sentence_id not in sentences:
            raise AttributeError(f"{LANGUAGE_FILE.name} has no {sentence_id!r}")
        return sentences[sentence_id]

    def counted(self, noun: str, count: int) -> str:
        """A number with its noun in the form that the language wants."""
        forms = _file()["plurals"][noun][self.language]
        return forms[plural_form(self.language, count)].format(count=count)

    def cells(self, count: int) -> str:
        """So many cells."""
        return self.counted("cells", count)

    def restarts(self, count: int) -> str:
        """So many restarts."""
        return self.counted("restarts", count)

    def bars(self, count: int) -> str:
        """So many bars, in groups of three digits."""
        return grouped(count)

    def hint(self, reason: DegradedReason) -> str:
        """What an operator can do about a reason; the engine's own words in English."""
        if self.language == "en":
            return reason.hint
        return self._hints.get(reason.code.value, reason.hint)

    def detail(self, reason: DegradedReason | ReasonRaised) -> str:
        """What happened; the engine's own words in English, and where it sent no codes."""
        return self.told(reason.said, reason.detail)

    def told(self, said: Sequence[Saying], english: str) -> str:
        """Sentences in a row, each as it stands in the table; English where one stands in none."""
        is_known = bool(said) and all(one.code in self._sayings for one in said)
        return " ".join(map(self.clause, said)) if is_known and self.language != "en" else english

    def process_detail(self, detail: str) -> str:
        """The few words beside a process's state; those that are not listed as they are."""
        shape = _FIGURE.sub("{}", detail)
        return (
            self._details[shape].format(*_FIGURE.findall(detail))
            if shape in self._details
            else detail
        )

    def drill_text(self, text: str) -> str:
        """A sentence of the catalogue of drills; one that was changed since stands for itself."""
        return self._drills.get(text, text)

    def clause(self, said: Saying) -> str:
        """Something the engine says; what a newer one says besides stands for itself."""
        return filled(self._sayings.get(said.code), self._with_texts(said))

    def clauses(self, said: Sequence[Saying], english: str) -> str:
        """Some of it in a row; `english` is what an older engine said instead."""
        return "; ".join(map(self.clause, said)) or english

    def asked(self, said: Sequence[Saying], english: str) -> str:
        """The same as sentences, for questions, refusals and what was done."""
        return sentences(list(map(self._with_texts, said)), self._sayings) or english

    def refused(self, refusal: ActionRefused) -> str:
        """Why something is not done, without what can be done about it."""
        return self.asked(refusal.said[:1], str(refusal))

    def grounds(self, grounds: Sequence[Ground], english: str) -> str:
        """What a verdict follows from."""
        told = (sentence(one.variant, list(map(self.clause, one.said))) for one in grounds)
        return " ".join(told) or english

    def _with_texts(self, said: Saying) -> Saying:
        return Saying(said.code, tuple(map(self.drill_text, said.args)))

    def _list(self, list_id: str) -> tuple[str, ...]:
        return tuple(self._lists[list_id][self.language])


def plural_form(language: str, count: int) -> str:
    """`one` or `other` in English; `one`, `few` or `many` in Ukrainian: 1, 2–4, 5–20, 21, …"""
    if language == "en":
        return "one" if count == 1 else "other"
    tens, ones = count // 10 % 10, count % 10
    if tens == 1 or ones == 0 or ones > 4:
        return "many"
    return "one" if ones == 1 else "few"


def language_of(environ: Mapping[str, str]) -> str:
    """The language of a locale: the first of LC_ALL, LC_MESSAGES and LANG that is set decides."""
    locale = next(filter(None, map(environ.get, _LOCALE_VARIABLES)), "")
    return "uk" if locale.lower().split("_")[0].split(".")[0] == "uk" else "en"


class _Names(dict[str, str]):
    """A closed list of names; one that a newer engine added stands for itself."""

    def __missing__(self, name: str) -> str:
        return name


def _chosen(rows: Mapping[str, Mapping[str, str]], language: str) -> dict[str, str]:
    return {row_id: row[language] for row_id, row in rows.items()}


@lru_cache(maxsize=1)
def _file() -> _File:
    return cast(_File, json.loads(LANGUAGE_FILE.read_text("utf-8")))
