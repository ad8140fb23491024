"""The command line that the journal shows for an act does that very act."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from console.cli import app
from console.shell import acting, drilling
from console.shell.options import Options
from console.widgets.journal import Journal
from console.words import Words
from engine.acts.actions import ACTIONS
from engine.replica import built
from engine.status import Act

GIVEN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "restart": {"process": ("m1_poller",)},
    "restart-force": {"process": ("ui",)},
    "rebuild": {"symbols": ("XAU/USD", "NGAS")},
    "drill": {"drill": ("F2",), "allow": ("yes",)},
    "acknowledge": {"code": ("GAP",), "scope": ("HKG33/H4",)},
}


class Asked(Exception):
    """The command has asked the engine; nothing more is wanted of it."""


@pytest.mark.parametrize("action_id", list(ACTIONS))
def test_each_act_has_a_command_line_that_asks_for_it(
    action_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry of the registry stands for key, socket and shell; none may be without a shell."""
    heard: list[Mapping[str, Any]] = []

    def asked(_: Options, op: str, args: Mapping[str, Any]) -> Any:
        heard.append(args)
        raise Asked(op)

    monkeypatch.setattr(acting, "asked", asked)
    monkeypatch.setattr(drilling, "_asked", lambda options, _, op, args: asked(options, op, args))
    given = GIVEN.get(action_id, {})
    program, *words = shlex.split(ACTIONS[action_id].command(given))
    done = CliRunner().invoke(app, words)

    assert "coldstart-console" == program
    assert isinstance(done.exception, Asked), done.output
    (args,) = heard
    said = args.get("arguments", {})
    told = {name: (v,) if isinstance(v, str) else tuple(v) for name, v in said.items()}
    assert (action_id, given) == (args["action"], told)


def test_what_may_be_left_out_is_left_out_of_the_line_too() -> None:
    """A line with an empty word in it would be refused."""
    line = ACTIONS["acknowledge"].command({"code": ("QUARANTINE_ROTATED",)})
    assert "coldstart-console why --acknowledge QUARANTINE_ROTATED" == line
    assert "coldstart-console drill run --live F2" == ACTIONS["drill"].command({"drill": ("F2",)})


def test_an_act_of_an_older_record_has_no_line() -> None:
    """A recorded boot of before is replayed without one."""
    older = {"seq": 1, "at_ms": 0, "action": "rebuild", "given": {}, "by": "x", "said": "done"}
    act = built(Act, older, "act")
    assert isinstance(act, Act)
    journal = Journal(Words())
    journal._note(act)

    assert ["", ""] == [act.command, journal.entries[0].command]


@pytest.mark.parametrize(
    "words", [["rebuild"], ["rebuild", "--all", "NGAS"], ["rebuild", "--all", "--deepening=pause"]]
)
def test_a_rebuild_must_say_one_thing(words: list[str]) -> None:
    """Two at once would do only one of them."""
    done = CliRunner().invoke(app, words)
    assert (2, "") == (done.exit_code, done.stdout)
