"""Planted bugs: a simulation that finds none of them looks at nothing."""

from __future__ import annotations

import pytest

from engine.simulation.case import Act, ActKind, Case
from engine.simulation.run import run_case
from engine.simulation.world import World
from uds.publishing import Publisher


def test_a_disk_that_never_syncs_loses_what_was_acknowledged() -> None:
    """Without fdatasync a power cut takes bars that readers already had."""

    def plant(world: World) -> None:
        world.leaves_out = frozenset({"append.Sync"})

    acts = (Act(9.0, ActKind.POWER_CUT, 0.0, "", 0.5),)
    found = [run_case(Case("power", seed, 2, 60, acts=acts), plant).violations for seed in range(6)]

    assert any("acknowledged bars are lost" in s for sentences in found for s in sentences)


def test_a_flip_of_what_was_not_primed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tails of a rebuild that never reached Redis must not be what readers are pointed to."""
    prime = Publisher.prime

    async def stale(self: Publisher, book: object) -> None:
        await prime(self, book)  # type: ignore[arg-type]
        if book.generation.n > 1:  # type: ignore[attr-defined]
            cache = self._cache._inner._inner  # type: ignore[attr-defined]
            live = cache.live[book.symbol].generation  # type: ignore[attr-defined]
            for symbol, generation, timeframe in list(cache.tails):
                if (symbol, generation) == (book.symbol, live):  # type: ignore[attr-defined]
                    old = cache.tails[symbol, generation, timeframe]
                    cache.tails[symbol, book.generation, timeframe] = old  # type: ignore[attr-defined]

    async def trust(self: Publisher, book: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(Publisher, "prime", stale)
    monkeypatch.setattr(Publisher, "audit", trust)
    acts = (Act(2.0, ActKind.REBUILD, 0.0, "XAU/USD"), Act(8.0, ActKind.RESTART, 0.0, "ui"))

    found = run_case(Case("nemesis", 0, 2, 60, acts=acts)).violations

    assert any("holds a bar of revision" in sentence for sentence in found)
