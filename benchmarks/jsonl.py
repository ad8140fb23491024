"""How fast bars become JSONL and come back, and how fast the end of a long file is read.

56 160 M1 of 13 symbols through our codec, checksums and all, beside the standard library,
orjson and polars; and the newest 300 of 366 409 lines from our segments beside one long file.
Run it as `python -m benchmarks.jsonl`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from uds import bar_lines, codec

from . import jsonl_rivals, jsonl_tail
from .jsonl_case import (
    Series,
    Variant,
    columns_of_bars,
    columns_of_rows,
    is_as_published,
    is_right,
    pass_over,
    series_of,
)
from .jsonl_rivals import BY_LINE
from .session import Row, Target, Watch, print_table, run
from .turns import Step, Turns, take_turns
from .waist_case import cold_start_m1, configuration

OURS = "ours, a checksum a line"
BARE = "ours, checksums off"
_LEAST_S = 0.03


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit code."""
    return run("jsonl", "Bars to JSONL and back, and the end of a long file.", arguments, _measure)


def _measure(quick: bool) -> list[Target]:
    config = configuration()
    series = [series_of(key, bars) for key, bars in cold_start_m1(config).items()]
    wrong = [str(one.key) for one in series if not is_as_published(one)]
    if wrong:
        raise SystemExit(f"our lines are not as published: {', '.join(wrong)}")
    rounds = 3 if quick else 11
    encoded = _compared("encode", series, [*_our_encoders(), *jsonl_rivals.encoders()], rounds)
    decoded = _compared("decode", series, [*_our_decoders(), *jsonl_rivals.decoders()], rounds)
    return [
        *_targets("encode", encoded),
        *_targets("decode", decoded),
        *jsonl_tail.measure(config, rounds, with_parsing=not quick),
    ]


def _our_encoders() -> list[Variant]:
    def checked(one: Series) -> bytes:
        return codec.encode_lines(one.key, one.bars, one.seed)

    def blank(one: Series) -> bytes:
        return bar_lines.blank_lines(one.key, one.bars)

    def columns(one: Series) -> dict[str, Any]:
        return columns_of_bars(codec.decode_segment(one.key, one.header + checked(one)).bars)

    def rows(one: Series) -> dict[str, Any]:
        return columns_of_rows([json.loads(line) for line in blank(one).splitlines()])

    return [
        Variant(OURS, checked, columns, "from columns"),
        Variant(BARE, blank, rows, "from columns; left blank, for this table only"),
    ]


def _our_decoders() -> list[Variant]:
    def checked(one: Series) -> codec.Decoded:
        return codec.decode_segment(one.key, one.segment)

    def proved(one: Series) -> codec.Decoded:
        return codec.decode_segment(one.key, one.segment, is_proved=True)

    return [
        Variant(OURS, checked, lambda one: columns_of_bars(checked(one).bars), "checked columns"),
        Variant(
            BARE,
            proved,
            lambda one: columns_of_bars(proved(one).bars),
            "checked columns; the file as a whole was proved before",
        ),
    ]


def _compared(
    doing: str, series: Sequence[Series], variants: Sequence[Variant], rounds: int
) -> Turns:
    """Hold every answer against the bars, then time all in turn."""
    for variant in variants:
        wrong = [str(one.key) for one in series if not is_right(variant, one)]
        if wrong:
            raise SystemExit(f"{doing}, {variant.name}: wrong bars of {', '.join(wrong)}")
    lines = sum(len(one.bars) for one in series)
    watch = Watch()
    steps = {variant.name: Step(pass_over(variant, series)) for variant in variants}
    turns = take_turns(steps, rounds, _LEAST_S)
    heading = watch.heading(f"{doing} {lines:,} lines of {len(series)} series, {rounds} rounds")
    rows = [Row(v.name, turns.pass_s(v.name), turns.ratio(v.name, OURS), v.note) for v in variants]
    print_table(heading, rows, "x ours", {"M lines/s": lines / 1e6})
    return turns


def _targets(doing: str, turns: Turns) -> list[Target]:
    checked, bare = turns.ratio(BY_LINE, OURS), turns.ratio(BY_LINE, BARE)
    return [
        Target(f"{doing}: json by lines / ours, a checksum a line", checked, 4, is_least=True),
        Target(f"{doing}: json by lines / ours, checksums off", bare, 7, is_least=True),
    ]


if __name__ == "__main__":
    sys.exit(main())
