"""Everything drills say, as codes with arguments: one table, in English; screens have their own.

What is measured travels as a code and its arguments, so that a console can say it in the
operator's language; documents for programs hold the English of this table. A code that an older
or newer version wrote stands for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SAYINGS: dict[str, str] = {
    # why nothing can be said
    "not_well": "all was not well before",
    "befell_nothing": "the fault befell nothing",
    "no_target": "there was nothing to put it into",
    "few_reads": "readers asked only {0} times",
    "few_reads_meanwhile": "readers asked only {0} times while it was in",
    "none_compared": "no answer was held against the source",
    "over_before": "all was well before the fault was taken out",
    "not_all_run": "{0} of {1} ways of failing were run",
    "aborted": "it was aborted by {0}",
    "aborted_unnamed": "it was aborted",
    "engine_stopped": "the engine stopped",
    "itself_failed": "the drill itself failed: {0}",
    "interrupted": "it was interrupted while {0!r} was in; all of it is taken out",
    "nothing_run": "nothing of it can be run here",
    "died": "what its fault was made of died with the process",
    "evidence_removed": "{0} files of made-up evidence were removed",
    "server_ended": "the server it was done to was ended before this start",
    # what did not hold
    "no_reason": "no reason was said",
    "late": "{0} after {1} s, not {2} s",
    "not_stood": "{0} cleared while the fault was in",
    "not_healed": "not well again within {0} s",
    "healed_late": "well after {0} s, not {1} s",
    "passed": "said in time, no wider than predicted, healed, nothing left behind",
    # what readers got
    "answers_empty": "{0} answers without bars",
    "answers_silent": "{0} refusals without a ground",
    "answers_mixed": "{0} answers that mix generations",
    "answers_backward": "{0} answers from an older generation",
    "answers_wrong": "{0} answers with a wrong bar",
    "answer_slow": "a reader waited {0} s",
    # what moved beyond the blast radius
    "restarted": "{0} restarted",
    "gate_was": "the gate was {0}",
    "raised": "{0} of {1} was raised",
    "unsealed": "cells of {0} left sealed",
    "too_much": "more happened than can be watched",
    "stopped_by_reason": "stopped because {0} was raised",
    "stopped_by_gate": "stopped because the gate is {0}",
    "dead_man": "the dead man took it out after {0} s",
    # checks
    "logins": "{0} logins were tried",
    "logins_wrong": "{0} logins were tried with wrong credentials",
    "overdue_silent": "GATE_OVERDUE does not name {0}",
    "overdue_other": "GATE_OVERDUE names {0}",
    "flips_partial": "{0} flips were partial",
    "no_evidence": "nothing lies in quarantine",
    "slots_used": "{0} slots are in use, the circuit is {1}",
    "not_served": "{0} is not served",
    "not_batch": "{0} differ from batch",
    # what stayed behind
    "still_armed": "the fault {0!r} is still armed",
    "broker_in": "the broker's fault is still in",
    "overlay_evidence": "evidence of the overlay lies in quarantine",
    "server_stopped": "the server is still stopped",
    "tails_missing": "derived tails are still missing",
    "clock_set": "the clock is still set",
    "reason_stands": "{0} still stands",
    "not_well_again": "all is not well again",
    # drills over several processes
    "node_silent": "an engine of the drill said nothing",
    "node_refused": "an engine of the drill was refused: {0}",
    "node_late": "owner {0} did not get there in {1} s",
    "two_owners": "two engines own one folder",
    "token_small": "the successor's token is not greater",
    "same_name": "two boots have one name",
    "zombie_says": "the zombie says {0} only",
    "zombie_answers": "the zombie answers {0}",
    "zombie_wrote": "the zombie wrote {0}",
    "successor_says": "the successor says {0}",
    "successor_moved": "the successor's generations changed",
    "successor_restarted": "the successor's {0} restarted",
    "never_sealed": "it never came to sealing",
    "requests_made": "{0} requests for what was durable",
    "began_cold": "{0} began from nothing",
    # the time line
    "put_in": "put in: {0}",
    "taken_out": "taken out: {0}",
    "well_again": "well again",
    "gate_is": "the gate is {0}",
    "reason_said": "{0} of {1}: {2}",
    "reason_cleared": "{0} of {1} cleared",
    "second_refused": "a second engine was refused",
    "owner_stopped": "owner {0} is stopped, LOCK is removed",
    "owner_goes_on": "owner {0} goes on",
    "owner_fenced": "owner {0} says that it is fenced",
    "owner_open": "owner {0} is open",
    "killed_before": "killed before {0}",
    # the checklist
    "befell": "befell {0}",
    "quiet": "stays quiet",
    "said_in": "{0} {1} of {2} s",
    "healed_in": "{0} of {1} s",
    "reads": "{0} answers, {1} refusals, slowest {2} ms",
    # refusals, with what an operator can do
    "no_live_run": "{0} has no live run: {1}",
    "in_sandbox": "in a sandbox: coldstart-console drill run {0}",
    "env_prod": "this engine takes no live drills: env is prod",
    "live_false": "this engine takes no live drills: drills.live is false",
    "allow_word": "--allow-drills is the word for it",
    "is_running": "drill {0} is running already",
    "gate_not_open": "the gate is {0}: a drill begins when all is well",
    "nothing_here": "nothing of {0} can be run on this engine",
    "none_runs": "no drill is running",
    "no_drill": "there is no drill {0!r}; there are {1}",
    "no_drills": "this engine takes no drills",
    "bad_allow": "`allow` is {0}, or left out",
    # questions
    "asked": "drill {0} on this engine: {1}? It may touch: {2}. About {3} s; the fault is taken "
    "out in any case",
    "not_ours": "not run, for the server is not ours: {0}",
    "is_ours": "not run, for the server is ours: {0}",
    "sandbox_only": "run in a sandbox only: {0}",
    "ends": "end drill {0}? Its fault is taken out, its verdict is INCONCLUSIVE",
}
"""Clauses by code; what stands in braces are the arguments in their order."""


@dataclass(frozen=True, slots=True)
class Saying:
    """One thing said."""

    code: str
    """Of the table."""
    args: tuple[str, ...] = ()
    """What stands in the braces."""

    def __str__(self) -> str:
        """In English, a clause."""
        return filled(SAYINGS.get(self.code), self)


def saying(code: str, *args: object) -> Saying:
    """One of the table; an argument is written as it is."""
    return Saying(code, tuple(map(str, args)))


def sayings_of(raw: object) -> tuple[Saying, ...]:
    """What another process sent as such; what is none is left out."""
    found = raw if isinstance(raw, list) else []
    return tuple(
        saying(one["code"], *one["args"])
        for one in found
        if isinstance(one, Mapping)
        and isinstance(one.get("code"), str)
        and isinstance(one.get("args"), list)
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """What a verdict follows from: clauses about one way of failing, or about all of them."""

    variant: str
    """Its name; empty for the whole drill."""
    said: tuple[Saying, ...]
    """Each a clause."""

    def __str__(self) -> str:
        """In English, a sentence."""
        return sentence(self.variant, list(map(str, self.said)))


def sentences(said: Sequence[Saying]) -> str:
    """Each as a sentence, in English."""
    return " ".join(sentence("", [str(one)]) for one in said)


def grounds_of(raw: object) -> tuple[Ground, ...]:
    """The same for the grounds of a verdict."""
    found = raw if isinstance(raw, list) else []
    return tuple(
        Ground(str(one.get("variant", "")), sayings_of(one.get("said")))
        for one in found
        if isinstance(one, Mapping)
    )


def filled(clause: str | None, said: Saying) -> str:
    """A clause of some table with the arguments in it; the bare code where there is none."""
    try:
        return (clause or "").format(*said.args) or " ".join((said.code, *said.args))
    except (IndexError, KeyError, ValueError):
        return " ".join((said.code, *said.args))


def sentence(variant: str, clauses: Sequence[str]) -> str:
    """Clauses as a sentence: behind the name of their way of failing, or with a capital."""
    text = "; ".join(clauses)
    text = f"{variant}: {text}" if variant else text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else f"{text}."
