"""Another data folder as what an import brings: `import --format v3 PATH`."""

from __future__ import annotations

from os.path import realpath
from pathlib import Path

from uds.model import Timeframe

from ..config import Config
from ..errors import BadImport, HistoryUnreadable
from ..plan import Market
from .data_folder import DataFolder, FolderSeries, OffAnchor
from .formats import FORMATS
from .import_report import FileRead
from .import_sources import (
    FOLDER_FORMAT,
    Arrived,
    Found,
    ImportRequest,
    SymbolFiles,
    SymbolRead,
    check,
    left,
    refused,
)

_FAR_MS = 1 << 62


async def find_folder(request: ImportRequest, config: Config) -> tuple[DataFolder, Found] | None:
    """The data folder at the path; None when files are asked for, or are what lies there.

    Raises BadImport, HistoryUnreadable, DiskFailed.
    """
    check(request, config.symbols)
    _must_be_a_name(request.path)
    is_asked_for, path = request.format == FOLDER_FORMAT, request.path
    if not is_asked_for and (request.format is not None or not path.is_dir()):
        return None
    if not path.exists():
        raise HistoryUnreadable(f"{path} cannot be read: nothing is there.")
    if not path.is_dir():
        raise BadImport(
            f"{FOLDER_FORMAT!r} is the format of a data folder, and {path.name} is a file: name "
            f"the folder, or one of {', '.join(FORMATS)} for the file."
        )
    folder = DataFolder(path)
    symbols = await folder.symbols((request.symbol,) if request.symbol else config.symbols)
    if symbols and realpath(path) == realpath(config.data_root):
        raise BadImport(f"{path} is the data folder itself: an import brings from another one.")
    if symbols:
        names = tuple(timeframe.name for timeframe in (Timeframe.M1, Timeframe.D1))
        wanted = tuple(SymbolFiles(symbol, names) for symbol in symbols)
        return folder, Found(str(path), wanted, ())
    if is_asked_for:
        raise BadImport(
            f"{path} is no data folder of a configured symbol: it has neither commits nor "
            f"part files of {', '.join((request.symbol,) if request.symbol else config.symbols)}."
        )
    return None


async def read_folder(
    folder: DataFolder, market: Market, now_ms: int, open_mode: str
) -> SymbolRead:
    """M1 and D1 of a symbol as far as they are usable; raises HistoryUnreadable, DiskFailed."""
    out = SymbolRead()
    for timeframe in (Timeframe.M1, Timeframe.D1):
        name = f"{market.symbol} {timeframe.name}"
        try:
            series = await folder.read(market, timeframe)
        except OffAnchor:
            anchors = market.anchors
            out.skipped.append(left(name, f"its days do not open at {anchors.d1} {anchors.zone}"))
            continue
        if series.open_mode not in (None, open_mode):
            why = f"its bars open in mode {series.open_mode}, those of the folder in {open_mode}"
            out.skipped.append(refused(name, why))
        elif len(series.bars):
            out.arrived.append(_settled(series, market, now_ms))
        elif timeframe is Timeframe.M1:
            out.skipped.append(refused(name, "it holds no usable bar"))
    return out


def _settled(series: FolderSeries, market: Market, now_ms: int) -> Arrived:
    """The bars that cannot change any more, and what these are proof for."""
    bars, covered = series.bars, series.covered
    kept = bars.take(bars.close_time_ms + market.settle_ms <= now_ms)
    if len(kept) < len(bars):
        covered = covered.without(kept.last_close_ms or 0, _FAR_MS)
    read = FileRead(
        f"{series.key}",
        series.key.timeframe.name,
        FOLDER_FORMAT,
        "UTC",
        series.evidence,
        len(bars) + series.dropped + series.unfinished,
        series.dropped,
        series.unfinished + len(bars) - len(kept),
        series.fault,
    )
    return Arrived(series.key.timeframe, kept, read, covered)


def _must_be_a_name(path: Path) -> None:
    """A name that no folder takes is no missing file to the system; to the operator it is."""
    try:
        path.exists()
    except OSError as error:
        raise HistoryUnreadable(f"{path} cannot be read: {error.strerror}.") from error
