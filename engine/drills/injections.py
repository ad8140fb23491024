"""Which injection a variant takes, and which symbol it is about."""

from __future__ import annotations

from dataclasses import replace

from .drill import Variant, Way
from .host_injections import MemoryIn, ServerIn, StallIn
from .injection import Injection, Scene
from .seam_injections import BrokerIn, OverlayIn, PlanIn

_BROKER_WAYS = (Way.BROKER, Way.LOGIN)
_SERVER_WAYS = (
    *(Way.SERVER_KILLED, Way.SERVER_STOPPED, Way.SERVER_EMPTIED),
    Way.SERVER_RESTARTED_EMPTY,
)


def about(scene: Scene, variant: Variant) -> Scene:
    """The same scene with the symbol that this variant is about."""
    found = scene.tools.store.scrubbed_in(2) if variant.way is Way.OVERLAY else None
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
            found = scene.tools.store.scrubbed_in(2)
            if found is None or found[0].symbol != scene.victim:
                return None
            overlay = OverlayIn(scene, variant, found[1].path)
            await overlay.note_evidence()
            return overlay
    return None
