"""How others write and read the same lines: standard library, orjson, polars at their best."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from .jsonl_case import Series, Variant, columns_of_rows

BY_LINE = "json, line by line"
_encode = json.JSONEncoder(separators=(",", ":")).encode
_ONE_ERROR = "one bad line loses all"


def encoders() -> list[Variant]:
    """Lines of dictionaries that stand ready."""
    found = [
        _encoder(BY_LINE, lambda one: ("\n".join(map(_encode, one.rows)) + "\n").encode()),
        _encoder("json, one list cut into lines", _encoded_list),
    ]
    orjson = installed("orjson")
    if orjson is not None:
        dumps, line = orjson.dumps, orjson.OPT_APPEND_NEWLINE
        found += [
            _encoder(
                "orjson, line by line",
                lambda one: b"".join([dumps(row, option=line) for row in one.rows]),
            ),
            _encoder(
                "orjson, one list cut into lines",
                lambda one: dumps(one.rows)[1:-1].replace(b"}},{", b"}}\n{") + b"\n",
            ),
        ]
    polars = installed("polars")
    if polars is not None:
        found.append(_polars_encoder(polars))
    return found


def decoders() -> list[Variant]:
    """Lines into dictionaries, or into the library's own table."""
    found = [
        _decoder(BY_LINE, lambda one: list(map(json.loads, one.lines.decode().splitlines()))),
        _decoder(
            "json, all lines as one list",
            lambda one: json.loads("[" + ",".join(one.lines.decode().splitlines()) + "]"),
            _ONE_ERROR,
        ),
    ]
    orjson = installed("orjson")
    if orjson is not None:
        loads = orjson.loads
        found += [
            _decoder("orjson, line by line", lambda one: list(map(loads, one.lines.splitlines()))),
            _decoder(
                "orjson, all lines as one list",
                lambda one: loads(b"[" + b",".join(one.lines.splitlines()) + b"]"),
                _ONE_ERROR,
            ),
        ]
    polars = installed("polars")
    if polars is not None:
        found.append(_polars_decoder(polars))
    return found


def installed(name: str) -> ModuleType | None:
    """A library of the group `bench`; said aloud when it is missing."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        print(f"{name} is not installed; pip install -c constraints.txt -e '.[bench]'")
        return None


def _encoder(name: str, work: Callable[[Series], bytes]) -> Variant:
    def columns(one: Series) -> dict[str, Any]:
        return columns_of_rows([json.loads(line) for line in work(one).splitlines()])

    return Variant(name, work, columns, "no checksum")


def _decoder(
    name: str, work: Callable[[Series], Sequence[Mapping[str, Any]]], more: str = ""
) -> Variant:
    note = "dictionaries, checksums not looked at" + (f"; {more}" if more else "")
    return Variant(name, work, lambda one: columns_of_rows(work(one)), note)


def _encoded_list(one: Series) -> bytes:
    # No string of ours holds a brace, so the seams between objects can be told by their text.
    return (_encode(one.rows)[1:-1].replace("}},{", "}}\n{") + "\n").encode()


def _polars_encoder(polars: ModuleType) -> Variant:
    frames: dict[Any, Any] = {}

    def frame(one: Series) -> Any:
        if one.key not in frames:
            rows = [{k: v for k, v in row.items() if k != "extensions"} for row in one.rows]
            frames[one.key] = polars.DataFrame(rows)
        return frames[one.key]

    variant = _encoder("polars, write_ndjson", lambda one: frame(one).write_ndjson().encode())
    return Variant(variant.name, variant.work, variant.columns, "no checksum, no extensions")


def _polars_decoder(polars: ModuleType) -> Variant:
    numbers = {"open_time_ms": polars.Int64, "close_time_ms": polars.Int64}
    prices = dict.fromkeys(("o", "h", "low", "c"), polars.Float64)
    words = {"complete": polars.Boolean, "src": polars.String}
    schema = {"symbol": polars.String, "tf_s": polars.Int64}
    schema |= numbers | prices | {"v": polars.Int64} | words

    def work(one: Series) -> Any:
        return polars.read_ndjson(io.BytesIO(one.lines), schema=schema)

    note = f"own table, checksums and extensions not looked at; {_ONE_ERROR}"
    return Variant("polars, read_ndjson", work, lambda one: work(one).to_dict(), note)
