"""A recorded boot in the console's own widgets: no engine, no writes, and a hand on the tape.

The client here is the third one: it answers from a record what an engine would say, and refuses
to act. Everything else, from the grid to the help page, is what stands in front of an engine.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import ActionRefused, Status, catalog_document
from uds.model import Symbol

from . import moments
from .app import ConsoleApp
from .clean import clean
from .client import Operating
from .commands import EVERYWHERE, HOME, REPLAY, REPLAY_SECTIONS, bindings
from .dress import Dress, dressed
from .hold import Hold
from .keys import keys_from
from .messages import Told
from .screens.home import HomeScreen
from .screens.prompt import PromptScreen
from .shell.exits import Exit
from .tape import Tape
from .terminal.keeper import Complaints, Keeper, Parting
from .words import Words

if TYPE_CHECKING:
    from engine import Config, Recording

_MIN_WAIT_S = 0.01
_TOLD = frozenset(command for table in REPLAY_SECTIONS.values() for command in table)


class ReplayClient(Operating):
    """What an engine would say, from a tape."""

    def __init__(self, tape: Tape, words: Words, timeline: object = None) -> None:
        """`timeline` is what the operation of that name answers; None where it is not known."""
        super().__init__()
        self.tape = tape
        self._words = words
        self._answers = {
            "actions": {"actions": []},
            "timeline": timeline,
            "drills": catalog_document(),
        }
        self._moved = asyncio.Event()

    @property
    def status(self) -> Status:
        return self.tape.status

    @property
    def hold(self) -> Hold:
        words, tape, at = self._words, self.tape, moments.clock(self.tape.now_ms)
        if tape.is_running:
            return Hold(replay=words.replay_runs.format(at=at, speed=f"x{tape.speed:g}"))
        return Hold(replay=words.replay_stands.format(at=at))

    async def changed(self) -> Status:
        """The next recorded change, or the operator's hand on the tape."""
        self._moved.clear()
        try:
            async with asyncio.timeout(self._wait_s()):
                await self._moved.wait()
        except TimeoutError:
            pass
        return self.status

    def moved(self) -> None:
        """The tape was taken elsewhere."""
        self._moved.set()

    def look_again(self) -> None:
        """It is never lost."""

    async def prefer(self, symbol: Symbol) -> None:
        """What came next is on the tape already."""

    async def look(self, op: str, args: Mapping[str, object]) -> Any:
        found = self._answers.get(op)
        if found is None:
            raise ActionRefused(self._words.replay_acts_not)
        return found

    def _wait_s(self) -> float | None:
        next_s = self.tape.next_change_s
        return None if next_s is None else max(_MIN_WAIT_S, next_s)


class ReplayScreen(HomeScreen, inherit_bindings=False):
    """Home with the keys of the tape."""

    BINDINGS = bindings((*REPLAY, *(c for c in HOME if c in _TOLD)), is_fixed=False)


class ReplayApp(ConsoleApp, inherit_bindings=False):
    """The screen in front of a tape."""

    BINDINGS = bindings((c for c in EVERYWHERE if c in _TOLD), is_fixed=False)
    HOME = ReplayScreen
    TABLES = REPLAY_SECTIONS

    def __init__(self, client: ReplayClient, dress: Dress, **others: Any) -> None:
        super().__init__(
            client,
            lambda: client.tape.now_ms,
            ascii_only=dress.is_ascii,
            mono=dress.is_mono,
            theme=dress.theme,
            words=dress.words,
            **others,
        )
        self._player = client
        self._tape = client.tape

    def action_play(self) -> None:
        """Let it run, or stand."""
        if self._tape.is_running:
            self._hand(self._tape.pause)
        else:
            self._hand(self._tape.play)

    def action_step(self, moments_: int) -> None:
        """One change on or back."""
        self._hand(lambda: self._tape.step(moments_))
        self._say_place()

    def action_speed(self, steps: int) -> None:
        """Faster or slower."""
        self._hand(lambda: self._tape.turn_speed(steps))

    def action_seek(self) -> None:
        """Type a recorded time."""
        hint = self._words.seek_keys
        screen = PromptScreen("@", "", hint, self._brush, lambda text: None)
        self.push_screen(screen, self._sought)

    def _sought(self, text: str | None) -> None:
        if not text:
            return
        found: list[bool] = []
        self._hand(lambda: found.append(self._tape.seek(text)))
        if found == [True]:
            self._say_place()
        else:
            self.post_message(Told(self._words.not_a_place.format(text=clean(text, 20))))

    def _hand(self, take: Callable[[], object]) -> None:
        """Take the tape elsewhere, and let the screen see it at once."""
        before_ms = self._tape.now_ms
        take()
        if self._tape.now_ms < before_ms:
            self._home.rewind()
        self._home.show(self._player.status)
        self._home.redraw()
        self._player.moved()

    def _say_place(self) -> None:
        at, total = self._tape.position
        since = moments.elapsed(self._tape.since_s)
        said = self._words.replay_place.format(at=at, total=total, since=since)
        self.post_message(Told(said))


async def replay_console(config: Config, path: Path, *, is_mouse: bool) -> tuple[Exit, str]:
    """Until the operator leaves; why there is no screen any more, where that was not their wish.

    Raises RecordUnreadable.
    """
    recording, timeline = await asyncio.to_thread(_read, path)
    dress = dressed(config, os.environ, sys.stdout.encoding)
    client = ReplayClient(Tape(recording, asyncio.get_running_loop().time), dress.words, timeline)
    keys, complaints = keys_from(config.console.keys), Complaints()
    keeper = Keeper(
        lambda: ReplayApp(client, dress, keys=keys, complaints=complaints),
        complaints,
        mouse=is_mouse,
    )
    hear = asyncio.get_running_loop().add_signal_handler
    for number in (signal.SIGTERM, signal.SIGINT):
        hear(number, keeper.part, Parting.DETACHED)
    hear(signal.SIGHUP, keeper.part, Parting.LOST)
    if await keeper.keep() is Parting.BROKEN:
        return Exit.FAILED, dress.words.crashed
    return Exit.OK, ""


def _read(path: Path) -> tuple[Recording, object]:
    """The record, and its timeline as an engine would tell it."""
    from engine import RecordUnreadable, boot_of, recording_of, waterfall_json

    from .evidence import record_bytes

    try:
        data = record_bytes(path)
    except OSError as error:
        raise RecordUnreadable(f"{path} cannot be read: {error.strerror or error}.") from error
    recording = recording_of(data)
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    return recording, {**waterfall_json(boot_of(lines)), "before": None}
