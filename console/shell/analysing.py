"""The command `analyze`: what recorded boots waited for; no engine is needed for it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..evidence import keep
from .errands import fail, loaded, show, tell
from .exits import Exit
from .options import Options
from .prose_analysing import blame_prose, budget_prose, chain_prose, compare_prose

if TYPE_CHECKING:
    from pathlib import Path

    from engine import Waterfall

_WHAT = ("critical-chain", "blame", "budget", "compare")


def analyze(
    options: Options, what: str, boots: tuple[str, ...], boot: str, chrome: Path | None
) -> Exit:
    """One view of one boot, of two for `compare`; with `chrome` also a file for a trace viewer."""
    if what not in _WHAT:
        fail(Exit.USAGE, f"There is no view {what!r}; there are {', '.join(_WHAT)}.")
    if boots and what != "compare":
        fail(Exit.USAGE, f"{what} is of one boot: name it with --boot.")
    if what == "compare":
        if len(boots) not in (0, 2):
            fail(Exit.USAGE, "compare takes two boots, or none for the last two.")
        a, b = (_boot(options, name) for name in boots or ("-2", "-1"))
        show(_dumped(_compare_document(a, b)) if options.is_json else compare_prose(a, b))
        _save(chrome, b)
        return Exit.OK
    found = _boot(options, boot)
    document, prose = _view(what, found)
    show(_dumped(document) if options.is_json else prose)
    _save(chrome, found)
    return Exit.OK


def _view(what: str, boot: Waterfall) -> tuple[dict[str, Any], str]:
    from engine import blame, promises, spent, spent_on_chain, waterfall_json

    whole = waterfall_json(boot)
    who = {name: whole[name] for name in _WHO}
    if what == "blame":
        found = [asdict(stage) for stage in blame(boot)]
        sums = [asdict(one) for one in spent(boot)]
        return {**who, "view": what, "stages": found, "by_name": sums}, blame_prose(boot)
    if what == "budget":
        kept = [{**asdict(one), "is_kept": one.is_kept} for one in promises(boot)]
        chain = [asdict(one) for one in spent_on_chain(boot)]
        return {**who, "view": what, "promises": kept, "on_chain": chain}, budget_prose(boot)
    return {**who, "view": what, "critical_chain": whole["critical_chain"]}, chain_prose(boot)


_WHO = ("schema", "boot_id", "owner_token", "opened_ms", "opened_gate_after_s")


def _compare_document(a: Waterfall, b: Waterfall) -> dict[str, Any]:
    from engine import compared, waterfall_json

    both = {}
    for name, boot in (("a", a), ("b", b)):
        whole = waterfall_json(boot)
        both[name] = {field: whole[field] for field in _WHO}
    changes = [{**asdict(one), "slower_s": one.slower_s} for one in compared(a, b)]
    return {"schema": 1, "view": "compare", **both, "stages": changes}


def _boot(options: Options, name: str) -> Waterfall:
    """A boot by its owner token, or counted from the last: -1, -2, …"""
    from engine import RecordUnreadable, read_boot, recorded_boots

    folder = loaded(options).data_root
    try:
        records = recorded_boots(folder)
    except OSError as error:
        fail(Exit.FAILED, f"{folder / 'boots'} cannot be read: {error.strerror or error}.")
    if not records:
        fail(Exit.FAILED, f"No boot is recorded in {folder / 'boots'}; start one with `up`.")
    try:
        number = int(name)
    except ValueError:
        fail(Exit.USAGE, f"A boot is named by its owner token, or -1 for the last, not {name!r}.")
    tokens = {path.stem: path for path in records}
    if number < 0:
        path = records[number] if -number <= len(records) else None
    else:
        path = tokens.get(f"{number:08d}")
    if path is None:
        known = ", ".join(str(int(stem)) for stem in list(tokens)[-8:] if stem.isdecimal())
        fail(Exit.USAGE, f"Boot {name} is not recorded; the newest are {known}.")
    try:
        return read_boot(path)
    except OSError as error:
        fail(Exit.FAILED, f"{path} cannot be read: {error.strerror or error}.")
    except RecordUnreadable as error:
        fail(Exit.FAILED, f"{path}: {error}")


def _save(path: Path | None, boot: Waterfall) -> None:
    from engine import chrome_trace

    if path is None:
        return
    try:
        kept = keep(path.parent, path.name, _dumped(chrome_trace(boot)) + "\n")
    except OSError as error:
        fail(Exit.FAILED, f"{path} cannot be written: {error.strerror or error}.")
    tell(f"The trace is in {kept}; a trace viewer opens it.")


def _dumped(document: dict[str, Any]) -> str:
    return json.dumps(_short(document))


def _short(value: Any) -> Any:
    """Seconds to a tenth of a millisecond."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, (list, tuple)) else value
