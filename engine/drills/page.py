"""The catalogue of drills as `docs/drills.md`, so that page and product cannot disagree.

`python -m engine.drills.page > docs/drills.md` writes it; a test compares the two.
"""

from __future__ import annotations

import sys

from .catalog import CATALOG
from .drill import DEAD_MAN_S, INVARIANTS, LOUD_S, STOP_CONDITIONS, Drill, Variant

_HEAD = f"""# Drills

<!-- Made from `engine/drills/` by `python -m engine.drills.page > docs/drills.md`. -->

A drill puts a failure in on purpose, watches what the engine makes of it, takes it out and judges
what was measured. `coldstart-console drill run F2` does so in a sandbox: a process, a data folder
and a server of its own. `--live` does it to the running engine, through the seams that production
calls pass anyway; that takes the drill's id typed, an armed engine that is not read-only, an open
gate, no other drill, and on `env: prod` the word `--allow-drills` (or `drills.live: true`).

The order is always the same: all is well → the way back is written to
`<data_root>/drills/running.json` and synced → the fault is put in → it is watched → it is taken
out → all is well again. The fault comes out whatever happens: on success, on failure, on abort,
when the engine stops, after {DEAD_MAN_S:.0f} s by a timer of its own, and at the next boot after
a kill, whose journal says which drill it was and what was done.

A verdict follows from measured facts only. **PASS**: the fault was proved to be in by what it
befell, its reason was said within {LOUD_S:.0f} s of being detectable and stood as long as the
fault was held in, nothing beyond the blast radius moved, readers saw every invariant hold, all
was well again in time, and nothing was left behind. **FAIL**: one of these did not hold.
**INCONCLUSIVE**: all was not well before, the fault befell nothing or was over before it was taken
out, readers were not answered meanwhile or not held against the source, or it was ended early. A
reason counts only if it was raised after the fault befell something, and about the symbol or
process that the drill is about. Every way of failing of a drill is run, and the drill's verdict
is their conjunction; live, those that the engine allows: the question names them, and says why
the others are not run. Outcomes with their facts are kept as JSON in `<data_root>/drills/`;
`--junit FILE` writes them for whatever runs builds, INCONCLUSIVE as an error.

Exit codes of `drill run`: 0 all PASS · 7 any FAIL · 1 any INCONCLUSIVE and none FAIL · 5 refused ·
3 no engine answers (`--live`). `drill abort` ends the one that runs.

"""


def page() -> str:
    """The whole page."""
    table = "".join(f"| {' | '.join(_row(drill))} |\n" for drill in CATALOG.values())
    ways = "".join(
        f"| {' | '.join(_way(drill, variant))} |\n"
        for drill in CATALOG.values()
        for variant in drill.variants
    )
    return (
        _HEAD
        + "Beside every drill readers ask the API without a pause. What they must see:\n\n"
        + "".join(f"- {one}\n" for one in INVARIANTS)
        + "\nWhat ends a drill early:\n\n"
        + "".join(f"- {one}\n" for one in STOP_CONDITIONS)
        + "\n## The catalogue\n\n"
        + "| | what fails | what we believe | seam | blast radius | recovers | live |\n"
        + "|---|---|---|---|---|---|---|\n"
        + table
        + "\n## Ways of failing\n\n"
        + "Detectable after so many seconds from: *injected*, the fault is put in; *hit*, the\n"
        + "first operation it befalls; *opened*, *decided*, *priming*, the engine is opened,\n"
        + "knows how it starts, primes; *silent*, the last move of m1_poller; *minute*, the\n"
        + "next minute is final.\n\n"
        + "| | way | said as | detectable after | well again within | may restart | where |\n"
        + "|---|---|---|---|---|---|---|\n"
        + ways
    )


def _row(drill: Drill) -> tuple[str, ...]:
    live = drill.live or "–"
    return (
        drill.id,
        drill.title,
        drill.hypothesis,
        drill.seam,
        drill.blast_radius,
        drill.recovery,
        live,
    )


def _way(drill: Drill, variant: Variant) -> tuple[str, ...]:
    codes = " or ".join(f"`{code.value}`" for code in variant.codes) or "(stays quiet)"
    return (
        drill.id,
        variant.name,
        codes,
        f"{variant.detectable_s:g} s from {variant.origin.value}",
        f"{variant.recovers_s:g} s",
        " ".join(sorted(variant.radius.processes)) or "–",
        " ".join(sorted(place.value for place in variant.places)),
    )


if __name__ == "__main__":
    sys.stdout.write(page())
