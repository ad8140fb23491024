"""Which injection a variant takes, and which symbol it is about."""

from __future__ import annotations

from dataclasses import replace

from uds.model import SeriesKey

from ..sayings import saying
from .drill import Variant, Way
from .facts import VariantFacts
from .host_injections import MemoryIn, ServerIn, StallIn
from .injection import Injection, Scene
from .seam_injections import BrokerIn, OverlayIn, PlanIn

_BROKER_WAYS = (Way.BROKER, Way.LOGIN)
_SERVER_WAYS = (
    *(Way.SERVER_KILLED, Way.SERVER_STOPPED, Way.SERVER_EMPTIED),
    Way.SERVER_RESTARTED_EMPTY,
)

_TURNS_MAX = 30
"""Of the scrub, a second each: half of what the dead man leaves."""


def about(scene: Scene, variant: Variant) -> Scene:
    """The same scene with the symbol that this variant is about."""
    found = _scrubbed_soon(scene) if variant.way is Way.OVERLAY else None
    return scene if found is None else replace(scene, victim=found[0].symbol)


async def injection_of(scene: Scene, variant: Variant) -> Injection | None:
    """How this variant is put in; None where it cannot be now."""
    if variant.way in _BROKER_WAYS:
        return BrokerIn(scene, variant)
    if variant.way in _SERVER_WAYS:
        return ServerIn(scene, variant)
    match variant.way:
        case Way.PLAN:
            return PlanIn(scene, variant)
        case Way.MEMORY:
            return MemoryIn(scene, variant)
        case Way.STALL:
            return StallIn(scene, variant)
        case Way.OVERLAY:
            found = _scrubbed_soon(scene)
            if found is None or found[0].symbol != scene.victim:
                return None
            overlay = OverlayIn(scene, variant, found[1])
            await overlay.note_evidence()
            return overlay
    return None


def no_target(variant: Variant) -> VariantFacts:
    """What is known of a variant that cannot be put in now."""
    return VariantFacts(variant.name, was_well=True, aborted=saying("no_target"))


def _scrubbed_soon(scene: Scene) -> tuple[SeriesKey, str] | None:
    """The next file of the scrub whose bars are in RAM: what is older heals with the depth."""
    store = scene.tools.store
    for turns in range(2, _TURNS_MAX):
        found = store.scrubbed_in(turns)
        if found is not None and found[1].last_ms >= store.resident_from_ms(found[0]):
            return found[0], found[1].path
    return None
