"""Runs simulations for the command line: many and their account, or one and its story."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..evidence import keep
from ..words import Words, language_of
from .errands import fail, or_fail, show, tell
from .exits import Exit

if TYPE_CHECKING:
    from engine import Case, Outcome, Summary

    from .options import Options

_SCHEMA = 1
_NAME_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    seeds: int
    """How many runs."""
    seed: str | None
    """The one to replay; None for many."""
    file: Path | None
    """The regression file to replay; None for none."""
    strategy: str | None
    """Of which strategy; None means all."""
    is_minimising: bool
    """Whether what fails is made small and kept."""
    bars: int
    """M1 of a warm-up."""
    symbols: int
    """How many symbols."""
    workers: int
    """Processes side by side."""
    out: Path
    """Where files go."""


def simulate(options: Options, wanted: Wanted) -> Exit:
    """Run them and say what came of it."""
    words = Words(options.lang or language_of(os.environ))
    case = or_fail(lambda: _one(wanted, words))
    try:
        if case is not None:
            return _replay(options, wanted, words, case)
        return _run_many(options, wanted, words)
    except KeyboardInterrupt:
        sys.unraisablehook = _unheard
        raise


def _unheard(_: object) -> None:
    """The tasks of a virtual loop that is dropped half-way have nothing to tell anybody."""


def _one(wanted: Wanted, words: Words) -> Case | None:
    """The case to replay; ends the command when what was asked for cannot be read."""
    from engine import STRATEGIES, BadCase, case_named, read_case

    if wanted.strategy is not None and wanted.strategy not in STRATEGIES:
        known = ", ".join(STRATEGIES)
        fail(Exit.USAGE, words.sim_strategy.format(name=repr(wanted.strategy[:40]), known=known))
    try:
        if wanted.file is not None:
            return read_case(wanted.file.read_text("utf-8"))
        if wanted.seed is not None:
            return case_named(wanted.seed, wanted.strategy, wanted.symbols, wanted.bars)
    except (BadCase, OSError) as error:
        fail(Exit.USAGE, str(error))
    return None


def _replay(options: Options, wanted: Wanted, words: Words, case: Case) -> Exit:
    from engine import run_case, told

    outcome = run_case(case)
    if options.is_json:
        show(json.dumps(_outcome_document(outcome)))
    else:
        for line in told(outcome.story):
            show(line)
        show(
            words.sim_replayed.format(
                case=case.id,
                boots=outcome.boots,
                operations=outcome.operations,
                digest=outcome.digest,
            )
        )
        _say_violations(words, outcome)
    if outcome.violations and wanted.is_minimising:
        _minimise(outcome, wanted, words)
    return Exit.INTEGRITY if outcome.violations else Exit.OK


def _run_many(options: Options, wanted: Wanted, words: Words) -> Exit:
    from engine import run_set

    digests: dict[str, str] = {}
    failed: list[Outcome] = []

    def heard(outcome: Outcome) -> None:
        digests[outcome.case.id] = outcome.digest
        if outcome.violations:
            failed.append(outcome)
            if not options.is_json:
                show(f"{outcome.case.id}:")
                _say_violations(words, outcome)

    summary = run_set(
        wanted.strategy, wanted.seeds, wanted.symbols, wanted.bars, wanted.workers, heard
    )
    if options.is_json:
        show(json.dumps(_summary_document(summary, digests)))
    else:
        _say_summary(words, summary)
    if wanted.is_minimising:
        for outcome in failed:
            _minimise(outcome, wanted, words)
    return Exit.INTEGRITY if failed else Exit.OK


def _say_violations(words: Words, outcome: Outcome) -> None:
    for sentence in outcome.violations or ():
        show(f"  {words.sim_fails.format(what=sentence)}")
    if not outcome.violations:
        show(words.sim_none)


def _say_summary(words: Words, summary: Summary) -> None:
    show(words.sim_covered)
    for what, count in summary.covered().items():
        show(f"  {what:{_NAME_WIDTH}} {count:>9}")
    unseen = summary.unseen()
    if unseen:
        show(words.sim_unseen.format(what=", ".join(unseen)))
    show(words.sim_outside)
    show(
        words.sim_runs.format(
            runs=summary.runs,
            boots=summary.boots,
            operations=summary.operations,
            virtual=round(summary.virtual_s),
        )
    )
    per_s = f"{summary.boots / max(summary.cpu_s, 1e-9):.1f}"
    show(words.sim_cost.format(cpu=f"{summary.cpu_s:.1f}", per_s=per_s))
    count = len(summary.failed)
    show(words.sim_some.format(count=count) if count else words.sim_none)


def _minimise(outcome: Outcome, wanted: Wanted, words: Words) -> None:
    """Keep the smallest case that still breaks something, as a regression file."""
    from engine import case_json, minimised, run_case

    small = minimised(outcome.case, lambda case: bool(run_case(case).violations))
    name = f"{small.id.replace(':', '-').replace('.', '-')}.json"
    path = or_fail(lambda: keep(wanted.out, name, case_json(small, outcome.violations[0])))
    tell(words.sim_minimised.format(acts=len(small.acts or ()), path=path))


def _outcome_document(outcome: Outcome) -> dict[str, object]:
    return {
        "schema": _SCHEMA,
        "case": outcome.case.id,
        "violations": outcome.violations,
        "boots": outcome.boots,
        "operations": outcome.operations,
        "virtual_s": outcome.virtual_s,
        "digest": outcome.digest,
        "counts": dict(sorted(outcome.counts.items())),
        "story": outcome.story,
    }


def _summary_document(summary: Summary, digests: dict[str, str]) -> dict[str, object]:
    return {
        "schema": _SCHEMA,
        "runs": dict(sorted(summary.runs_by_strategy.items())),
        "boots": summary.boots,
        "operations": summary.operations,
        "virtual_s": round(summary.virtual_s, 3),
        "cpu_s": round(summary.cpu_s, 3),
        "violations": {one.case_id: one.violations for one in summary.failed},
        "coverage": summary.covered(),
        "unseen": summary.unseen(),
        "digests": dict(sorted(digests.items())),
    }
