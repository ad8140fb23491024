"""The command line as a shell sees it: exit codes, a sentence for each bad input, signals."""

from __future__ import annotations

import json
import re
import signal
import socket
from pathlib import Path

import pytest

from console.__main__ import run

from .running import FAST, coldstart, get, held

ONE_SYMBOL = {"symbols": ["XAU/USD"]}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a configuration of one symbol, as an operator would have it."""
    (tmp_path / "config.json").write_text(json.dumps(ONE_SYMBOL))
    return tmp_path


def test_bootstrap_of_the_built_in_market_is_open(tmp_path: Path) -> None:
    """A fresh machine, no configuration: 13 symbols, 104 cells, exit 0, and it says how fast."""
    done = coldstart("bootstrap", "--json", "--port", "0", cwd=tmp_path)
    report = done.json

    assert 0 == done.code, done.err
    assert {"ready": 104, "total": 104} == report["cells"]
    assert ("open", True, "cold") == (report["gate"], report["readiness"], report["mode"])
    assert 0 == report["broker_requests"]["other"]
    assert {"p50", "p95", "max"} == report["first_candle_ms"].keys()
    assert report["ratio_to_floor"] >= 1


def test_the_floor_can_be_recomputed_from_the_requests(here: Path) -> None:
    """Under constant latency the floor is login + ceil(requests / slots) × latency, no more."""
    report = coldstart("bootstrap", "--json", "--port", "0", cwd=here).json
    requests = sum(report["broker_requests"].values())

    assert report["broker_floor_s"] == pytest.approx(0.05 + -(-requests // 4) * 0.005)


def test_a_second_start_catches_up(here: Path) -> None:
    """What is stored is not fetched again."""
    coldstart("bootstrap", "--port", "0", cwd=here)
    report = coldstart("bootstrap", "--json", "--port", "0", cwd=here).json

    assert "catch_up" == report["mode"]
    assert 2 == report["owner_token"]
    assert {"XAU/USD": "00000002-0001"} == report["generations"]
    assert 1 >= report["broker_requests"]["M1"]


@pytest.mark.parametrize(
    "at",
    ["2026-11-21T12:00:00Z", "2026-11-18T22:30:00Z", "2026-12-25T12:00:00Z", "2026-03-08T22:30Z"],
    ids=["saturday", "daily break", "christmas", "clock change"],
)
def test_a_start_ends_open_when_the_market_is_shut(tmp_path: Path, at: str) -> None:
    """A market that is shut is no failure, whatever the group's calendar."""
    done = coldstart("bootstrap", "--json", "--port", "0", "--at", at, cwd=tmp_path)

    assert 0 == done.code, done.err
    assert {"ready": 104, "total": 104} == done.json["cells"]


BAD_INPUT = [
    (["config", "check"], {"brokr": {}}, 2, ["config.json", "'brokr'", "did you mean 'broker'"]),
    (["config", "check"], {"broker": {"sim": {"latencyms": 1}}}, 2, ["'latency_ms'"]),
    (["config", "check"], {"symbols": "XAU/USD"}, 2, ["'symbols'", "list"]),
    (["config", "check"], {"symbols": ["FOO"]}, 2, ["FOO", "symbol_calendars"]),
    (["config", "check"], {"anchors": {"zone": "EST"}}, 2, ["anchors", "EST"]),
    (["bootstrap", "--broker", "fake"], ONE_SYMBOL, 2, ["--broker", "replay:PATH"]),
    (["bootstrap", "--broker", "replay:nowhere"], ONE_SYMBOL, 2, ["nowhere", "cannot be read"]),
    (["bootstrap", "--broker", "replay:."], ONE_SYMBOL, 2, ["XAU/USD", "XAUUSD_M1.csv"]),
    (["bootstrap", "--at", "yesterday"], ONE_SYMBOL, 2, ["--at", "yesterday"]),
    (["bootstrap", "--redis", "http://x"], ONE_SYMBOL, 2, ["redis.url", "redis://"]),
    (["status"], ONE_SYMBOL, 3, ["No engine answers", "coldstart-console up"]),
    (["down", "--yes"], ONE_SYMBOL, 3, ["No engine answers"]),
    (["up"], ONE_SYMBOL, 2, ["terminal", "--headless"]),
    (["frobnicate"], ONE_SYMBOL, 2, ["frobnicate"]),
    (["doctor"], ONE_SYMBOL, 2, ["'doctor' is not in this version."]),
    (["completion", "bash"], ONE_SYMBOL, 2, ["'completion' is not in this version."]),
    (["bootstrap", "--broker", "fxcm"], ONE_SYMBOL, 2, ["fxcm is not in this version"]),
]


