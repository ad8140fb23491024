"""The console script, and `python -m console`."""

from __future__ import annotations

from .shell.exits import Exit
from .streams import fill_closed_streams
from .uncollected import uncollected


def run() -> None:
    """The command line; Ctrl-C ends it without a trace also while it is being loaded."""
    fill_closed_streams()
    uncollected()
    try:
        from .cli import run as command_line

        command_line()
    except KeyboardInterrupt:
        raise SystemExit(Exit.INTERRUPTED) from None


if __name__ == "__main__":
    run()
