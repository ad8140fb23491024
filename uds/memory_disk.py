"""The Disk seam over a simulated platter: product code for tests and for the simulation.

It performs the very scripts of the real disk, and asks its seam before every step: there a
simulation counts, pauses, kills, cuts the power or injects a fault. No threads, no clock.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from os import strerror
from typing import NoReturn, Protocol

from .disk_steps import Script, Scripts, Step, Sync, T, Write, saying, span
from .errors import FolderLocked
from .fault import Fault, FaultKind
from .incarnation import check_incarnation
from .platter import Files, Platter
from .ports import Append

__all__ = ["MemoryDisk", "NodeCrashed", "Platter", "StepSeam"]


class NodeCrashed(BaseException):
    """The node this handle belonged to is dead: nothing of it may go on, nor be handled."""


class StepSeam(Protocol):
    """Who is asked before every step of a simulated disk."""

    async def before(self, name: str, path: str) -> Fault | None:
        """Wait as long as it likes, kill whom it likes; a fault for this step, None for none.

        `name` is the operation and the step, such as `append.Sync`, or `read`, `size`, `names`.
        """
        ...


class MemoryDisk:
    """One node's handle of a platter; alone, a disk that does as it is told."""

    def __init__(
        self,
        platter: Platter | None = None,
        seam: StepSeam | None = None,
        leaves_out: frozenset[str] = frozenset(),
    ) -> None:
        """leaves_out plants a bug: names of steps, such as `link.SyncFolder`, never done."""
        self.platter = platter or Platter()
        self._seam = seam
        self._leaves_out = leaves_out
        self._scripts = Scripts()
        self._born = self.platter.crash_count
        self._is_dead = False

    @property
    def files(self) -> Files:
        """path → bytes, to look at and to damage; what is put here is durable at once."""
        return self.platter.files

    @files.setter
    def files(self, files: Mapping[str, bytes]) -> None:
        if files is not self.platter.files:
            self.platter.files.clear()
            self.platter.files.update(files)

    def crash(self) -> None:
        """kill -9 of this node: what it wrote stays, its lock is free, this handle is dead."""
        self._is_dead = True
        self.close()

    async def lock(self, holder: str) -> None:
        """Own the platter until closed or killed; raises FolderLocked."""
        await self._before("lock", "")
        if self.platter.holder not in (None, self):
            raise FolderLocked("The data folder is owned by another node.")
        self.platter.holder = self

    async def names(self, folder: str) -> tuple[str, ...]:
        """Entries of a folder, sorted; none when it does not exist."""
        with saying("list", folder):
            await self._look("names", folder)
            try:
                return self.platter.names(folder)
            except FileNotFoundError:
                return ()

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """Bytes [from_byte, until_byte) of a file, from its end when negative; None without it."""
        with saying("read", path):
            await self._look("read", path)
            try:
                data = self.platter.data(path)
            except FileNotFoundError:
                return None
        first, end = span(len(data), from_byte, until_byte)
        return data[first:end]

    async def size(self, path: str) -> int | None:
        """Length of a file in bytes; None when it does not exist."""
        with saying("measure", path):
            await self._look("size", path)
            try:
                return len(self.platter.data(path))
            except FileNotFoundError:
                return None

    async def append(self, appends: Iterable[Append]) -> None:
        """Write each and make it durable before the next."""
        await self._perform("append", self._scripts.append(appends))

    async def make(self, folders: Sequence[str]) -> None:
        """Make folders, and those above them."""
        await self._perform("make", self._scripts.make(folders))

    async def create(self, path: str, data: bytes) -> bool:
        """Create a file that must not exist; False when it does."""
        return await self._perform("create", self._scripts.create(path, data))

    async def replace(self, path: str, data: bytes, keep_as: str | None = None) -> None:
        """Put a whole file in place of another, or of none, in one step."""
        await self._perform("replace", self._scripts.replace(path, data, keep_as))

    async def truncate(self, path: str, length: int) -> None:
        """Cut the end off a file; one that is shorter is an error."""
        await self._perform("truncate", self._scripts.truncate(path, length))

    async def link(self, path: str, as_path: str) -> None:
        """Give a durable file a second name."""
        await self._perform("link", self._scripts.link(path, as_path))

    async def remove(self, paths: Sequence[str]) -> None:
        """Remove files; those that do not exist are fine."""
        await self._perform("remove", self._scripts.remove(paths))

    def close(self) -> None:
        """Let go of the lock."""
        if self.platter.holder is self:
            self.platter.holder = None

    async def _perform(self, operation: str, script: Script[T]) -> T:
        """What `perform` does for the real disk, with a seam to wait for between the steps."""
        try:
            step = next(script)
            while True:
                try:
                    answer = await self._do(f"{operation}.{type(step).__name__}", step)
                except OSError as error:
                    step = script.throw(error)
                else:
                    step = script.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _do(self, name: str, step: Step) -> bool:
        if name in self._leaves_out:
            return True
        fault = await self._before(name, step.path)
        return self.platter.do(step) if fault is None else self._fail(step, fault)

    async def _look(self, name: str, path: str) -> None:
        fault = await self._before(name, path)
        if fault is not None:
            self._die_or_raise(fault)

    async def _before(self, name: str, path: str) -> Fault | None:
        self._stand()
        fault = await self._seam.before(name, path) if self._seam is not None else None
        self._stand()
        return fault

    def _stand(self) -> None:
        """Raise when this node died or its incarnation was revoked, here or while it waited."""
        if self._is_dead or self.platter.crash_count != self._born:
            raise NodeCrashed
        check_incarnation()

    def _fail(self, step: Step, fault: Fault) -> NoReturn:
        if fault.kind is FaultKind.LOSE_REPLY:
            self.platter.do(step)
        elif isinstance(step, Write) and fault.kept_bytes is not None:
            self.platter.do(replace(step, data=step.data[: fault.kept_bytes]))
        elif isinstance(step, Sync) and fault.kind is not FaultKind.CRASH:
            self.platter.fail_sync(step.path)
        self._die_or_raise(fault)

    def _die_or_raise(self, fault: Fault) -> NoReturn:
        if fault.kind is FaultKind.CRASH:
            self.crash()
            raise NodeCrashed
        code = errno.ENOSPC if fault.kind is FaultKind.FULL else errno.EIO
        raise OSError(code, strerror(code))
