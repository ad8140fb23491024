"""`import` as a shell sees it: exit codes, one sentence each, and a start that goes on from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine import load_config
from engine.history.file_zone import file_zone
from uds.model import Bars

from .engine.history_files import csv_text, minute_bars, text_of
from .engine.sample_markets import ms
from .running import coldstart, held

SYMBOL = "USD/JPY"
UNTIL = "2026-01-14T12:00"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a configuration of one symbol."""
    (tmp_path / "config.json").write_text(json.dumps({"symbols": [SYMBOL]}))
    return tmp_path


def history(from_iso: str) -> Bars:
    """Every open minute from an instant on."""
    config = load_config(None, {}, {}, Path("/"))
    return minute_bars(config.trading_calendars()[SYMBOL].minutes(ms(from_iso), ms(UNTIL)))


def test_an_export_is_imported_and_the_next_start_goes_on_from_it(here: Path) -> None:
    """Three months of a MetaTrader export: its clock is told, and nothing is fetched again."""
    bars = history("2025-10-10T00:00")
    (here / "USDJPY_M1.csv").write_bytes(text_of("mt5", bars, "Europe/Athens"))

    done = coldstart("import", "USDJPY_M1.csv", "--json", cwd=here)
    report = coldstart("bootstrap", "--json", "--port", "0", "--at", f"{UNTIL}:30Z", cwd=here).json

    (symbol,) = done.json["symbols"]
    (series,) = symbol["series"]
    assert (0, 1) == (done.code, done.json["schema"]), done.err
    assert ("mt", "Europe/Athens") == (symbol["files"][0]["format"], symbol["files"][0]["zone"])
    assert (len(bars), 0, 0) == (series["new"], series["repeated"], series["conflicting"])
    assert "00000001-0001" == symbol["generation"]
    assert ("catch_up", True) == (report["mode"], report["readiness"])
    assert 1 >= report["broker_requests"]["M1"]


def test_conflicts_are_loud_and_a_report_is_for_people_too(here: Path) -> None:
    """Nobody reads a JSON document to find out that two sources disagree."""
    (here / "USDJPY_M1.csv").write_bytes(csv_text(history("2026-01-12T00:00")))
    coldstart("import", ".", cwd=here)
    (here / "USDJPY_M1.csv").write_bytes(
        csv_text(minute_bars(np.array([ms("2026-01-13T10:00"), ms("2026-01-13T10:01")]), 7))
    )
    again = coldstart("import", ".", cwd=here)
    replaced = coldstart("import", ".", "--replace", cwd=here)

    assert (0, 0) == (again.code, replaced.code)
    assert "USD/JPY/M1: 2 bars differ from stored ones, the first at 2026-01-13 10:00" in again.err
    assert "the stored ones stay; --replace takes the file's." in again.err
    assert "the file's were taken." in replaced.err
    assert "0 new · 0 repeated · 2 conflicting" in again.out
    assert "UTC: its times say themselves" in again.out


BAD_INPUT = [
    (["USDJPY_M1.txt"], 2, ["UTC and Europe/London alike", "--zone"]),
    (["USDJPY_M1.txt", "--zone", "EST"], 2, ["'EST'", "EST5"]),
    (["USDJPY_M1.txt", "--format", "v3"], 2, ["'v3'", "csv, histdata, mt, dukascopy"]),
    (["USDJPY_M1.txt", "--symbol", "FOO"], 2, ["'FOO'", "USD/JPY"]),
    (["config.json"], 2, ["config.json", "--symbol"]),
    (["nowhere.csv"], 6, ["nowhere.csv cannot be read"]),
    (["USDJPY_M1.csv.gz"], 6, ["USDJPY_M1.csv.gz cannot be read", "gzip"]),
    (["USDJPY_M1.txt", "--at", "yesterday"], 2, ["--at"]),
    ([], 2, ["Missing argument"]),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), BAD_INPUT, ids=lambda value: str(value)[:40]
)
def test_bad_input_gets_a_sentence(
    here: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    """The place, the remedy, the right exit code, no traceback, and no folder left behind."""
    (here / "USDJPY_M1.txt").write_bytes(text_of("mt4", history("2026-01-05T00:00"), "UTC"))
    (here / "USDJPY_M1.csv.gz").write_bytes(b"not gzip")
    done = coldstart("import", *arguments, cwd=here)

    assert code == done.code, done.err
    assert [] == [word for word in words if word not in done.err]
    assert "Traceback" not in done.err
    assert not (here / "data_v3").exists()


def test_a_folder_whose_engine_runs_is_refused(here: Path) -> None:
    """The owner is named; nothing is written under its feet."""
    (here / "USDJPY_M1.txt").write_bytes(text_of("mt4", history("2026-01-12T00:00"), "UTC"))
    with held(cwd=here) as engine:
        engine.until(0)
        done = coldstart("import", "USDJPY_M1.txt", "--zone", file_zone("UTC").name, cwd=here)

        assert 5 == done.code
        assert f"process {engine.process.pid}, which is running" in done.err
