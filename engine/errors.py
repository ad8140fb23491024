"""What the engine refuses or fails with, each as a sentence with the remedy in it.

This file imports nothing, so that the command line can name a failure without loading what
failed. A broker's own failures stand beside its port and share the root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sayings import Saying


class EngineError(Exception):
    """The root of this floor's errors; str() is for the operator."""


class BadConfig(EngineError):
    """The configuration cannot be used; the message names the place and the remedy."""


class HistoryUnreadable(EngineError):
    """A file or folder of history cannot be read at all."""


class BadImport(EngineError):
    """What should be imported cannot be used as it was asked for; says the remedy."""


class StoredLater(EngineError):
    """The data folder holds bars of a time that the clock has not reached."""


class ActionRefused(EngineError):
    """The action cannot be done now, or not by this operator."""

    def __init__(
        self, sentence: str, code: str = "refused", hint: str = "", said: tuple[Saying, ...] = ()
    ) -> None:
        super().__init__(sentence)
        self.code = code
        """`refused`, `unknown`, `bad_args`, `read_only`, `not_armed` or `phrase`."""
        self.hint = hint
        """What the operator can do, in one sentence; empty when there is nothing."""
        self.said = said
        """Sentence and hint as codes with their arguments, where there are such."""


class SocketUnusable(EngineError):
    """The control socket cannot be where it was asked for."""


class PortBusy(EngineError):
    """Another program listens where the API should."""


class ProbeFailed(EngineError):
    """A cell was not answered with 200; the message names it."""


class EngineUnreachable(EngineError):
    """No engine answers at the control socket."""


class EngineSilent(EngineUnreachable):
    """An engine is there but did not answer in time."""


class RecordUnreadable(EngineError):
    """A record of a boot that cannot be read; the message is a sentence with its line."""