@pytest.mark.parametrize(
    ("arguments", "config", "code", "words"), BAD_INPUT, ids=lambda value: str(value)[:40]
)
def test_bad_input_gets_a_sentence(
    tmp_path: Path, arguments: list[str], config: object, code: int, words: list[str]
) -> None:
    """One sentence that names the place and the remedy, the right exit code, no traceback."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = coldstart(*arguments, cwd=tmp_path)

    assert code == done.code
    assert [] == [word for word in words if word not in done.err]
    assert "Traceback" not in done.err
    assert not (tmp_path / "data_v3").exists()


def test_a_configuration_that_is_not_json_names_the_place(tmp_path: Path) -> None:
    """The line and column are there for whoever has to mend it."""
    (tmp_path / "config.json").write_text('{"symbols": [}')
    done = coldstart("config", "check", cwd=tmp_path)

    assert 2 == done.code
    assert "line 1 column" in done.err


def test_a_priming_budget_that_cannot_be_kept_is_said_with_the_number_to_set(
    tmp_path: Path,
) -> None:
    """Before a start finds out: the built-in budget will do, a tenth of a second will not."""
    small = {"COLDSTART_BOOTSTRAP__REDIS_PRIMING_BUDGET_S": "0.1"}
    fine = coldstart("config", "check", cwd=tmp_path)
    said = coldstart("config", "check", cwd=tmp_path, env=small)
    told = coldstart("config", "check", "--json", cwd=tmp_path, env=small)

    assert (0, "") == (fine.code, fine.err)
    assert (1, 1) == (said.code, told.code)
    for words in ("PRIME_BUDGET_TOO_SMALL", "redis_priming_budget_s to ", "it is 0.1 s"):
        assert words in said.out
    assert ["PRIME_BUDGET_TOO_SMALL"] == [reason["code"] for reason in told.json["reasons"]]


def test_the_environment_overrides_and_is_checked(here: Path) -> None:
    """A misspelt variable must not be ignored in silence."""
    shown = coldstart("config", "show", cwd=here, env={"COLDSTART_API__PORT": "9"}).json
    wrong = coldstart("config", "show", cwd=here, env={"COLDSTART_API__PROT": "9"})

    assert 9 == shown["api"]["port"]
    assert 2 == wrong.code
    assert "did you mean 'port'" in wrong.err


def test_secrets_never_reach_the_screen(here: Path) -> None:
    """`config show` is what people paste into a ticket."""
    url = "redis://user:hunter2@127.0.0.1:6379/0?password=swordfish"
    shown = coldstart("config", "show", cwd=here, env={"COLDSTART_REDIS__URL": url})
    refused = url.replace("password=", "passwort=")
    wrong = coldstart("config", "show", cwd=here, env={"COLDSTART_REDIS__URL": refused})

    assert "redis://127.0.0.1:6379/0" == shown.json["redis"]["url"]
    assert not {"hunter2", "swordfish"} & set(re.split(r"\W", shown.out + shown.err))
    assert 2 == wrong.code
    assert not {"hunter2", "swordfish"} & set(re.split(r"\W", wrong.out + wrong.err))


def test_shared_options_may_stand_before_or_after(here: Path) -> None:
    """Nobody remembers on which side an option belongs."""
    before = coldstart("--port", "7", "config", "show", cwd=here)
    after = coldstart("config", "show", "--port=7", cwd=here)

    assert 7 == before.json["api"]["port"]
    assert before.out == after.out


def test_an_unreachable_redis_keeps_the_gate_closed(here: Path) -> None:
    """No Redis, no opening: the reason is said, and the wait ends in time-out, not in a crash."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"redis://user:secret@127.0.0.1:{taken.getsockname()[1]}"
        done = coldstart(
            "bootstrap", "--json", "--port", "0", "--redis", url, "--timeout", "2", cwd=here
        )

    assert 4 == done.code
    assert "closed" == done.json["gate"]
    assert "REDIS_DOWN" in [reason["code"] for reason in done.json["reasons"]]
    assert "secret" not in done.out + done.err


