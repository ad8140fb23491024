"""What durability costs: chunks, commits, the checkpoint and opening, beside bare system calls.

Everything goes through the public verbs of the store, on the disk that TMPDIR names.
Run it as `python -m benchmarks.disk`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from . import disk_append, disk_commit, disk_opening
from .session import Target, run
from .waist_case import configuration


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit code."""
    return run("disk", "What durability costs, beside bare system calls.", arguments, _measure)


def _measure(quick: bool) -> list[Target]:
    config = configuration()
    disk_append.measure(config, rounds=15 if quick else 61)
    targets = disk_commit.measure(config, rounds=5 if quick else 15)
    disk_opening.measure(config, rounds=3 if quick else 11, with_year=not quick)
    return targets


if __name__ == "__main__":
    sys.exit(main())
