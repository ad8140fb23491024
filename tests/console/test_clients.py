"""The two clients of the console: one engine, two roads to it, the same answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console import remote_client
from console.client import Client, LocalClient
from console.offers import Deed
from console.remote_client import followed
from console.widgets.facts import Facts
from console.widgets.journal import Journal
from console.widgets.reason_page import reason_listing
from console.words import Words
from engine.acts.actions import ACTIONS
from engine.degraded import DegradedCode
from engine.errors import ActionRefused, EngineUnreachable
from engine.events import ReasonCleared, ReasonRaised
from engine.runtime import Engine
from tests.engine.builders import GOLD
from tests.engine.test_remote import folder, serving

PATIENCE_S = 5.0
PAUSE = Deed("pause-depth")
GAP = Deed("acknowledge", ("GAP", GOLD))

__all__ = ["folder"]


@asynccontextmanager
async def both(path: Path) -> AsyncIterator[tuple[Engine, tuple[Client, Client]]]:
    """An engine with a reason to acknowledge, and both clients in front of it."""
    async with serving(path) as (engine, socket), followed(socket) as remote:
        engine.board.post(ReasonRaised(DegradedCode.GAP, GOLD, "3 bars"))
        await until(remote, lambda: remote.status == engine.board.status)
        yield engine, (LocalClient(engine), remote)


async def until(client: Client, reached: object) -> None:
    """Wait for changes until it is so."""
    assert callable(reached)
    async with asyncio.timeout(PATIENCE_S):
        while not reached():
            await client.changed()


async def test_both_clients_are_offered_and_asked_the_same(folder: Path) -> None:
    """An operator who attaches must not have to learn anything anew."""
    async with both(folder) as (_, clients):
        local, remote = clients
        assert list(ACTIONS) == [offer.id for offer in await local.offers()]
        assert await local.offers() == await remote.offers()
        for deed in (PAUSE, GAP, Deed("rebuild", (GOLD,)), Deed("rebuild-all")):
            assert await local.question(deed) == await remote.question(deed)
        assert "all" == (await remote.question(Deed("rebuild-all"))).phrase
        assert local.status == remote.status


async def test_either_may_say_which_symbol_comes_next(folder: Path) -> None:
    """It changes an order and nothing else, so it needs no arming; what is unknown is refused."""
    async with both(folder) as (_, clients):
        for client in clients:
            await client.prefer(GOLD)
            with pytest.raises(ActionRefused, match="There is no symbol 'FOO'"):
                await client.prefer("FOO")
            assert {"preferred": GOLD} == await client.look("prefer", {"symbol": GOLD})


async def test_either_acts_only_while_it_is_armed_and_only_itself(folder: Path) -> None:
    """The engine enforces it, so a faulty screen cannot act either."""
    async with both(folder) as (engine, clients):
        for client in clients:
            for deed in map(Deed, ACTIONS):
                with pytest.raises(ActionRefused):
                    await client.act(deed, "all")
        local, remote = clients
        assert "GAP" in {reason.code.value for reason in engine.board.status.reasons}
        assert not engine.board.status.depth_paused

        await remote.arm()
        assert 299 < remote.hold.armed_left_s <= 300
        assert not local.hold.is_armed
        with pytest.raises(ActionRefused, match="only looks"):
            await local.act(GAP)
        done = await remote.act(GAP)
        assert f"Причину GAP ({GOLD}) позначено як бачену." == Words("uk").asked(done.said, "")
        await until(remote, lambda: remote.status == engine.board.status)
        await remote.disarm()
        assert not remote.hold.is_armed
        with pytest.raises(ActionRefused, match="only looks"):
            await remote.act(GAP)


async def test_what_one_console_does_stands_in_the_journals_of_all(folder: Path) -> None:
    """With who did it and the command that does the same; also of those who come later."""
    words, scope = Words(), "3 bars"
    async with both(folder) as (engine, clients):
        journals = [Journal(words) for _ in clients]

        async def tell() -> None:
            await until(clients[1], lambda: clients[1].status == engine.board.status)
            for client, journal in zip(clients, journals, strict=True):
                journal.own_actor = client.hold.actor
                journal.learn(Facts.of(client.status), engine.clock.now_ms())

        await tell()
        local, remote = clients
        await local.arm()
        await local.act(Deed("rebuild", (GOLD,)))
        await remote.arm()
        await remote.act(GAP)
        await tell()
        theirs, ours = ([e for e in journal.entries if e.actor] for journal in journals)
        assert ["this console", "console"] == [ours[0].actor, ours[1].actor]
        assert "this console" == theirs[1].actor
        assert theirs[0].actor.startswith("pid ")
        assert f"coldstart-console rebuild {GOLD}" == ours[1].command
        assert ours[0].text.startswith(f"acknowledge GAP {GOLD}: ")
        ukrainian = Journal(Words("uk"))
        ukrainian.learn(Facts.of(remote.status), engine.clock.now_ms())
        assert ukrainian.entries[0].text.endswith(f": Причину GAP ({GOLD}) позначено як бачену.")

        (reason,) = (r for r in remote.status.reasons if r.detail == scope)
        assert reason.acknowledged_ms is not None
        rows = reason_listing(Facts.of(remote.status), words).items
        assert any("seen: 3 bars" in row.folded for row in rows)
        engine.board.post(ReasonCleared(DegradedCode.GAP, GOLD))
        engine.board.post(ReasonRaised(DegradedCode.GAP, GOLD, "again"))
        await tell()
        assert [None] == [r.acknowledged_ms for r in remote.status.reasons if r.scope == GOLD]

        late = Journal(words)
        late.learn(Facts.of(remote.status), engine.clock.now_ms())
        assert [e.text for e in ours] == [e.text for e in late.entries]


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        (Deed("rebuild"), "bad_args"),
        (Deed("rebuild", ("NOPE",)), "unknown"),
        (Deed("rebuild-all", (GOLD,)), "bad_args"),
        (Deed("acknowledge", ("GAP", GOLD, "more")), "bad_args"),
        (Deed("make-tea"), "unknown"),
    ],
)
async def test_a_deed_that_makes_no_sense_is_refused_by_both(
    folder: Path, deed: Deed, code: str
) -> None:
    """A word too many must be refused and never be dropped."""
    async with both(folder) as (_, clients):
        for client in clients:
            with pytest.raises(ActionRefused) as refused:
                await client.question(deed)
            assert code == refused.value.code


async def test_a_console_that_wants_to_look_only_is_never_armed(folder: Path) -> None:
    """`attach --read-only` on a wall must stay harmless whoever walks by."""
    async with serving(folder) as (_, path), followed(path, is_read_only=True) as client:
        with pytest.raises(ActionRefused, match="--read-only"):
            await client.arm()
        assert not client.hold.is_armed


async def test_a_lost_engine_is_dated_and_found_again_unarmed(folder: Path) -> None:
    """The last picture stays; what was armed belonged to the connection."""
    async with serving(folder) as (engine, path):
        engine.board.post(ReasonRaised(DegradedCode.GAP, GOLD, "before"))
        following = followed(path)
        client = await following.__aenter__()
        await client.arm()
        before = client.status
    await until(client, lambda: client.hold.lost_s is not None)
    assert not client.hold.is_armed
    assert "No engine answers" in client.hold.why
    assert not client.hold.replay, "a lost engine is no recorded boot"
    assert client.status is before
    with pytest.raises(ActionRefused):
        await client.act(GAP)

    async with serving(folder) as (engine, _):
        client.look_again()
        await until(client, lambda: client.hold.lost_s is None)
        assert engine.board.status == client.status
        assert not client.hold.is_armed
        await following.__aexit__(None, None, None)


async def test_an_engine_that_falls_silent_is_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process keeps its socket; its last picture must not pass for the present."""
    monkeypatch.setattr(remote_client, "_SILENCE_S", 0.02)
    monkeypatch.setattr("engine.control.remote._ANSWER_TIMEOUT_S", 0.2)
    path = folder / "c.sock"
    async with serving(folder) as (engine, _), followed(path) as client:
        mute = asyncio.Event()

        async def never(*_: object) -> None:
            await mute.wait()

        monkeypatch.setattr("engine.control.conversation.Conversation._answered", never)
        await until(client, lambda: client.hold.lost_s is not None)
        assert "did not answer" in client.hold.why
        assert engine.board.status == client.status
        mute.set()


async def test_where_no_engine_is_the_first_attempt_says_so(folder: Path) -> None:
    """A mistyped folder must be an answer and not a screen that waits for ever."""
    with pytest.raises(EngineUnreachable, match="coldstart-console up"):
        async with followed(folder / "none.sock"):
            pass