def test_a_data_folder_that_cannot_be_made_is_said(here: Path) -> None:
    """Rights are the operator's to mend; nothing is written elsewhere instead."""
    done = coldstart("bootstrap", "--data", "/proc/coldstart", cwd=here)

    assert 6 == done.code
    assert "/proc/coldstart cannot be used" in done.err
    assert "--data" in done.err


def test_a_data_folder_that_is_a_file_is_said(here: Path) -> None:
    """The same for a path that can never become a folder, whoever we are."""
    (here / "data_v3").write_text("")
    done = coldstart("bootstrap", cwd=here)

    assert 6 == done.code
    assert "data_v3" in done.err
    assert "Traceback" not in done.err


def test_a_second_owner_is_refused_and_told_who_owns(here: Path) -> None:
    """Two engines on one folder would be split brain."""
    with held(cwd=here) as first:
        first.until(0)
        second = coldstart("bootstrap", "--port", "0", cwd=here)

        assert 5 == second.code
        assert f"process {first.process.pid}, which is running" in second.err


def test_a_busy_port_is_a_reason_and_not_an_end(here: Path) -> None:
    """The data are kept ready although nobody can be answered; the operator is told why."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = coldstart("bootstrap", "--json", "--port", port, cwd=here)

    assert 1 == done.code
    assert "open_degraded" == done.json["gate"]
    degraded = [r["code"] for r in done.json["reasons"] if r["severity"] == "degraded"]
    assert ["API_PORT_BUSY"] == degraded
    assert f"Port {port} on 127.0.0.1 is in use" in done.json["reasons"][0]["detail"]


def test_stored_bars_of_a_later_time_are_refused(here: Path) -> None:
    """Running in the past on top of the future would mix two truths."""
    at = "2026-11-18T12:00:00Z"
    coldstart("bootstrap", "--port", "0", "--at", at, cwd=here)
    done = coldstart("bootstrap", "--port", "0", "--at", "2026-11-17T12:00:00Z", cwd=here)

    assert 2 == done.code
    assert "2026-11-18 11:5" in done.err


def test_readers_get_503_with_reasons_and_then_bars(here: Path) -> None:
    """During a start with a slow login the API answers at once, and says what it waits for."""
    slow = {**FAST, "COLDSTART_BROKER__SIM__LOGIN_S": "2"}
    question = "/api/bars?symbol=XAU/USD&tf=H4&limit=3"
    with held(cwd=here, env=slow) as engine:
        port = engine.port()
        assert port == engine.ask().json["api_port"]
        early_code, early = get(port, question)
        engine.until(0)
        late_code, late = get(port, question)

        assert 503 == early_code
        assert "XAU/USD/M1" in early["waiting_for"]
        assert "filling" == early["phase"]
        assert 200 == late_code
        assert 3 == len(late["bars"])
        assert (404, 400) == (
            get(port, "/api/bars?symbol=FOO&tf=M1")[0],
            get(port, "/api/bars?symbol=XAU/USD&tf=M1&limit=many")[0],
        )


def test_kill_9_leaves_nothing_in_the_way(here: Path) -> None:
    """The next start finds no orphan server, no stale lock, and opens."""
    with held(cwd=here) as first:
        first.until(0)
        first.kill()
        with held(cwd=here) as second:
            status = second.until(0)

    assert (2, "catch_up") == (status["owner_token"], status["mode"])


def test_down_stops_in_order(here: Path) -> None:
    """The process ends with 0 and its socket is gone."""
    with held(cwd=here) as engine:
        engine.until(0)
        done = coldstart("down", "--yes", cwd=here)

        assert 0 == done.code, done.err
        assert 0 == engine.process.wait(10)
    assert 3 == coldstart("status", cwd=here).code


def test_ctrl_c_leaves_no_trace_while_a_command_is_still_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody who thinks better of it at once is told nothing about our imports."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("console.cli.run", interrupted)
    with pytest.raises(SystemExit) as ended:
        run()

    assert 130 == ended.value.code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_stop_in_order(here: Path, number: signal.Signals, code: int) -> None:
    """A service manager's stop is no failure; Ctrl-C is an interruption."""
    with held(cwd=here) as engine:
        engine.until(0)
        engine.process.send_signal(number)

        assert code == engine.process.wait(10)
