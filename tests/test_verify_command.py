"""`verify` as a shell sees it: a table or one object, the exit codes, beside a running engine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .running import NO_DEPTH, coldstart, held

AT = "2026-01-14T12:00:30Z"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration of two symbols and what one start of them left."""
    folder = tmp_path_factory.mktemp("made")
    document = {"symbols": ["XAU/USD", "USD/JPY"], "bootstrap": NO_DEPTH}
    (folder / "config.json").write_text(json.dumps(document))
    done = coldstart("bootstrap", "--port", "0", "--at", AT, cwd=folder)
    assert 0 == done.code, done.err
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged; a copy has no run folder and no hard links."""
    shutil.copy(made / "config.json", tmp_path)
    data = tmp_path / "data_v3"
    shutil.copytree(made / "data_v3", data, ignore=shutil.ignore_patterns("run", "embedded"))
    return tmp_path


def flip(path: Path, at: int) -> None:
    """Turn one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def newest(folder: Path) -> Path:
    """The file of a series that was begun last."""
    return max(folder.glob("seg-*.jsonl"))


def test_a_sound_folder_is_a_table_and_exit_0(here: Path) -> None:
    """A row a symbol, what was counted, and why Redis was not compared."""
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    done = coldstart("verify", cwd=here)

    assert 0 == done.code, done.err
    assert "everything holds" in done.out
    for word in ("XAU/USD", "USD/JPY", "00000001-0001", "16 cells", "not reachable", "ok"):
        assert word in done.out
    assert "" == done.err
    assert before == {path: path.stat().st_mtime_ns for path in here.rglob("*")}


def test_one_object_says_all_of_it(here: Path) -> None:
    """The keys that other programs rely on."""
    done = coldstart("verify", "--json", cwd=here)
    report = done.json

    assert (0, 1, True, [], []) == (
        done.code,
        report["schema"],
        report["ok"],
        report["faults"],
        report["notes"],
    )
    assert {"commits", "manifests", "segments", "bars", "cells", "tails", "state"} == set(
        report["checked"]
    )
    assert "not reachable" == report["redis"]["state"]


def test_damage_is_exit_8_with_the_place_and_the_remedy(here: Path) -> None:
    """One bit, one fault; a start heals it, and then all holds again."""
    path = newest(here / "data_v3" / "XAU_USD" / "tf_300")
    flip(path, 5_000)
    told = coldstart("verify", cwd=here)
    as_json = coldstart("verify", "--json", cwd=here)
    healed = coldstart("bootstrap", "--port", "0", "--at", AT, cwd=here)
    after = coldstart("verify", cwd=here)

    assert (8, 8) == (told.code, as_json.code)
    (fault,) = as_json.json["faults"]
    assert ("segment", "CORRUPT_JSONL", "XAU/USD", "M5") == tuple(
        fault[name] for name in ("check", "code", "symbol", "tf")
    )
    assert fault["path"] == path.relative_to(here / "data_v3").as_posix()
    for words in (fault["path"], fault["hint"], "1 FAULT", "FAULT CORRUPT_JSONL XAU/USD/M5"):
        assert words in told.out
    assert healed.code in (0, 1), healed.err
    assert 0 == after.code, after.out


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("XAU_USD/commit/00000001-0001", "commit"),
        ("XAU_USD/manifest/00000001-0001.json", "manifest"),
        ("_derived_tail_state.json", "state"),
    ],
)
def test_a_bad_document_is_exit_8(here: Path, name: str, check: str) -> None:
    """Each names its own file."""
    flip(here / "data_v3" / name, 200)
    done = coldstart("verify", "--json", cwd=here)

    assert 8 == done.code
    assert [(check, name)] == [(f["check"], f["path"]) for f in done.json["faults"]]


def test_it_runs_beside_an_engine_and_compares_what_redis_serves(here: Path) -> None:
    """No lock is taken, and the embedded server is found by the folder."""
    with held("--at", AT, cwd=here) as engine:
        engine.until(0)
        reports = [coldstart("verify", "--json", cwd=here) for _ in range(3)]

        assert [0, 0, 0] == [done.code for done in reports], reports[0].out
        assert {"agrees"} == {done.json["redis"]["state"] for done in reports}
        assert {16} == {done.json["checked"]["tails"] for done in reports}


@pytest.mark.parametrize("arguments", [("--data", "nowhere"), ("--data", "empty")])
def test_where_nothing_is_stored_it_says_so(here: Path, arguments: tuple[str, ...]) -> None:
    """A folder that was mistyped must not be proved sound."""
    (here / "empty").mkdir()
    done = coldstart("verify", "--json", *arguments, cwd=here)

    assert 6 == done.code
    assert "stored" in done.err
    assert "--data" in done.err
    assert "" == done.out
    assert not (here / "nowhere").exists()


def test_another_redis_that_does_not_answer_is_no_fault(here: Path) -> None:
    """Proving the disk must not depend on a server."""
    done = coldstart("verify", "--json", "--redis", "redis://user:pw@127.0.0.1:1", cwd=here)

    assert 0 == done.code
    assert "redis://127.0.0.1:1" == done.json["redis"]["address"]
    assert "pw@" not in done.out + done.err
