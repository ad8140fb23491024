"""Nobody acts on an engine without its leave: every act of the registry, in every way to ask.

The client here is hostile: it knows the protocol, sends whatever it likes over the raw socket, and
claims scopes, phrases and arms. What it must not reach is any `run` of the registry, so these are
replaced by one that only notes that it was reached: it is proved that each can be reached at all.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.acts import actions
from engine.acts.action import Action, Question
from engine.acts.actions import ACTIONS
from engine.sayings import Saying, saying
from tests.engine.builders import GOLD
from tests.engine.test_control import Line, Served, folder, served

__all__ = ("folder", "served")
REGISTERED = sorted(ACTIONS)
ARGUMENTS: dict[str, dict[str, list[str]]] = {
    "restart": {"process": ["ui"]},
    "restart-force": {"process": ["ui"]},
    "drill": {"drill": ["F2"]},
    "rebuild": {"symbols": [GOLD]},
    "acknowledge": {"code": ["GAP"], "scope": [GOLD]},
}
CLAIMS: tuple[dict[str, object], ...] = (
    {},
    {"scope": "act"},
    {"armed": True},
    {"armed_left_s": 300},
    {"arm": False},
    {"arm": None},
    {"arm": 1},
    {"arm": "true"},
    {"arm": [True]},
    {"phrase": "all"},
    {"phrase": "gate", "is_armed": True},
    {"actor": "root", "phrase": "ui"},
)
"""Ways to ask without being armed; `"arm": true` is the one way to be, and the operator's yes."""


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The acts that were done, by name; none of them does anything."""
    done: list[str] = []

    def noting(action: Action) -> Action:
        def run(engine: object, given: object, actor: str) -> Saying:
            done.append(action.id)
            return saying("stopping")

        def ask(engine: object, given: object) -> Question:
            question = Question((saying("shutdown"),), {})
            return (
                replace(question, phrase="word") if action.danger.value == "destroy" else question
            )

        return replace(action, run=run, ask=ask)

    for action_id, action in list(ACTIONS.items()):
        monkeypatch.setitem(actions.ACTIONS, action_id, noting(action))
    return done


async def every_claim(line: Line, action: str) -> list[Any]:
    """The answers to one act asked for in all these ways."""
    arguments = ARGUMENTS.get(action, {})
    return [await line.ask("act", action=action, arguments=arguments, **c) for c in CLAIMS]


def refused_all(answers: list[Any]) -> bool:
    """Whether each is a refusal that says why: not armed, or not even an argument of `act`."""
    codes = {answer["error"]["code"] for answer in answers if not answer["ok"]}
    is_known = {"not_armed"} <= codes <= {"not_armed", "bad_args"}
    return is_known and not any(answer["ok"] for answer in answers)


@pytest.mark.parametrize("action", REGISTERED)
async def test_an_act_can_be_reached_by_who_is_armed(
    served: Served, reached: list[str], action: str
) -> None:
    """Else the refusals below would prove nothing."""
    line = await Line.to(served.path)
    await line.ask("arm")
    answer = await line.ask(
        "act", action=action, arguments=ARGUMENTS.get(action, {}), phrase="word"
    )

    assert ([action], True) == (reached, answer["ok"])


@pytest.mark.parametrize("action", REGISTERED)
async def test_nothing_is_reached_without_arming(
    served: Served, reached: list[str], action: str
) -> None:
    """Whatever is claimed beside the act, and the engine is as it was."""
    before = served.engine.board.status
    answers = await every_claim(await Line.to(served.path), action)

    assert refused_all(answers)
    assert (reached, before is served.engine.board.status) == ([], True)


@pytest.mark.parametrize("action", REGISTERED)
async def test_nothing_is_reached_after_disarming(
    served: Served, reached: list[str], action: str
) -> None:
    """Giving the scope back gives it back."""
    line = await Line.to(served.path)
    await line.ask("arm")
    await line.ask("disarm")

    assert refused_all(await every_claim(line, action))
    assert reached == []


@pytest.mark.parametrize("action", REGISTERED)
async def test_nothing_is_reached_after_the_time_has_run_out(
    served: Served, reached: list[str], action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five minutes, by a clock that no operator can set."""
    clock = served.engine.tools.clock
    line = await Line.to(served.path)
    granted_s = (await line.ask("arm", for_s=10**9))["result"]["armed_left_s"]
    now_s = clock.monotonic_s()
    monkeypatch.setattr(type(clock), "monotonic_s", lambda self: now_s + 300)

    assert 299 < granted_s <= 300
    assert refused_all(await every_claim(line, action))
    assert reached == []


@pytest.mark.parametrize("action", REGISTERED)
async def test_nothing_is_reached_through_a_neighbour_who_is_armed(
    served: Served, reached: list[str], action: str
) -> None:
    """A scope is its connection's, also when that has hung up while armed."""
    armed, hostile = await Line.to(served.path), await Line.to(served.path)
    await armed.ask("arm")
    while_armed = await every_claim(hostile, action)
    armed.writer.close()
    await armed.writer.wait_closed()
    after, fresh = await every_claim(hostile, action), await Line.to(served.path)

    assert refused_all([*while_armed, *after, *await every_claim(fresh, action)])
    assert reached == []


@pytest.mark.parametrize("action", REGISTERED)
async def test_nothing_is_reached_in_an_engine_to_look_at(
    served: Served, reached: list[str], action: str
) -> None:
    """Armed by request, by operation, by both: read-only stands above all."""
    served.engine.is_read_only = True
    line = await Line.to(served.path)
    arguments = ARGUMENTS.get(action, {})
    answers = [await line.ask("arm")]
    for extra in ({"arm": True}, {"arm": True, "phrase": "word"}):
        answers.append(await line.ask("act", action=action, arguments=arguments, **extra))

    assert {"read_only"} == {answer["error"]["code"] for answer in answers}
    assert reached == []


async def test_many_at_once_get_no_further(served: Served, reached: list[str]) -> None:
    """Twenty connections, all acts, while one of them arms and disarms all the time."""
    hostile = [await Line.to(served.path) for _ in range(20)]
    arming, over = await Line.to(served.path), asyncio.Event()

    async def arm() -> None:
        while not over.is_set():
            await arming.ask("arm")
            await arming.ask("disarm")

    busy = asyncio.create_task(arm())
    answers = await asyncio.gather(
        *(every_claim(line, action) for line, action in zip(hostile, REGISTERED * 3, strict=False))
    )
    over.set()
    await busy

    assert all(map(refused_all, answers))
    assert reached == []
