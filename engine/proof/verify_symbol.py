"""One look at one symbol: commits, bars, digests, the state file, older files, Redis."""

from __future__ import annotations

from uds import (
    BadManifest,
    FolderView,
    Pinned,
    check_agreement,
    check_commits,
    check_digests,
    check_state,
)
from uds.model import Generation

from ..config import Config
from ..plan import Market
from .served_proof import ServedProof
from .verify_bars import BarsLook, Hear
from .verify_report import Checked, Fault, SymbolVerified


class SymbolLook:
    """Looks at one symbol as often as it is asked to, each time from the start."""

    def __init__(
        self,
        folder: FolderView,
        config: Config,
        market: Market,
        served: ServedProof,
        hear: Hear,
    ) -> None:
        self._folder = folder
        self._config = config
        self._market = market
        self._served = served
        self._hear = hear

    async def run(self) -> SymbolVerified:
        """Everything that can be checked; raises Vanished when the disk moved on meanwhile."""
        symbol = self._market.symbol
        self._hear(symbol, 0.0)
        commits = await check_commits(self._folder, symbol)
        pinned = await self._folder.pin(symbol)
        checked = Checked(commits=commits.count, manifests=commits.manifests)
        stands = pinned.generation if pinned is not None else None
        faults = [Fault.of(flaw) for g, flaw in commits.flaws if stands is None or g >= stands]
        if pinned is None:
            notes = () if faults else (f"Nothing of {symbol} is stored.",)
            return SymbolVerified(symbol, None, None, checked, tuple(faults), notes)
        bars = BarsLook(pinned, self._config, self._market, checked, self._hear)
        await bars.run()
        bars.notes += [
            f"{flaw.detail} {pinned.generation.short} stands above it."
            for g, flaw in commits.flaws
            if g < pinned.generation
        ]
        await self._look_at_records(pinned, bars)
        for generation in commits.sound:
            if generation < pinned.generation:
                await self._look_at_older(generation, bars)
        sound = tuple(tf for tf in self._config.timeframes if not bars.doubts[tf].intervals)
        served = await self._served.compare(pinned, sound)
        checked.tails += served.tails
        self._hear(symbol, 1.0)
        return SymbolVerified(
            symbol,
            pinned.generation,
            bars.newest_ms,
            checked,
            (*faults, *bars.faults, *served.faults),
            (*bars.notes, *served.notes),
        )

    async def _look_at_records(self, pinned: Pinned, bars: BarsLook) -> None:
        """Digests, and the state file where it speaks of this generation."""
        saved = (await check_state(self._folder)).checkpoint
        state = None if saved is None else saved.symbols.get(pinned.symbol)
        if state is not None and state.generation != str(pinned.generation):
            bars.notes.append(
                f"The state file speaks of {state.generation} of {pinned.symbol}, not of "
                f"{pinned.generation}."
            )
            state = None
        for timeframe in self._config.timeframes:
            if bars.doubts[timeframe].intervals:
                continue
            key = bars.key(timeframe)
            flaws = () if state is None else await check_agreement(pinned, key, state)
            if not flaws:
                flaws = await check_digests(pinned, key, self._config.digits(key.symbol), state)
            bars.faults += [Fault.of(flaw) for flaw in flaws]

    async def _look_at_older(self, generation: Generation, bars: BarsLook) -> None:
        """Files that only an earlier commit names: no start reads them, some may be collected."""
        try:
            older = await self._folder.pin_at(self._market.symbol, generation)
        except BadManifest:
            return
        if older is None:
            return
        for timeframe in self._config.timeframes:
            for file in await older.files(bars.key(timeframe)):
                if file.path in bars.seen or file.record.entry is None:
                    continue
                read = await older.fetch(file)
                bars.count(read)
                if read.flaw and not read.is_missing:
                    bars.notes.append(
                        f"{file.path}: {read.flaw}; only the older {generation.short} has it."
                    )
