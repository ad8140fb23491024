"""Drills from the shell: in sandboxes, on the running engine, their list, and their end."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..words import Words, language_of
from .acting import act
from .errands import ASK_TIMEOUT_S, fail, loaded, or_fail, run_loop, show, tell, typed
from .exits import Exit
from .options import Options
from .prose_drills import drills_prose, report_prose

if TYPE_CHECKING:
    from engine import Config, DrillFacts, DrillPhase

_ALL = "all"
_POLL_S = 0.2


def list_drills(options: Options) -> Exit:
    """The catalogue; no engine is asked."""
    from engine import catalog_document

    document = catalog_document()
    words = _words(loaded(options))
    show(json.dumps(document) if options.is_json else drills_prose(document, words))
    return Exit.OK


def run_drills(options: Options, which: str, junit_file: Path | None, *, is_live: bool) -> Exit:
    """Run one or all, and say what came of it."""
    from engine import CATALOG, junit

    config = loaded(options)
    words = _words(config)
    if which != _ALL and which not in CATALOG:
        known = ", ".join(CATALOG)
        fail(Exit.USAGE, words.drill_unknown.format(id=which, known=known))
    ids = tuple(CATALOG) if which == _ALL else (which,)
    if is_live and which == _ALL:
        ids = tuple(drill_id for drill_id in ids if CATALOG[drill_id].can_live)
    run = _run_live if is_live else _run_sandboxes
    report = run(options, config, ids, words)
    if junit_file is not None:
        _write(junit_file, junit(report), words)
    show(json.dumps(report) if options.is_json else report_prose(report, words))
    return _exit(report)


def abort_drill(options: Options) -> Exit:
    """Ask the engine to end the one that runs."""
    return act(options, "drill-abort", {})


def _exit(report: Mapping[str, Any]) -> Exit:
    verdicts = {drill["verdict"] for drill in report["drills"]}
    if "FAIL" in verdicts:
        return Exit.DRILL_FAILED
    return Exit.NOT_READY if "INCONCLUSIVE" in verdicts else Exit.OK


def _write(file: Path, data: bytes, words: Words) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        why = error.strerror or str(error)
        fail(Exit.FAILED, words.drill_unwritten.format(file=file, why=why))


def _words(config: Config) -> Words:
    return Words(config.console.lang or language_of(os.environ))


# -- sandboxes -------------------------------------------------------------------------------


def _run_sandboxes(
    options: Options, config: Config, ids: Sequence[str], words: Words
) -> dict[str, Any]:
    from engine import drill_report

    found = run_loop(_sandboxed(options, config, ids, words))
    return drill_report(found)


async def _sandboxed(
    options: Options, config: Config, ids: Sequence[str], words: Words
) -> Sequence[DrillFacts]:
    from engine import SystemClock, keep_outcome, run_sandboxes
    from uds import DiskFailed, drills_of

    files = drills_of(config.data_root)
    keeping: list[asyncio.Task[None]] = []

    def heard(drill_id: str, phase: DrillPhase, variant: str) -> None:
        if not options.is_quiet:
            said = words.drill_phases[phase.value]
            tell(words.drill_moves.format(id=drill_id, phase=said, variant=variant).rstrip())

    async def keep(facts: DrillFacts) -> None:
        try:
            await keep_outcome(files, facts.outcome(SystemClock().real_ms()), facts)
        except DiskFailed as error:
            tell(words.drill_unkept.format(why=error))

    def done(facts: DrillFacts) -> None:
        verdict = words.verdicts[facts.judged[0].value]
        if not options.is_quiet:
            tell(words.drill_ended.format(id=facts.id, verdict=verdict))
        keeping.append(asyncio.create_task(keep(facts)))

    found = await run_sandboxes(ids, heard, done)
    await asyncio.gather(*keeping)
    return found


# -- the running engine ----------------------------------------------------------------------


def _run_live(options: Options, config: Config, ids: Sequence[str], words: Words) -> dict[str, Any]:
    is_meant = len(ids) > 1 and _means_all(options, ids, words)
    from engine import sayings_of

    drills: list[Any] = []
    for drill_id in ids:
        given = {"drill": drill_id, **({"allow": "yes"} if options.allows_drills else {})}
        question = _asked(options, words, "question", {"action": "drill", "arguments": given})
        phrase = question["phrase"]
        sentence = words.asked(sayings_of(question.get("said")), question["sentence"])
        said = phrase if is_meant else options.yes_i_mean or typed(sentence, phrase)
        if said != phrase:
            fail(Exit.REFUSED, words.drill_nothing_done.format(phrase=phrase))
        args = {"action": "drill", "arguments": given, "phrase": said, "arm": True}
        _asked(options, words, "act", args)
        if not options.is_quiet:
            title = words.drill_text(question["radius"]["title"])
            tell(words.drill_begins.format(id=drill_id, title=title))
        drills += run_loop(_followed(options, config, drill_id, words))["drills"]
    return {"schema": 1, "drills": drills}


def _asked(options: Options, words: Words, op: str, args: Mapping[str, object]) -> Any:
    """What the engine answers; a refusal ends the command in the operator's language."""
    from engine import ActionRefused, call_engine

    config = loaded(options)

    def ask() -> Any:
        timeout_s = options.timeout_s or ASK_TIMEOUT_S
        try:
            return call_engine(config.data_root, op, args, path=options.socket, timeout_s=timeout_s)
        except ActionRefused as error:
            english = f"{error} {error.hint}".rstrip()
            raise ActionRefused(words.asked(error.said, english), error.code) from error

    return or_fail(ask)


def _means_all(options: Options, ids: Sequence[str], words: Words) -> bool:
    """Whether the operator wants every one of them; the command ends here on a no."""
    said = options.yes_i_mean or typed(words.drill_asked_all.format(ids=", ".join(ids)), _ALL)
    if said != _ALL:
        fail(Exit.REFUSED, words.drill_nothing_done.format(phrase=_ALL))
    return True


async def _followed(options: Options, config: Config, drill_id: str, words: Words) -> Any:
    """Watch it to its end; whoever interrupts the watching ends the drill."""
    from engine import call_engine

    def ask(op: str, args: Mapping[str, object]) -> Any:
        path = options.socket
        return or_fail(
            lambda: call_engine(config.data_root, op, args, path=path, timeout_s=ASK_TIMEOUT_S)
        )

    told: tuple[str, str] | None = None
    try:
        while True:
            found = ask("drills", {})
            drill = found["drill"]
            if not found["running"] and found["report"] is not None:
                return found["report"]
            if told != (drill["phase"], drill["variant"]) and not options.is_quiet:
                told = drill["phase"], drill["variant"]
                phase = words.drill_phases[told[0]]
                line = words.drill_moves.format(id=drill_id, phase=phase, variant=told[1])
                tell(line.rstrip())
            await asyncio.sleep(_POLL_S)
    except asyncio.CancelledError:
        ask("act", {"action": "drill-abort", "arm": True})
        raise
