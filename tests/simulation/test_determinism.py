"""The same case runs the same way in every process; nightly runs try fifty of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engine.simulation.case import Case
from engine.simulation.run import run_case

ROOT = Path(__file__).resolve().parents[2]
_SEEDS = tuple(range(50)) if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else (2, 7, 11)
_CODE = """
from engine.simulation.case import Case
from engine.simulation.run import run_case
for seed in {seeds}:
    print(run_case(Case("nemesis", seed, 2, 60)).digest)
"""


def _digests(hash_seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _CODE.format(seeds=_SEEDS)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout.split()


def test_hash_seeds_and_addresses_decide_nothing() -> None:
    """A failing seed is worth nothing when it fails in one process only."""
    first = _digests("1")

    assert len(_SEEDS) == len(set(first))
    assert first == _digests("4711")


def test_a_second_run_in_one_process_is_the_first() -> None:
    """What a run leaves behind (caches, garbage, counters) must not reach the next."""
    case = Case("power", 3, 2, 60)

    assert run_case(case).digest == run_case(case).digest
