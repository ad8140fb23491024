"""How a command goes about it: the configuration, the engine's ear, and what failures become."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import parse_qs, urlsplit

from engine import ActionRefused, EngineError
from uds import UdsError

from ..clean import defused
from .exits import Exit
from .options import BadOption, Options

if TYPE_CHECKING:
    from engine import Config

ASK_TIMEOUT_S = 5.0
_EXIT_OF = {
    "ActionRefused": Exit.REFUSED,
    "BenchFailed": Exit.FAILED,
    "EngineSilent": Exit.TIMEOUT,
    "EngineUnreachable": Exit.UNREACHABLE,
    "FolderLocked": Exit.REFUSED,
    "HistoryUnreadable": Exit.FAILED,
    "NothingStored": Exit.FAILED,
    "UdsError": Exit.FAILED,
    "EngineError": Exit.USAGE,
    "BadOption": Exit.USAGE,
}
"""By the name of the error or of the nearest ancestor listed, so that no error is loaded early."""
_SEEN = (
    "The password in --redis can be read by anybody on this host: "
    "give the address in COLDSTART_REDIS__URL, or in a config.json that is yours alone."
)
_MISTAKEN = ("unknown", "unknown_op", "bad_args", "bad_request")
"""Refusals that say that the question was wrong, not that it may not be done."""

_T = TypeVar("_T")


class NobodyReads(Exception):
    """Whoever read our output has seen enough, as `| head` has."""


def loaded(options: Options) -> Config:
    """The configuration as it is used."""
    from engine import load_config

    def load() -> Config:
        options.at_ms()  # said also where nothing will run at that instant
        try:
            cwd = Path.cwd()
        except FileNotFoundError as error:
            raise BadOption("The current folder was removed: change to another.") from error
        config = load_config(options.config, os.environ, options.overrides(), cwd)
        if config.console.keys:
            from ..keys import keys_from

            keys_from(config.console.keys)
        return config

    config = or_fail(load)
    address = urlsplit(options.redis or "")
    if address.password or "password" in parse_qs(address.query):
        tell(_SEEN)
    return config


def asked(options: Options, op: str, args: Mapping[str, object]) -> Any:
    """What the running engine answers; the command ends here when it does not."""
    from engine import call_engine

    config = loaded(options)
    timeout_s = ASK_TIMEOUT_S if options.timeout_s is None else options.timeout_s
    return or_fail(
        lambda: call_engine(config.data_root, op, args, path=options.socket, timeout_s=timeout_s)
    )


def run_loop(work: Coroutine[Any, Any, _T], say: Callable[[str], None] | None = None) -> _T:
    """Run to its end on a loop of its own; a failure is told, or said as `say` does."""
    return or_fail(lambda: asyncio.run(work), say)


def or_fail(work: Callable[[], _T], say: Callable[[str], None] | None = None) -> _T:
    """Do it; a failure that we know becomes its sentence and its exit code."""
    try:
        return work()
    except ActionRefused as error:
        code = Exit.USAGE if error.code in _MISTAKEN else Exit.REFUSED
        fail(code, f"{error} {error.hint}".rstrip(), say)
    except (EngineError, UdsError, BadOption) as error:
        names = (ancestor.__name__ for ancestor in type(error).__mro__)
        fail(next(_EXIT_OF[name] for name in names if name in _EXIT_OF), str(error), say)
    except KeyboardInterrupt:
        raise SystemExit(Exit.INTERRUPTED) from None


def fail(code: Exit, sentence: str, say: Callable[[str], None] | None = None) -> NoReturn:
    """Say why on stderr, and end."""
    (say or tell)(sentence)
    raise SystemExit(code)


def need_terminal(what: str, instead: str) -> None:
    """Refuse where no picture can be drawn; a dumb terminal would show the codes that draw it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail(Exit.USAGE, f"{what} needs a terminal; {instead}")
    if os.environ.get("TERM") == "dumb":
        fail(Exit.USAGE, f"{what} needs a terminal that can be drawn on, TERM is dumb; {instead}")


def tell(text: str) -> None:
    """To whoever watches."""
    print(defused(text), file=sys.stderr, flush=True)


def show(text: str) -> None:
    """The answer: stdout, at once, for it may be a pipe; raises NobodyReads.

    Where it cannot be written the command has failed, whatever it has done.
    """
    try:
        print(defused(text), flush=True)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            _forget_answer()
            raise NobodyReads from error
        fail_unwritten(error)


def fail_unwritten(error: OSError) -> NoReturn:
    """There is no room for the answer where it should go."""
    _forget_answer()
    fail(Exit.FAILED, f"The answer cannot be written: {error.strerror}.")


def _forget_answer() -> None:
    """What is left must not be flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def confirmed(question: str) -> bool:
    """A question on stderr; anything but yes is no, and so is the end of the input."""
    return _typed(f"{question} [y/N] ").lower() in ("y", "yes", "т", "так")


def typed(question: str, phrase: str) -> str:
    """What was typed instead of the phrase, or it."""
    return _typed(f"{question} Type {phrase!r} to go on: ")


def _typed(prompt: str) -> str:
    print(defused(prompt), end="", file=sys.stderr, flush=True)
    try:
        return input().strip()
    except EOFError:
        print(file=sys.stderr)
        return ""
