"""What a headless engine warns of, on stderr: foreign words in it steer no terminal."""

from __future__ import annotations

import logging

from ..clean import defused


class _Shown(logging.Formatter):
    """A record as text that cannot steer."""

    def format(self, record: logging.LogRecord) -> str:
        return defused(super().format(record))


def log_to_stderr(level: str = "warning") -> None:
    """From this level on; what is less is heard by the engine's own ring."""
    handler = logging.StreamHandler()
    handler.setLevel(level.upper())
    handler.setFormatter(_Shown("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
