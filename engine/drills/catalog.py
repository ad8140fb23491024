"""The seventeen drills: F1–F10, the failures of the platform's memo, and Z1–Z7, those of owners."""

from __future__ import annotations

from .drill import INVARIANTS, STOP_CONDITIONS, Drill
from .failures import FAILURES
from .owners import OWNERS

CATALOG: dict[str, Drill] = {drill.id: drill for drill in (*FAILURES, *OWNERS)}
"""By id, in the order of the table."""


def catalog_document() -> dict[str, object]:
    """The catalogue as `drill list --json` and the control socket's `drills` answer it."""
    return {
        "schema": 1,
        "drills": [drill_document(drill) for drill in CATALOG.values()],
        "stops": list(STOP_CONDITIONS),
        "invariants": list(INVARIANTS),
    }


def drill_document(drill: Drill) -> dict[str, object]:
    """One drill, in JSON's types."""
    return {
        "id": drill.id,
        "title": drill.title,
        "hypothesis": drill.hypothesis,
        "seam": drill.seam,
        "blast_radius": drill.blast_radius,
        "codes": [code.value for code in drill.codes],
        "recovery": drill.recovery,
        "can_live": drill.can_live,
        "live": drill.live,
        "variants": [
            {
                "name": variant.name,
                "places": sorted(place.value for place in variant.places),
                "codes": [code.value for code in variant.codes],
                "detectable_s": variant.detectable_s,
                "recovers_s": variant.recovers_s,
                "may_restart": sorted(variant.radius.processes),
            }
            for variant in drill.variants
        ],
    }
