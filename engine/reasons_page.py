"""The table of reasons as `docs/reasons.md`, so that page and product cannot disagree.

`python -m engine.reasons_page > docs/reasons.md` writes it; a test compares the two.
"""

from __future__ import annotations

import sys

from .degraded import CLEARED_BY_HAND, MEANINGS, WHERE, DegradedCode

_HEAD = """# Reasons

<!-- Made from `engine/degraded.py` by `python -m engine.reasons_page > docs/reasons.md`. -->

Whatever is not as it should be is one of these, with its scope, since when, how often, a
sentence with the figures, and a hint. Only `degraded` ones mark the platform degraded, make the
gate `open_degraded` and change an exit code; `info` costs readers nothing. A reason clears when
what its last column says has come true, and never before. Acknowledging one marks it as seen;
it stands on, except where being seen is its recovery (✓).

| code | severity | scope | what to do | clears when |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(f"| {' | '.join(_row(code))} |\n" for code in DegradedCode)


def _row(code: DegradedCode) -> tuple[str, ...]:
    meaning = MEANINGS[code]
    seen = " ✓" if code in CLEARED_BY_HAND else ""
    recovery = f"{meaning.recovery}{seen}"
    return f"`{code.value}`", meaning.severity.value, WHERE[code], meaning.hint, recovery


if __name__ == "__main__":
    sys.stdout.write(page())
