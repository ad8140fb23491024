"""Runs many cases, in this process or side by side in several."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from itertools import islice

from .case import Case
from .report import Failed, Summary
from .run import Outcome, run_case
from .strategies import cases_of

_AHEAD = 4
"""Cases a worker has waiting, so that none is idle."""


def run_set(
    strategy: str | None,
    count: int,
    symbol_count: int,
    m1_bars: int,
    workers: int,
    heard: Callable[[Outcome], None],
) -> Summary:
    """Run cases of a strategy, or of all; `heard` gets each outcome as it comes."""
    summary = Summary()
    cases = cases_of(strategy, count, symbol_count, m1_bars, _operations)
    for outcome in run_all(cases, workers):
        _add(summary, outcome)
        heard(outcome)
    summary.failed.sort(key=lambda failed: failed.case_id)
    return summary


def run_all(cases: Iterable[Case], workers: int) -> Iterator[Outcome]:
    """Every outcome, in no particular order when there are several workers."""
    if workers <= 1:
        yield from (_lean(run_case(case)) for case in cases)
        return
    waiting = iter(cases)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin) as pool:
        under_way: set[Future[Outcome]] = set()
        while True:
            room = workers * _AHEAD - len(under_way)
            under_way |= {pool.submit(_run, case) for case in islice(waiting, room)}
            if not under_way:
                return
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def _operations(case: Case) -> tuple[int, ...]:
    return run_case(case).operations_by_boot


def _run(case: Case) -> Outcome:
    return _lean(run_case(case))


def _begin() -> None:
    """In a worker: what was imported lives as long as it, and need not be looked at again."""
    gc.collect()
    gc.freeze()


def _lean(outcome: Outcome) -> Outcome:
    """Without the story when nobody will ask for it."""
    return outcome if outcome.violations else replace(outcome, story=())


def _add(summary: Summary, outcome: Outcome) -> None:
    summary.runs += 1
    summary.boots += outcome.boots
    summary.operations += outcome.operations
    summary.virtual_s += outcome.virtual_s
    summary.cpu_s += outcome.cpu_s
    summary.runs_by_strategy[outcome.case.strategy] += 1
    summary.counts.update(outcome.counts)
    if outcome.violations:
        summary.failed.append(Failed(outcome.case.id, outcome.violations))
