"""How a benchmark of the waist begins and ends: a quiet machine or a label, and its targets."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .machine import (
    OTHER_LOAD_MAX,
    Usage,
    description,
    in_words,
    load_before,
    other_load,
    settle_allocator,
)

REFUSED = 5
_NAME_WIDTH = 58


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    name: str
    """What was timed."""
    pass_s: float
    """Median time of one pass."""
    ratio: float | None = None
    """Median over the rounds of its time as a multiple of the yardstick's; None without one."""
    note: str = ""
    """What the two numbers do not say."""


@dataclass(frozen=True, slots=True)
class Target:
    """What we mean to reach."""

    sentence: str
    """What of what, in words."""
    found: float
    """What came out."""
    limit: float
    """What it is held against."""
    unit: str = "x"
    """Of both."""
    is_least: bool = False
    """Whether more is better."""

    @property
    def is_reached(self) -> bool:
        """Whether it is on the right side of the limit."""
        return self.found >= self.limit if self.is_least else self.found <= self.limit


def run(
    name: str,
    sentence: str,
    arguments: Sequence[str] | None,
    measure: Callable[[bool], Sequence[Target]],
) -> int:
    """Read the arguments, watch the machine, measure (given whether quickly), judge; exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=sentence)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no long histories")
    parser.add_argument("--force", action="store_true", help="run beside other load, and say so")
    chosen = parser.parse_args(arguments)
    load = load_before(watch_s=1 if chosen.quick else 5)
    is_quiet = load is not None and load <= OTHER_LOAD_MAX
    if not is_quiet and not chosen.force:
        print(
            f"Refused: other load on this machine is {in_words(load)}, the limit is "
            f"{OTHER_LOAD_MAX:.0%}. Wait, or label the run with --force.",
            file=sys.stderr,
        )
        return REFUSED
    print(f"{name}; {description()}")
    print(f"other load before: {in_words(load)}{'' if is_quiet else '   NOT QUIET, forced'}")
    settle_allocator()
    targets = measure(chosen.quick)
    _print_targets(targets)
    return 0


class Watch:
    """The other load while one table is measured; a server child of ours is no other."""

    def __init__(self, child: int | None = None) -> None:
        self._child = child
        self._since = self._usage()

    def heading(self, title: str) -> str:
        """The title of a table with the load since this was made."""
        load = other_load(self._since, self._usage())
        loud = "" if load is not None and load <= OTHER_LOAD_MAX else "   NOT QUIET"
        return f"\n{title}, other load meanwhile {in_words(load)}{loud}"

    def _usage(self) -> Usage | None:
        found = Usage.now()
        if found is None or self._child is None:
            return found
        words = Path(f"/proc/{self._child}/stat").read_text().rpartition(")")[2].split()
        ticks = sum(int(word) for word in words[11:13])
        return replace(found, own_s=found.own_s + ticks / os.sysconf("SC_CLK_TCK"))


def print_table(
    heading: str, rows: Sequence[Row], yardstick: str, speeds: Mapping[str, float] | None = None
) -> None:
    """`yardstick` names the column of ratios, `speeds` how many units of what a pass works off."""
    speeds = speeds or {}
    print(heading)
    print(
        f"{'':{_NAME_WIDTH}}{'ms':>10}{yardstick:>10}" + "".join(f"{unit:>11}" for unit in speeds)
    )
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        more = "".join(f"{count / row.pass_s:11,.2f}" for count in speeds.values())
        line = f"{row.name:{_NAME_WIDTH}}{row.pass_s * 1e3:10.3f}{ratio:>10}{more}  {row.note}"
        print(line.rstrip())


def _print_targets(targets: Sequence[Target]) -> None:
    print(f"\n{'target':{_NAME_WIDTH}}{'found':>10}{'target':>12}")
    for one in targets:
        limit = f"{'>=' if one.is_least else '<='} {one.limit:g}"
        verdict = "reached" if one.is_reached else "MISSED"
        print(f"{one.sentence:{_NAME_WIDTH}}{one.found:10.2f}{limit:>12} {one.unit:3} {verdict}")
