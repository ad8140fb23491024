"""What becomes of files between two starts: the damages of F8, done to a sandbox's own files."""

from __future__ import annotations

from pathlib import Path

from uds.model import SeriesKey, Symbol, Timeframe

_BLOCK = 512
_LONG = 2**20


def segment_of(data_root: Path, symbol: Symbol) -> Path:
    """The oldest file of a symbol's M1."""
    key = SeriesKey(symbol, Timeframe.M1)
    folder = data_root / symbol.replace("/", "_") / f"tf_{int(key.timeframe)}"
    return min(folder.iterdir())


def damage(data_root: Path, symbol: Symbol, other: Symbol, how: str) -> Path:
    """Do it to the symbol's oldest M1; `other` gives a line to one that is spliced."""
    path = segment_of(data_root, symbol)
    data = path.read_bytes()
    match how:
        case "flipped bit":
            middle = len(data) // 2
            data = data[:middle] + bytes((data[middle] ^ 4,)) + data[middle + 1 :]
        case "NULs":
            middle = len(data) // 2
            data = data[:middle] + bytes(_BLOCK) + data[middle + _BLOCK :]
        case "spliced line":
            lines = data.splitlines(keepends=True)
            foreign = segment_of(data_root, other).read_bytes().splitlines(keepends=True)
            lines[len(lines) // 2] = foreign[len(foreign) // 2]
            data = b"".join(lines)
        case "1 MB line":
            lines = data.splitlines(keepends=True)
            lines.insert(len(lines) // 2, b'{"symbol":"' + b"x" * _LONG + b'"}\n')
            data = b"".join(lines)
        case _:
            data += b'{"symbol":"XAU/USD","tf_s":60,"open_ti'
    path.write_bytes(data)
    return path
