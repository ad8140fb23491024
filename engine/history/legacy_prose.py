"""What an adoption found, as sentences for the log and for reasons."""

from __future__ import annotations

from collections.abc import Iterator

from uds import LegacyFault, LegacySeries
from uds.model import Bars, Coverage, SeriesKey, Symbol

from ..figures import grouped
from ..sayings import Saying, saying
from .legacy_evidence import Compared, moment


def damage(fault: LegacyFault) -> Saying:
    """What of a file is not used, and why."""
    if not fault.lines:
        return saying("file_unused", fault.path, fault.why)
    return saying("lines_unused", fault.path, fault.lines, fault.first_line, fault.why)


def oddities(series: LegacySeries) -> Iterator[str]:
    """What was put right without asking: nothing of it is lost, all of it is told."""
    if series.unordered_count:
        yield f"{series.key}: {grouped(series.unordered_count)} lines stood after a later bar."
    if series.repeated_count:
        yield (
            f"{series.key}: {grouped(series.repeated_count)} lines were repeated by a later one, "
            f"{grouped(series.differing_count)} of them with other content; the last was taken."
        )
    if series.unfinished_count:
        count = grouped(series.unfinished_count)
        yield f"{series.key}: {count} lines of unfinished bars were left out."
    if series.key.timeframe.is_derived:
        yield from (str(damage(fault)) for fault in series.faults)


def taken(symbol: Symbol, m1: Bars, covered: Coverage) -> str:
    """What was taken, and how many stretches of it are without a doubtful hole."""
    return (
        f"{symbol}: {grouped(len(m1))} M1 from {moment(m1.first_open_ms or 0)} to "
        f"{moment(m1.last_close_ms or 0)} were adopted, in {len(covered.intervals)} stretches "
        "without a doubtful hole."
    )


def comparison(key: SeriesKey, found: Compared) -> str:
    """How the old bars of a derived timeframe compare with those made of the old M1."""
    parts = [f"{grouped(found.same)} bars of the old files equal those made of their M1"]
    counts = (
        (found.differing, f"differ, the first {found.first}"),
        (found.off_grid, "open where no bucket of ours does"),
        (found.unmade, "are not made, for want of final M1"),
        (found.unknown, "are made that the old files do not have"),
    )
    parts += [f"{grouped(count)} {what}" for count, what in counts if count]
    return f"{key}: {', '.join(parts)}."
