"""A screen that crashes is put up again, said aloud, and at last left out; the rest goes on."""

from __future__ import annotations

import asyncio

import pytest

from console.clean import clean
from console.terminal import keeper as keeper_module
from console.terminal.device import TerminalGone
from console.terminal.keeper import CRASHES_MAX, Complaints, Keeper, Parting, what_and_where
from engine import DegradedCode


class FakeScreen:
    """Ends as the test says."""

    def __init__(self, failure: Exception | None = None, is_deaf: bool = False) -> None:
        self.failure = failure
        self.gave_back = False
        self.asked = 0
        self._is_deaf = is_deaf
        self._over: asyncio.Future[Parting | None] = asyncio.get_running_loop().create_future()
        if failure is not None:
            self._over.set_result(None)

    async def crashed(self) -> None:
        """As `failure` says."""
        if self.failure is None:
            await asyncio.Event().wait()

    async def run_async(self, *, mouse: bool = False) -> Parting | None:
        """Until told."""
        return await asyncio.shield(self._over)

    def part(self, parting: Parting) -> None:
        """End, unless deaf."""
        if not self._is_deaf and not self._over.done():
            self._over.set_result(parting)

    def leave(self) -> None:
        """Count the question."""
        self.asked += 1

    def give_terminal_back(self) -> None:
        """Remember it."""
        self.gave_back = True


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses for people are not for tests."""
    monkeypatch.setattr(keeper_module, "_PAUSE_S", 0.0)
    monkeypatch.setattr(keeper_module, "_ENDING_S", 0.05)


async def test_a_crash_is_followed_by_another_screen_and_said() -> None:
    """One fault in drawing must not leave an operator blind."""
    told: list[tuple[DegradedCode, str | None]] = []
    complaints = Complaints()
    complaints.told_to(lambda code, sentence: told.append((code, sentence)))
    screens = [FakeScreen(ZeroDivisionError("half a cell")), FakeScreen()]
    shown = iter(screens)
    keeper = Keeper(lambda: next(shown), complaints)
    keeping = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0.05)
    keeper.leave()
    keeper.part(Parting.DETACHED)

    assert Parting.DETACHED is await keeping
    assert 1 == screens[1].asked
    [(code, sentence)] = told
    assert DegradedCode.UI_CRASHED is code
    assert sentence is not None
    assert "put up again: ZeroDivisionError: half a cell" in sentence


async def test_a_screen_that_always_crashes_is_given_up() -> None:
    """Flicker for ever helps nobody; the prompt and a reason do."""
    made = []

    def make() -> FakeScreen:
        made.append(FakeScreen(ValueError("always")))
        return made[-1]

    assert Parting.BROKEN is await Keeper(make, Complaints()).keep()
    assert CRASHES_MAX + 1 == len(made)


async def test_no_terminal_is_no_crash() -> None:
    """After a hangup another screen could not be shown anywhere."""
    gone = FakeScreen(TerminalGone(25, "not a terminal"))

    assert Parting.LOST is await Keeper(lambda: gone, Complaints()).keep()


async def test_the_first_reason_to_part_counts_and_none_is_shown_after_it() -> None:
    """A hangup during a detach changes nothing about the detach."""
    screen = FakeScreen()
    keeper = Keeper(lambda: screen, Complaints())
    keeping = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0)
    keeper.part(Parting.DETACHED)
    keeper.part(Parting.LOST)
    assert Parting.DETACHED is await keeping

    early = Keeper(lambda: FakeScreen(), Complaints())
    early.part(Parting.STOPPED)
    assert Parting.STOPPED is await early.keep()


async def test_a_screen_that_does_not_end_is_taken_down() -> None:
    """Whatever it waits for, the terminal must be given back."""
    deaf = FakeScreen(is_deaf=True)
    keeper = Keeper(lambda: deaf, Complaints())
    keeping = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0)
    keeper.part(Parting.LOST)

    assert Parting.LOST is await asyncio.wait_for(keeping, 1.0)
    assert deaf.gave_back


async def test_complaints_wait_for_an_engine_and_end_when_all_is_well() -> None:
    """The screen is up before the engine is: what it notices then must not be lost."""
    told: list[tuple[DegradedCode, str | None]] = []
    complaints = Complaints()
    complaints.stand(DegradedCode.UI_CRASHED, "early")
    complaints.clear(DegradedCode.TERMINAL_STALLED)
    complaints.told_to(lambda code, sentence: told.append((code, sentence)))
    complaints.clear(DegradedCode.UI_CRASHED)
    complaints.clear(DegradedCode.UI_CRASHED)

    assert [(DegradedCode.UI_CRASHED, "early"), (DegradedCode.UI_CRASHED, None)] == told


async def test_a_screen_that_is_gone_stalls_nobody() -> None:
    """A reason about a terminal that nobody has any more would stand for ever."""
    told: list[tuple[DegradedCode, str | None]] = []
    complaints = Complaints()
    complaints.told_to(lambda code, sentence: told.append((code, sentence)))
    keeper = Keeper(lambda: FakeScreen(), complaints)
    keeping = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0)
    complaints.stand(DegradedCode.TERMINAL_STALLED, "nobody reads")
    keeper.part(Parting.LOST)
    await keeping

    assert (DegradedCode.TERMINAL_STALLED, None) == told[-1]


def test_a_crash_is_named_with_the_last_line_of_ours() -> None:
    """`ValueError` alone says nothing; the line in a library says little more."""
    with pytest.raises(KeyError) as caught:
        clean(dict[str, str]()["no text"])

    assert "KeyError: 'no text', in test_keeper.py:" in what_and_where(caught.value)
    assert "ValueError: ?[2J" == what_and_where(ValueError("\x1b[2J"))
