"""A store of our own in a folder of its own, driven from code that does not wait."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from engine.config import Config
from engine.sources import store_terms
from uds import Store, StoreTerms, new_boot_id, open_store
from uds.model import Bars, SeriesKey, Symbol, Timeframe

NAMESPACE = "bench"
_OPENED_MS = 1_780_000_000_000
_T = TypeVar("_T")


class Asked:
    """Runs what waits, one thing after another, on one loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()

    def __call__(self, waiting: Coroutine[object, object, _T]) -> _T:
        """What it came to."""
        return self._loop.run_until_complete(waiting)

    def close(self) -> None:
        """No more questions."""
        self._runner.close()


@contextmanager
def bench_folder() -> Iterator[tuple[Path, Asked]]:
    """An empty folder on the disk that TMPDIR names, and a loop; both gone afterwards."""
    asked = Asked()
    try:
        with tempfile.TemporaryDirectory(prefix="coldstart-bench-") as name:
            yield Path(name), asked
    finally:
        asked.close()


def terms_of(config: Config, tail_bars: int | None = None) -> StoreTerms:
    """The store's terms as the engine has them, with shorter tails when a number is given."""
    terms = store_terms(config)
    if tail_bars is None:
        return terms
    return replace(terms, tail_bars=dict.fromkeys(terms.timeframes, tail_bars))


@asynccontextmanager
async def opened(terms: StoreTerms, folder: Path) -> AsyncIterator[Store]:
    """A store that owns the folder, with an embedded server that is started by `connect`."""
    async with open_store(terms, folder, new_boot_id(), _OPENED_MS, None, NAMESPACE) as store:
        yield store


async def fill(store: Store, symbol: Symbol, series: Mapping[Timeframe, Bars]) -> None:
    """Begin a draft and make these bars durable in it, covered from first to last."""
    store.begin(symbol)
    for timeframe, bars in series.items():
        first_ms, last_ms = bars.first_open_ms, bars.last_close_ms
        assert first_ms is not None
        assert last_ms is not None
        covered = () if timeframe.is_derived else ((first_ms, last_ms),)
        await store.append(SeriesKey(symbol, timeframe), bars, covered)


async def commit_all(store: Store, bars: Mapping[Symbol, Mapping[Timeframe, Bars]]) -> None:
    """A folder as a finished start leaves it."""
    for symbol, series in bars.items():
        await fill(store, symbol, series)
        await store.commit(symbol)
