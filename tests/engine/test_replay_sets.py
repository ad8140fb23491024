"""A replay of a collection: the one set that has every symbol, or one sentence of why not."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from engine.broker.replay import ReplayFolderIncomplete, load_history
from engine.broker.replay_sets import folder_of
from tests.engine.real_history import FOLDER, needs_real_history
from tests.engine.sample_markets import ANCHORS, FX

EURO, YEN = "EUR/USD", "USD/JPY"


def collection(folder: Path, **sets: dict[str, int]) -> Path:
    """A folder of sets, each {symbol as its files are called: M1 rows}, with their manifest."""
    files = []
    for place, held in sets.items():
        (folder / place).mkdir()
        for name, rows in held.items():
            file = f"{place}/{name}_M1.csv"
            (folder / file).write_text("open_ms,o,h,l,c,v\n")
            files.append({"file": file, "symbol": name, "tf": "M1", "rows": rows})
    (folder / "manifest.json").write_text(json.dumps({"files": files}))
    return folder


def chosen(folder: Path, *symbols: str, **instruments: str) -> str:
    """The name of the set that a replay of the symbols would read."""
    return str(Path(folder_of(str(folder), symbols, instruments)).relative_to(folder))


def refusal(folder: Path, *symbols: str) -> str:
    """What is said of a folder that will not do."""
    with pytest.raises(ReplayFolderIncomplete) as refused:
        folder_of(str(folder), symbols, {})
    return str(refused.value)


def test_the_set_with_every_symbol_is_played(tmp_path: Path) -> None:
    """Two sources of one symbol are two markets, and all symbols must live at one time."""
    collection(tmp_path, old={"EURUSD": 9}, new={"EURUSD": 5, "USDJPY": 5}, far={"DE30": 7})

    assert "new" == chosen(tmp_path, EURO, YEN)
    assert "far" == chosen(tmp_path, "GER30", GER30="DE30")


def test_of_several_sets_the_largest_is_played_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator did not choose, so they must read what was chosen."""
    collection(tmp_path, short={"EURUSD": 9}, long={"EURUSD": 10}, other={"USDJPY": 99})

    with caplog.at_level(logging.WARNING):
        assert "long" == chosen(tmp_path, EURO)

    assert f"2 sets in {tmp_path} have M1 of EUR/USD: long is played" in caplog.text


def test_ask_prices_and_other_timeframes_make_no_set(tmp_path: Path) -> None:
    """A set without minutes of the bid side would be refused later, with a stranger sentence."""
    files = [
        {"file": "a/EURUSD_M1_ask.csv", "symbol": "EURUSD", "tf": "M1", "variant": "ask"},
        {"file": "a/EURUSD_D1.csv", "symbol": "EURUSD", "tf": "D1"},
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))

    assert refusal(tmp_path, EURO).endswith("has a manifest.json that lists no file of M1.")


def test_what_the_nearest_set_lacks_is_named(tmp_path: Path) -> None:
    """Which file to add is the only question left."""
    collection(tmp_path, a={"EURUSD": 9}, b={"EURUSD": 5, "USDJPY": 5})

    assert "b comes nearest, and lacks GER30, XAU/USD." in refusal(
        tmp_path, EURO, YEN, "GER30", "XAU/USD"
    )


def test_a_plain_folder_of_files_stays_one(tmp_path: Path) -> None:
    """A manifest beside the files themselves must not lead away from them."""
    collection(tmp_path, a={"EURUSD": 9})
    (tmp_path / "EURUSD.csv").write_text("open_ms,o,h,l,c,v\n")

    assert "." == chosen(tmp_path, EURO)
    (tmp_path / "EURUSD.csv").unlink()
    (tmp_path / "manifest.json").unlink()
    assert "." == chosen(tmp_path, EURO)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"files": 1}', '{"files": [1]}', "[" * 9_999, "\udcff"]
)
def test_a_manifest_that_is_none_is_said_in_one_sentence(tmp_path: Path, text: str) -> None:
    """It is the operator's file, whatever is in it."""
    (tmp_path / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))

    assert "must be JSON with files[], each with file, symbol and tf." in refusal(tmp_path, EURO)


def test_what_is_no_folder_is_said_in_one_sentence(tmp_path: Path) -> None:
    """A file, nothing, and a manifest that cannot be read are three different slips."""
    collection(tmp_path, a={"EURUSD": 9})
    manifest = tmp_path / "manifest.json"

    assert f"{manifest} is a file: name the folder that holds the files." == refusal(manifest)
    assert "cannot be read: No such file or directory." in refusal(tmp_path / "nowhere")
    assert "cannot be read: File name too long." in refusal(tmp_path / ("x" * 300))
    manifest.unlink()
    manifest.mkdir()
    assert "manifest.json cannot be read: Is a directory." in refusal(tmp_path, EURO)


@needs_real_history
def test_the_collection_of_real_history_is_played() -> None:
    """Four pairs that only one of its six sets has together."""
    pairs = (EURO, "GBP/USD", "USD/CAD", YEN)
    folder = folder_of(FOLDER, pairs, {})
    history = load_history(folder, pairs, anchors=ANCHORS, calendars=dict.fromkeys(pairs, FX))

    assert "mt5_2022q4" == Path(folder).name
    assert [60_000] * 4 == [len(bars) for bars in history.m1.values()]
