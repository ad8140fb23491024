"""`simulate` on the command line: its account, its story, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.shell.options import Options
from console.shell.simulating import Wanted, simulate
from engine.simulation import oracles


def _wanted(tmp_path: Path, **changed: object) -> Wanted:
    plain: dict[str, object] = {
        "seeds": 2,
        "seed": None,
        "file": None,
        "strategy": "nemesis",
        "is_minimising": False,
        "bars": 60,
        "symbols": 1,
        "workers": 1,
        "out": tmp_path,
    }
    return Wanted(**{**plain, **changed})  # type: ignore[arg-type]


def test_many_runs_give_an_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Violations, boots, operations, cost, what was seen, and a digest for each case."""
    code = simulate(Options(is_json=True), _wanted(tmp_path))
    account = json.loads(capsys.readouterr().out)

    assert 0 == code
    assert {"nemesis": 2} == account["runs"]
    assert {} == account["violations"]
    assert {"nemesis:0", "nemesis:1"} == set(account["digests"])
    assert account["operations"] > account["boots"] >= 2
    assert 0 < account["coverage"]["readers were answered"]
    assert account["unseen"]


def test_one_run_tells_its_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a human reads first is when, who, what."""
    code = simulate(Options(lang="en"), _wanted(tmp_path, seed="1"))
    said = capsys.readouterr().out

    assert 0 == code
    assert "boot 1    boots" in said
    assert "violations: 0" in said


@pytest.mark.parametrize(
    "changed", [{"strategy": "bogus"}, {"seed": "nonsense"}, {"file": Path("nowhere.json")}]
)
def test_what_cannot_be_read_is_usage(tmp_path: Path, changed: dict[str, object]) -> None:
    """Exit 2 and a sentence, as everywhere."""
    with pytest.raises(SystemExit) as ended:
        simulate(Options(), _wanted(tmp_path, **changed))

    assert 2 == ended.value.code


def test_what_fails_is_made_small_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 8, the sentence, and a file that can be replayed."""

    def finds(self: oracles.Oracles) -> None:
        self.violated("nothing may be served")

    monkeypatch.setattr(oracles.Oracles, "look_at_redis", finds)
    wanted = _wanted(tmp_path, seed="1", is_minimising=True)

    code = simulate(Options(lang="en"), wanted)
    (kept,) = tmp_path.glob("*.json")

    assert 8 == code
    assert "does not hold: nothing may be served" in capsys.readouterr().out
    assert "nothing may be served" == json.loads(kept.read_text())["note"]
    assert [] == json.loads(kept.read_text())["acts"]
    assert 8 == simulate(Options(), _wanted(tmp_path, file=kept))
