"""All traffic inside the console on one page."""

from __future__ import annotations

from textual.message import Message

from engine import Status


class StatusChanged(Message):
    """The engine has a newer status; a newer message swallows this one."""

    def __init__(self, status: Status) -> None:
        super().__init__()
        self.status = status
        """The newest value when it was posted."""

    def can_replace(self, message: Message) -> bool:
        """A level, not an event: only the newest counts."""
        return isinstance(message, StatusChanged)


class Told(Message):
    """The engine answered an action; each one is shown."""

    def __init__(self, sentence: str, path: str = "") -> None:
        super().__init__()
        self.sentence = sentence
        """What was done or why not; foreign text, cleaned before it is drawn."""
        self.path = path
        """The file it speaks of, as it stands in the sentence; empty for none."""


class LogGrew(Message):
    """There are new log lines; it is sent once until they are drawn."""
