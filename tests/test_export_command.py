"""`export` as a shell sees it: files for other programs, and the way back of each of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli import app
from engine import grouped, load_config
from uds.model import Bars

from .engine.history_files import csv_text, minute_bars
from .engine.sample_markets import ms
from .running import NO_DEPTH, Done, coldstart, held

SYMBOL = "USD/JPY"
UNTIL = "2026-01-14T12:00"
DAYS = ("20260108", "20260109", "20260111", "20260112", "20260113", "20260114")
"""UTC days with minutes: a week opens on Sunday evening."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration of two symbols and imported minutes of one."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "config.json").write_text(json.dumps({"symbols": [SYMBOL, "USD/CAD"]}))
    (folder / "USDJPY_M1.csv").write_bytes(csv_text(history()))
    done = coldstart("import", "USDJPY_M1.csv", "--at", f"{UNTIL}:30Z", cwd=folder)
    assert 0 == done.code, done.err
    return folder


@pytest.fixture
def here(filled: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(filled, tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """The command line inside this process: a shell would take a second for each command."""

    def run(*arguments: str, cwd: Path) -> Done:
        monkeypatch.chdir(cwd)
        done = CliRunner().invoke(app, list(arguments))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    return run


def history() -> Bars:
    """Every open minute from Thursday on: more than a warm-up."""
    config = load_config(None, {}, {}, Path("/"))
    calendar = config.trading_calendars()[SYMBOL]
    return minute_bars(calendar.minutes(ms("2026-01-08T00:00"), ms(UNTIL)))


def contents(folder: Path) -> dict[str, bytes]:
    """path → bytes of every file in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def parts(folder: Path, *widths: int) -> dict[str, bytes]:
    """The part files of some timeframes."""
    found = contents(folder)
    return {p: found[p] for p in found if any(f"/tf_{width}/" in p for width in widths)}


def test_a_part_is_what_the_platform_of_today_reads(here: Path, shell: Callable[..., Done]) -> None:
    """A file a UTC day, a record a line, sorted, without a checksum; twice the same bytes."""
    done = shell("export", SYMBOL, "--json", cwd=here)
    again = shell("export", "--out", "again", SYMBOL, "--layout", "v3", cwd=here)
    found = contents(here / "export")
    lines = found[f"USD_JPY/tf_300/part-{DAYS[4]}.jsonl"].splitlines()
    records = [json.loads(line) for line in lines]

    assert (0, 0) == (done.code, again.code), done.err + again.err
    assert found == contents(here / "again")
    assert [f"USD_JPY/tf_60/part-{day}.jsonl" for day in DAYS] == [
        p for p in found if "tf_60/" in p
    ]
    assert "symbol tf_s open_time_ms close_time_ms o h low c v complete src extensions" == (
        " ".join(records[0])
    )
    opens = [record["open_time_ms"] for record in records]
    assert opens == sorted(set(opens))
    assert ms("2026-01-13T00:00") == opens[0]
    assert {("USD/JPY", 300, True, "derived")} == {
        (r["symbol"], r["tf_s"], r["complete"], r["src"]) for r in records
    }
    (symbol,) = done.json["symbols"]
    m1 = next(series for series in symbol["series"] if series["timeframe"] == "M1")
    assert (1, "v3", "00000001-0001") == (
        done.json["schema"],
        done.json["layout"],
        symbol["generation"],
    )
    assert (len(history()), len(DAYS), ms("2026-01-08T00:00"), ms(UNTIL), []) == (
        m1["bars"],
        m1["files"],
        m1["from_ms"],
        m1["until_ms"],
        m1["flaws"],
    )


def test_what_was_exported_is_adopted_as_it_was(here: Path) -> None:
    """Store → parts → an empty folder's first start → parts again, byte for byte."""
    (here / "config.json").write_text(json.dumps({"symbols": [SYMBOL], "bootstrap": NO_DEPTH}))
    coldstart("export", SYMBOL, "--out", "moved", cwd=here)
    exported = contents(here / "moved")
    started = coldstart(
        *("bootstrap", "--json", "--port", "0", "--at", f"{UNTIL}:30Z", "--data", "moved"), cwd=here
    )
    back = coldstart("export", SYMBOL, "--data", "moved", "--out", "back", cwd=here)

    assert 0 == back.code, started.err + back.err
    assert ("catch_up", True) == (started.json["mode"], started.json["readiness"])
    assert "legacy files" in started.json["mode_reason"]
    assert 1 >= started.json["broker_requests"]["M1"]
    adopted = contents(here / "moved")
    assert exported == {path: adopted[path] for path in exported}
    widths = (60, 180, 300, 900, 1_800, 3_600, 14_400)
    assert parts(here / "moved", *widths).keys() >= parts(here / "back", *widths).keys()
    for path, data in parts(here / "back", *widths).items():
        assert exported[path] == data, path


def test_csv_comes_back_by_an_import(here: Path, shell: Callable[..., Done]) -> None:
    """One file a series, our own columns, so that nothing is new when it returns."""
    done = shell(
        *["export", "USD/JPY", "--layout", "csv", "--tf", "M1,M5", "--out", "csv"], cwd=here
    )
    again = shell("import", "csv", "--json", "--at", f"{UNTIL}:30Z", cwd=here)

    assert 0 == done.code, done.err
    assert ["USDJPY_M1.csv", "USDJPY_M5.csv"] == list(contents(here / "csv"))
    assert csv_text(history()) == contents(here / "csv")["USDJPY_M1.csv"]
    assert f"M1            {grouped(len(history()))} bars · 1 files" in done.out
    (series,) = again.json["symbols"][0]["series"]
    assert (0, len(history()), 0) == (series["new"], series["repeated"], series["conflicting"])


def test_v3_comes_back_by_an_import(here: Path, shell: Callable[..., Done]) -> None:
    """Parts and whole data folders are one format to whoever asks for it."""
    shell("export", SYMBOL, cwd=here)
    done = shell("import", "export", "--data", "other", "--json", "--format", "v3", cwd=here)
    whole = shell("import", "data_v3", "--data", "third", "--json", cwd=here)

    assert (0, 0) == (done.code, whole.code), done.err + whole.err
    for report in (done.json, whole.json):
        (symbol,) = report["symbols"]
        assert ("v3", len(history())) == (symbol["files"][0]["format"], symbol["series"][0]["new"])


def test_files_are_written_over_only_when_asked_to(here: Path, shell: Callable[..., Done]) -> None:
    """An export of last week is somebody's evidence."""
    shell("export", SYMBOL, "--tf", "M1", cwd=here)
    part = here / "export/USD_JPY/tf_60" / f"part-{DAYS[0]}.jsonl"
    good = part.read_bytes()
    part.write_bytes(b"mine\n")
    refused = shell("export", SYMBOL, cwd=here)
    assert (5, b"mine\n") == (refused.code, part.read_bytes())
    assert f"export/USD_JPY/tf_60/part-{DAYS[0]}.jsonl exists" in refused.err
    assert not (here / "export/USD_JPY/tf_180").exists()

    replaced = shell("export", SYMBOL, "--replace", cwd=here)
    assert (0, good) == (replaced.code, part.read_bytes())


def test_a_running_engine_is_not_disturbed(tmp_path: Path) -> None:
    """No lock is asked for, and its bars are all there."""
    config = {"symbols": [SYMBOL], "bootstrap": NO_DEPTH}  # deeper bars are another generation
    (tmp_path / "config.json").write_text(json.dumps(config))
    with held("--at", f"{UNTIL}:30Z", cwd=tmp_path) as engine:
        served = engine.until(0)
        done = coldstart("export", "--all", "--json", cwd=tmp_path)
        assert 0 == engine.ask().code

    (symbol,) = done.json["symbols"]
    assert (0, "00000001-0001") == (done.code, symbol["generation"])
    exported = {series["timeframe"]: series["bars"] for series in symbol["series"]}
    cells = served["cells"][SYMBOL]
    assert cells.keys() == exported.keys()
    assert [] == [tf for tf, cell in cells.items() if cell["bars"] > exported[tf]]


def test_damage_is_said_and_is_not_a_success(here: Path, shell: Callable[..., Done]) -> None:
    """A bar that is missing in an export must not look as if it had never been."""
    path = sorted((here / "data_v3/USD_JPY/tf_60").glob("seg-*"))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    done = shell("export", SYMBOL, "--json", cwd=here)

    m1 = next(s for s in done.json["symbols"][0]["series"] if s["timeframe"] == "M1")
    assert (8, len(history()) - 1) == (done.code, m1["bars"])
    assert "seg-00000001-0001.jsonl: line" in done.err
    assert [line for line in done.err.splitlines() if line] == m1["flaws"]


BAD_INPUT = [
    ([], 2, ["--all"]),
    ([SYMBOL, "--all"], 2, ["--all"]),
    (["FOO"], 2, ["'FOO'", "USD/JPY, USD/CAD"]),
    ([SYMBOL, "--tf", "M7"], 2, ["'M7'", "M1, M3, M5"]),
    ([SYMBOL, "--tf", ""], 2, ["''", "M1, M3, M5"]),
    ([SYMBOL, "--layout", "parquet"], 2, ["'parquet'", "v3, csv"]),
    ([SYMBOL, "--out", "data_v3"], 5, ["data_v3 is a data folder", "--out"]),
    ([SYMBOL, "--data", "nowhere"], 6, ["nowhere has no committed bars of USD/JPY", "--data"]),
    (["USD/CAD", SYMBOL], 6, ["no committed bars of USD/CAD"]),
    ([SYMBOL, "--out", "config.json"], 5, ["config.json is a file", "--out"]),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), BAD_INPUT, ids=lambda value: str(value)[:40]
)
def test_bad_input_gets_a_sentence(
    filled: Path, shell: Callable[..., Done], arguments: list[str], code: int, words: list[str]
) -> None:
    """The place, the remedy, the right exit code, no traceback, and nothing written."""
    before = contents(filled)
    done = shell("export", *arguments, cwd=filled)

    assert code == done.code, done.err
    assert [] == [word for word in words if word not in done.err]
    assert "Traceback" not in done.err
    assert before == contents(filled)


def test_all_leaves_out_what_was_never_stored_and_says_so(
    here: Path, shell: Callable[..., Done]
) -> None:
    """One symbol that never started is no reason to keep the others."""
    done = shell("export", "--all", "--json", cwd=here)

    assert 0 == done.code
    assert [SYMBOL] == [symbol["symbol"] for symbol in done.json["symbols"]]
    assert ["USD/CAD was left out: nothing of it is committed."] == done.json["skipped"]
