"""What the store acknowledged in a run, and whether the next boot finds it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from uds import Recovered, Snapshot
from uds.model import Bars, Generation, SeriesKey, Symbol, Timeframe

from .boot import Boot, Scene
from .oracles import Oracles
from .truth import revision_of

Rows = dict[int, int]
"""Volume by open: it names the revision as well."""


class Ledger:
    """The account of one run."""

    def __init__(self, oracles: Oracles, scene: Scene) -> None:
        self._oracles = oracles
        self._scene = scene
        self._acked: dict[Symbol, tuple[Generation, dict[Timeframe, Rows]]] = {}

    def witness_of(self, node: Boot) -> NodeWitness:
        """Who hears what the store of one boot acknowledges."""
        return NodeWitness(self, self._oracles, self._scene, node)

    def note_acked(
        self, symbol: Symbol, generation: Generation, rows: dict[Timeframe, Rows]
    ) -> None:
        """All of a committed generation is durable."""
        self._acked[symbol] = (generation, rows)

    def note_more(self, symbol: Symbol, bars: Mapping[Timeframe, Bars]) -> None:
        """More of it."""
        acked = self._acked.get(symbol)
        if acked is None:
            return
        for timeframe, chunk in bars.items():
            acked[1].setdefault(timeframe, {}).update(rows_of(chunk))

    def check_recovered(
        self, symbol: Symbol, recovered: Recovered, load: Callable[[SeriesKey], Bars]
    ) -> None:
        """Nothing that was acknowledged is lost."""
        acked = self._acked.get(symbol)
        if recovered.resumed is not None:
            self._oracles.counts["a page journal was resumed"] += 1
        if recovered.holes:
            self._oracles.counts["a hole was found"] += 1
        if acked is None or symbol in self._oracles.damaged:
            return
        generation, wanted = acked
        if recovered.found is None:
            is_resumed = recovered.resumed is not None and recovered.resumed > generation
            self._oracles.must(is_resumed, f"{symbol}: {generation.short} is not found any more")
            return
        if recovered.found != generation:
            self._oracles.must(
                recovered.found > generation,
                f"{symbol}: {recovered.found.short} is found where {generation.short} was durable",
            )
            return
        for timeframe, rows in wanted.items():
            found = rows_of(load(SeriesKey(symbol, timeframe)))
            resident_ms = min(found, default=0)  # older ones may have left the RAM
            lost = sorted(
                open_ms
                for open_ms, v in rows.items()
                if open_ms >= resident_ms and found.get(open_ms) != v
            )
            if lost:
                self._oracles.violated(
                    f"{symbol} {timeframe.name}: {len(lost)} acknowledged bars are lost or "
                    f"changed, the first at {lost[0]}"
                )

    def revision_after(self, who: str, loaded: list[Bars]) -> int:
        """The revision of a draft: that of what it begins with, else a new one."""
        found = {revision_of(v) for bars in loaded for v in set(bars.v.tolist())}
        if len(found) > 1:
            self._oracles.violated(
                f"{who}: a draft begins with revisions {sorted(map(str, found))}"
            )
        return next((r for r in sorted(f or 0 for f in found)), None) or self._scene.next_revision()


class NodeWitness:
    """Hears the store of one boot."""

    def __init__(self, ledger: Ledger, oracles: Oracles, scene: Scene, node: Boot) -> None:
        self._ledger = ledger
        self._oracles = oracles
        self._scene = scene
        self._node = node

    def began(self, symbol: Symbol) -> None:
        """What the broker says of the symbol from now on is of this draft's revision."""
        loaded = [self._load(SeriesKey(symbol, tf)) for tf in Timeframe]
        who = f"{self._node.view.name} {symbol}"
        self._node.revisions[symbol] = self._ledger.revision_after(who, loaded)

    def recovered(self, recovered: Recovered) -> None:
        """The disk was read."""
        if self._is_owner():
            self._ledger.check_recovered(recovered.symbol, recovered, self._load)

    def stored(self, symbol: Symbol, bars: Mapping[Timeframe, Bars]) -> None:
        """Bars are durable; those of a draft count from its commit on."""
        assert self._node.store is not None
        if self._is_owner() and not self._node.store.is_drafting(symbol):
            self._ledger.note_more(symbol, bars)

    def committed(self, symbol: Symbol, generation: Generation) -> None:
        """A generation is durable."""
        self._node.conduct.committed(symbol, generation)
        if self._is_owner():
            rows = {tf: rows_of(self._load(SeriesKey(symbol, tf))) for tf in Timeframe}
            self._ledger.note_acked(symbol, generation, rows)
            self._oracles.counts["commits"] += 1

    def served(self, symbol: Symbol, snapshot: Snapshot) -> None:
        """Readers get this."""
        self._oracles.counts["snapshots"] += 1
        self._node.conduct.served(symbol, snapshot)
        self._oracles.look_at_redis()

    def _is_owner(self) -> bool:
        return self._node.token == self._scene.newest_token()

    def _load(self, key: SeriesKey) -> Bars:
        assert self._node.store is not None
        return self._node.store.load(key)


def rows_of(bars: Bars) -> Rows:
    """Volume by open."""
    return dict(zip(bars.open_time_ms.tolist(), bars.v.tolist(), strict=True))
