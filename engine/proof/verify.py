"""Proves a data folder, or says what in it is wrong: `coldstart-console verify`.

Theory of operation. Each symbol is pinned at its newest commit that proves itself, and then
everything that can be checked is: each commit and manifest, each file of bars down to the line,
each bar's place on the grid, M3 to H4 against what the stored M1 make of themselves, digests,
the state file, and the tails in Redis. Nothing is written and no lock is taken.

An engine may run meanwhile: bars are appended between two reads, files of a replaced
generation are collected. What a first look accuses is therefore looked at again, and only what
two looks at one generation agree in is a fault.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from uds import StateChecked, Vanished, View, check_state, foreign_names, open_view
from uds.model import SeriesKey

from ..clock import Clock
from ..config import Config
from ..errors import EngineError
from ..first_look import settled
from ..sources import markets
from .served_proof import ServedProof
from .verify_bars import Hear
from .verify_report import Checked, Fault, SymbolVerified, VerifyReport
from .verify_symbol import SymbolLook

_LOOKS_MAX = 4
_AGAIN_AFTER_S = 0.3
_NAMES_MAX = 5


class NothingStored(EngineError):
    """The data folder holds nothing that could be verified."""


async def verify_folder(config: Config, clock: Clock, hear: Hear) -> VerifyReport:
    """Verify the configured folder, beside a running engine or without one.

    Raises FolderUnreadable, DiskFailed, NothingStored.
    """
    redis = config.redis
    async with open_view(config.data_root, redis.url, redis.namespace) as view:
        return await verify(view, await settled(config), clock, hear)


async def verify(view: View, config: Config, clock: Clock, hear: Hear) -> VerifyReport:
    """Verify every configured symbol of a folder; raises DiskFailed, NothingStored."""
    served = ServedProof(view, config.redis.tail_bars)
    found: list[SymbolVerified] = []
    for market in markets(config).values():
        look = SymbolLook(view.folder, config, market, served, hear)
        found.append(await _persistent(look, clock))
    if not any(one.generation or one.faults for one in found):
        raise NothingStored(await _why_nothing(view, config))
    state = await _persistent_state(view, clock)
    checked = Checked(state=state.files)
    for one in found:
        checked.add(one.checked)
    differs = any(fault.check == "tail" for one in found for fault in one.faults)
    return VerifyReport(
        str(config.data_root),
        tuple(found),
        checked,
        tuple(Fault.of(flaw) for flaw in state.flaws),
        tuple([note async for note in _folder_notes(view, config, state)]),
        served.verdict(differs=differs),
    )


async def _persistent(look: SymbolLook, clock: Clock) -> SymbolVerified:
    """Look until nothing is wrong, or until the same is wrong twice; raises Vanished."""
    before: SymbolVerified | None = None
    for attempt in range(1, _LOOKS_MAX + 1):
        try:
            found = await look.run()
        except Vanished:
            if attempt == _LOOKS_MAX:
                raise
        else:
            if not found.faults or (
                before and (before.generation, before.faults) == (found.generation, found.faults)
            ):
                return found
            before = found
        await clock.sleep(_AGAIN_AFTER_S)
    assert before is not None, "a last look that vanished is raised"
    return before


async def _persistent_state(view: View, clock: Clock) -> StateChecked:
    """The state files; what seems wrong in the middle of a replacement is looked at again."""
    found = await check_state(view.folder)
    if found.flaws:
        await clock.sleep(_AGAIN_AFTER_S)
        found = await check_state(view.folder)
    return found


async def _why_nothing(view: View, config: Config) -> str:
    root = config.data_root
    for symbol in config.symbols:
        for timeframe in config.timeframes:
            if await view.folder.legacy_parts(SeriesKey(symbol, timeframe)):
                return (
                    f"The data folder {root} holds files of the platform of before, and no "
                    "generation yet: start the engine once, which adopts them."
                )
    return (
        f"Nothing of the configured symbols is stored in {root}: choose another folder with "
        "--data, or start the engine once."
    )


async def _folder_notes(view: View, config: Config, state: StateChecked) -> AsyncIterator[str]:
    """A spare that is bad, and what lies in the folder but was written by no engine."""
    if state.is_spare_bad:
        yield "The state file before the last cannot be used; the next checkpoint replaces it."
    for folder, names in await foreign_names(view.folder.disk, config.symbols):
        more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
        listed = ", ".join(names[:_NAMES_MAX]) + more
        where = f"in {folder}" if folder else "at the top of the folder"
        yield f"Not ours, or of a symbol that is not configured, {where}: {listed}."
