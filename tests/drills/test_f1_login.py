"""F1: a login that is refused, hangs or is wrong for good: said, paced, healed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.broker.faulty import FaultKind
from engine.broker.session import LOGIN_TIMEOUT_S
from engine.gate import GateState

from .stage import NIGHTLY, Stage, stage_config, staged

HANG_S = LOGIN_TIMEOUT_S if NIGHTLY else 1.0
BACK_S = 12.0
REFUSED_FOR_S = 0.8
LOGINS_MAX = 6
"""0.1, 0.22, 0.46, 1.0 s apart, a fifth more or less."""


@pytest.mark.parametrize(
    ("kind", "code", "detectable_s"),
    [
        (FaultKind.LOGIN_REFUSED, "BROKER_LOGIN_TRANSIENT", 0.0),
        (FaultKind.LOGIN_HANGS, "BROKER_LOGIN_TIMEOUT", HANG_S),
    ],
)
async def test_a_login_that_fails_is_said_tried_by_the_schedule_and_heals(
    folder: Path, kind: FaultKind, code: str, detectable_s: float
) -> None:
    """The gate stays closed and says so, one login a step, open within 12 s of the heal."""
    async with staged(stage_config(folder), before=lambda stage: stage.hit(kind)) as stage:
        began = stage.began
        loud_s = await stage.said(began, code)
        await asyncio.sleep(REFUSED_FOR_S)
        assert code in stage.codes
        assert GateState.CLOSED is stage.status.gate_state
        assert 1 <= stage.status.broker.login_attempts <= LOGINS_MAX
        stage.broker.heal()
        healed_s = await stage.healed(stage.mark(), code)

        assert healed_s <= BACK_S
        radius = stage.untouched(began, ())
        stage.note("F1", f"login {kind.value[6:]}", code, detectable_s, loud_s, healed_s, radius)


async def test_wrong_credentials_are_tried_once_and_wait_for_the_operator(folder: Path) -> None:
    """A second login could lock the account; the operator's restart is the third way out."""
    code = "BROKER_LOGIN_PERMANENT"

    def refuse(stage: Stage) -> None:
        stage.hit(FaultKind.LOGIN_PERMANENT)

    async with staged(stage_config(folder), before=refuse) as stage:
        began = stage.began
        loud_s = await stage.said(began, code)
        await asyncio.sleep(REFUSED_FOR_S)
        assert 1 == stage.status.broker.login_attempts
        assert GateState.NEEDS_OPERATOR is stage.status.gate_state
        stage.broker.heal()
        mark = stage.mark()
        stage.engine.supervisor.restart("connector")
        healed_s = await stage.healed(mark, code)

        assert 2 == stage.status.broker.login_attempts
        assert healed_s <= BACK_S
        radius = stage.untouched(began, (), "connector")
        stage.note("F1", "credentials wrong", code, 0.0, loud_s, healed_s, radius)
