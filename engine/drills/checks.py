"""What must hold in some drills besides: each check says what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from uds.model import DERIVED_TIMEFRAMES, Timeframe

from ..degraded import DegradedCode
from ..derive import derive
from ..sayings import Saying, saying
from .injection import Scene
from .watch import Watch

_LOGINS_MAX = 6
_LOOK_S = 0.05
_LOOKS = 60

Check: TypeAlias = Callable[[Scene, Watch], Awaitable[Saying | None]]
"""What is wrong; None when it holds."""


async def _logins_paced(scene: Scene, watch: Watch) -> Saying | None:
    tried = _logins(scene, watch)
    return None if 1 <= tried <= _LOGINS_MAX else saying("logins", tried)


async def _one_login(scene: Scene, watch: Watch) -> Saying | None:
    tried = _logins(scene, watch)
    return None if tried == 1 else saying("logins_wrong", tried)


def _logins(scene: Scene, watch: Watch) -> int:
    broker = scene.tools.board.status.broker
    return broker.login_attempts - watch.before.broker.login_attempts


async def _overdue_names_victim(scene: Scene, watch: Watch) -> Saying | None:
    said = watch.first_said((DegradedCode.GATE_OVERDUE,))
    others = [symbol for symbol in scene.tools.markets if symbol != scene.victim]
    if said is None or scene.victim not in said.detail:
        return saying("overdue_silent", scene.victim)
    named = [one for one in others if one in said.detail]
    return saying("overdue_other", ", ".join(named)) if named else None


async def _flips_are_whole(_: Scene, watch: Watch) -> Saying | None:
    return saying("flips_partial", watch.torn_flips) if watch.torn_flips else None


async def _evidence_kept(scene: Scene, _: Watch) -> Saying | None:
    return None if await scene.tools.store.drills.evidence() else saying("no_evidence")


async def _slots_free(scene: Scene, _: Watch) -> Saying | None:
    """Others may have requests under way; a slot that was lost never comes back."""
    for _look in range(_LOOKS):
        broker = scene.tools.board.status.broker
        if not broker.slots_used and broker.circuit == "closed":
            return None
        await scene.tools.clock.sleep(_LOOK_S)
    return saying("slots_used", broker.slots_used, broker.circuit)


async def _equals_batch(scene: Scene, _: Watch) -> Saying | None:
    """M3 to H4 are, byte for byte, what one batch makes of the served M1."""
    store, market = scene.tools.store, scene.tools.markets[scene.victim]
    for _look in range(_LOOKS):
        served = store.tail(scene.victim)
        if served is None:
            return saying("not_served", scene.victim)
        m1 = served.tails[Timeframe.M1]
        batch = derive(
            m1,
            market.anchors,
            market.calendar,
            served.coverage.without(0, m1.first_open_ms or 0),
            scene.tools.clock.now_ms(),
            market.settle_ms,
        )
        # A batch of the served M1 lacks what is older; what both have must be the same.
        wrong = [
            timeframe.name
            for timeframe in DERIVED_TIMEFRAMES
            if timeframe in served.tails
            and not batch[timeframe].same_as(served.tails[timeframe].tail(len(batch[timeframe])))
        ]
        if not wrong:
            return None
        await scene.tools.clock.sleep(_LOOK_S)
    return saying("not_batch", ", ".join(wrong))


HELD: dict[str, Check] = {
    "logins_paced": _logins_paced,
    "one_login": _one_login,
    "overdue_names_victim": _overdue_names_victim,
}
"""Asked while the fault is in."""
AFTER: dict[str, Check] = {
    "flips_are_whole": _flips_are_whole,
    "evidence_kept": _evidence_kept,
    "slots_free": _slots_free,
    "equals_batch": _equals_batch,
}
"""Asked once all is well again."""
SCRIPTED = ("tokens_grow", "zombie_is_still", "bars_kept")
"""Those of the drills over several processes (`scripts.py`)."""


async def failed(checks: dict[str, Check], scene: Scene, watch: Watch) -> tuple[Saying, ...]:
    """What of the variant's checks does not hold."""
    names = (name for name in watch.variant.checks if name in checks)
    found = [await checks[name](scene, watch) for name in names]
    return tuple(said for said in found if said is not None)
