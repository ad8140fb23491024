"""What is wrong with a configuration is said in one sentence: the place and the remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.config import DEPTH_BARS, TAIL_BARS, Config, SupervisorConfig
from engine.config_file import load_config
from engine.errors import BadConfig
from tests.engine.builders import GOLD, REPOSITORY, YEN, config_document
from uds.model import Timeframe


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder to start in."""
    return tmp_path


def written(home: Path, document: object) -> Path:
    """A configuration file with this content."""
    path = home / "config.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return path


def loaded(home: Path, document: object, **environ: str) -> Config:
    """The configuration that this file and environment make."""
    return load_config(written(home, document), environ, {}, home)


def refusal(home: Path, document: object, **environ: str) -> str:
    """The sentence with which it is refused."""
    with pytest.raises(BadConfig) as refused:
        loaded(home, document, **environ)
    return str(refused.value)


def test_the_repositorys_own_file_is_valid_and_is_the_built_in_one(home: Path) -> None:
    """What runs with no configuration at all must be what the reader sees in the repository."""
    built_in = load_config(None, {}, {}, home)

    document = json.loads((REPOSITORY / "config.json").read_text("utf-8"))
    assert Config.model_validate(document).symbols == built_in.symbols
    assert 13 == len(built_in.symbols)
    assert tuple(Timeframe) == built_in.timeframes


@pytest.mark.parametrize(
    ("place", "wrong", "right"),
    [
        ("", "symbolls", "symbols"),
        ("broker", "page_bar_max", "page_bars_max"),
        ("broker.sim", "latency", "latency_ms"),
        ("bootstrap.warmup_bars", "M2", "M1"),
        ("redis", "uri", "url"),
        ("calendars.metals", "wek_open", "week_open"),
        ("calendars.metals.daily_breaks.0", "untill", "until"),
        ("calendars.metals.daily_breaks.0", "from_", "from"),
        ("instruments.XAU/USD", "digit", "digits"),
    ],
)
def test_an_unknown_key_names_its_place_and_the_nearest_key(
    home: Path, place: str, wrong: str, right: str
) -> None:
    """A key that is silently ignored is a setting the operator believes in."""
    document = config_document()
    section: Any = document
    for part in place.split(".") if place else []:
        section = section[int(part)] if part.isdigit() else section[part]
    section[wrong] = 1

    sentence = refusal(home, document)

    dotted = f"{place}.{wrong}" if place else wrong
    assert f"{home / 'config.json'}: {dotted!r} is not a known key" in sentence
    assert f"did you mean {right!r}?" in sentence


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"broker__concurrency": "four"}, "'broker.concurrency': input should be a valid integer"),
        ({"broker__concurrency": True}, "'broker.concurrency': input should be a valid integer"),
        ({"broker__concurrency": 0}, "'broker.concurrency': input should be greater than or equal"),
        ({"poll__d1_s": True}, "'poll.d1_s': input should be a valid number"),
        ({"broker__kind": "mt5"}, "'broker.kind': input should be 'sim' or 'replay'"),
        ({"broker__kind": "fxcm"}, "'broker.kind': fxcm is not in this version; there are sim"),
        ({"broker__oanda": {}}, "'broker.oanda' is not in this version"),
        ({"api__token_env": "T"}, "'api.token_env' is not in this version"),
        ({"api__cors": ["charts.example"]}, "'api.cors.0': string should match pattern"),
        ({"data_root": ""}, "'data_root': it must name a folder of its own"),
        ({"data_root": "a\0b"}, "'data_root': it must name a folder of its own"),
        ({"data_root": 5}, "'data_root': input should be a path"),
        (
            {"supervisor": {"processes": {"ui": {"backoff_min_s": 11}}}},
            "'supervisor': backoff_min_s 11 is more than backoff_max_s 10",
        ),
        (
            {"supervisor": {"processes": {"uo": {}}}},
            "'supervisor.processes.uo': input should be 'connector'",
        ),
        ({"api__port": 70_000}, "'api.port': input should be less than or equal to 65535"),
        ({"broker": 5}, "'broker': input should be a valid dictionary"),
        ({"redis__tail_bars": {"M2": 5}}, "'redis.tail_bars.M2': 'M2' is not one of M1, M3"),
        ({"redis__url": "localhost"}, "'redis.url': it must begin with redis://"),
        ({"redis__url": ""}, "'redis.url': it must begin with redis://"),
        ({"redis__url": "redis://h:99999/0"}, "'redis.url': its host or port cannot be read"),
        ({"redis__url": "redis://[::1"}, "'redis.url': its host or port cannot be read"),
        ({"redis__url": "redis://h:6379/main"}, "'redis.url': behind the host comes the number"),
        ({"redis__url": "redis://h?timeout=9"}, "'redis.url': it has no option 'timeout'"),
        ({"timeframes": ["M5", "D1"]}, "'timeframes': M1 is missing"),
        ({"timeframes": ["M1", "M5"]}, "'timeframes': D1 is missing"),
        ({"timeframes": ["M1", "M7", "D1"]}, "'timeframes.1': 'M7' is not one of"),
        ({"symbols": []}, "'symbols': list should have at least 1 item"),
        ({"symbols": ["../etc"]}, "'symbols': '../etc' is not a symbol such as"),
        ({"symbols": [GOLD, "XAU_USD"]}, "'symbols': XAU/USD is listed twice"),
        ({"anchors__zone": "Mars/Base"}, "'anchors': "),
        ({"anchors__d1": "25:00"}, "'anchors': "),
        ({"bootstrap": 7}, "'bootstrap': input should be a valid dictionary"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(
    home: Path, change: dict[str, Any], said: str
) -> None:
    """One sentence: the file, the dotted place, the remedy."""
    sentence = refusal(home, config_document(**change))

    assert f"{home / 'config.json'}: {said}" in sentence
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "url",
    ["redis://h", "rediss://:p%40w@h:6380/2", "unix:///run/x.sock?db=1", "unix://reader@/x.sock"],
)
def test_a_servers_address_is_taken_as_it_is(home: Path, url: str) -> None:
    """All that the client understands."""
    assert url == loaded(home, config_document(redis__url=url)).redis.url


def test_a_key_that_stands_twice_is_refused(home: Path) -> None:
    """JSON parsers keep the last one; the operator may be looking at the first."""
    assert "the key 'port' stands twice" in refusal(home, '{"api": {"port": 1, "port": 2}}')


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_refused_wherever_it_stands(home: Path, constant: str) -> None:
    """JSON has no such words, and a delay of NaN seconds would compare false with everything."""
    sentence = refusal(home, f'{{"supervisor": {{"backoff_max_s": {constant}}}}}')

    assert f"{constant} is not a number" in sentence


@pytest.mark.parametrize(
    "text", ["", "{", "symbols: [XAU/USD]", "[" * 100_000], ids=["empty", "cut", "yaml", "deep"]
)
def test_what_is_not_json_is_said(home: Path, text: str) -> None:
    """Also when it is nested so deep that the parser gives up."""
    assert f"{home / 'config.json'} is not JSON: " in refusal(home, text)


@pytest.mark.parametrize("host", ["", "a host", "h" * 300, "\\ud800"])
def test_a_host_that_is_none_is_refused(home: Path, host: str) -> None:
    """An empty one would answer on every network of the host."""
    assert "'api.host'" in refusal(home, f'{{"api": {{"host": "{host}"}}}}')


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ('"warmup_bars": {"M1": 13148999}', ""),
        ('"warmup_bars": {"M1": 13149001}', "13149001 M1 are more than 25 years of open market"),
        ('"warmup_bars": {"D1": 999999}', "999999 D1 are more than 25 years of open market"),
        ('"depth_bars": {"H4": 999999}', "999999 H4 are more than 25 years of open market"),
    ],
)
def test_more_history_than_calendars_know_is_refused(home: Path, section: str, why: str) -> None:
    """A fetch from before 1970 was tried for ever, and held the loop meanwhile."""
    text = f'{{"bootstrap": {{{section}}}}}'
    if why:
        assert why in refusal(home, text)
    else:
        (home / "config.json").write_text(text)
        assert 13_148_999 == load_config(None, {}, {}, home).bootstrap.warmup_bars.M1


def test_a_replay_of_nothing_is_refused(home: Path) -> None:
    """`config check` called it usable, and the start refused it."""
    assert "'broker': replay.path is missing: name a folder" in refusal(
        home, '{"broker": {"kind": "replay"}}'
    )


def test_what_the_parser_gives_up_on_is_said_in_our_words(home: Path) -> None:
    """Advice about its own settings is no remedy."""
    (home / "config.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(BadConfig, match="is not JSON: it is no UTF-8 text"):
        load_config(home / "config.json", {}, {}, home)
    assert "a number has 5000 digits." in refusal(home, "9" * 5_000)


def test_a_list_is_no_configuration(home: Path) -> None:
    """JSON, but not an object."""
    assert f"{home / 'config.json'} must hold one JSON object." == refusal(home, "[1]")


def test_a_file_that_is_not_there_is_said(home: Path) -> None:
    """A typing error in --config must not start the built-in market."""
    with pytest.raises(BadConfig, match=re.escape(f"{home / 'nowhere.json'} cannot be read")):
        load_config(home / "nowhere.json", {}, {}, home)


def test_a_symbol_without_a_calendar_names_the_groups(home: Path) -> None:
    """Guessing the hours of an unknown market is how incidents begin."""
    sentence = refusal(home, config_document("UKOIL"))

    assert "UKOIL has no trading calendar: name one of metals, energy" in sentence
    assert "in symbol_calendars." in sentence


def test_a_currency_pair_follows_the_fx_calendar_by_itself(home: Path) -> None:
    """Adding EUR/USD is one word in `symbols`."""
    config = loaded(home, config_document("EUR/USD"))

    assert "fx" == config.calendar_group("EUR/USD")
    assert 5 == config.digits("EUR/USD")
    assert 3 == config.digits("EUR/JPY")


def test_a_named_group_outweighs_the_guess(home: Path) -> None:
    """USD/CNH trades with Hong Kong when the operator says so."""
    document = config_document("USD/CNH", symbol_calendars={"USD/CNH": "hk_index"})

    assert "hk_index" == loaded(home, document).calendar_group("USD/CNH")


@pytest.mark.parametrize("zone", ["EST", "Etc/GMT+5", "UTC+1", "Nowhere/City"])
def test_a_zone_that_is_no_place_is_refused(home: Path, zone: str) -> None:
    """A fixed offset is right for half a year; that class of incident must be impossible."""
    sentence = refusal(home, config_document(calendars__metals__zone=zone))

    assert "'calendars.metals': " in sentence
    assert zone in sentence


@pytest.mark.parametrize("week_open", ["18:00", "Sonntag 18:00", "Sun 25:00"])
def test_a_bad_hour_is_named_with_its_calendar(home: Path, week_open: str) -> None:
    """The file has ten calendars; which one it is must be said."""
    sentence = refusal(home, config_document(calendars__fx__week_open=week_open))

    assert "'calendars.fx': " in sentence


def test_more_faults_than_one_are_counted(home: Path) -> None:
    """One sentence at a time, but no false hope that it is the last."""
    assert "(1 more after it)" in refusal(
        home, config_document(api__port=-1, broker__concurrency=0)
    )


def test_a_variable_overrides_the_file(home: Path) -> None:
    """The same file in two places, with what differs in the environment."""
    config = loaded(
        home,
        config_document(),
        COLDSTART_BROKER__SIM__LATENCY_MS="250",
        COLDSTART_REDIS__URL="unix:///run/x.sock",
        COLDSTART_REAL_DATA="no section, no override",
        HOME="x",
    )

    assert 250 == config.broker.sim.latency_ms
    assert "unix:///run/x.sock" == config.redis.url


def test_a_variable_reaches_keys_that_are_no_small_letters(home: Path) -> None:
    """A name in capitals has no other way to say M1 or XAU/USD; lost, it would change nothing."""
    config = loaded(
        home,
        config_document(instruments={}),
        COLDSTART_BOOTSTRAP__WARMUP_BARS__M1="1440",
        COLDSTART_REDIS__TAIL_BARS__H4="90",
        COLDSTART_INSTRUMENTS__XAU_USD__DIGITS="3",
        COLDSTART_BOOTSTRAP__REDISPRIMINGBUDGET_S="9",
    )

    assert 1_440 == config.bootstrap.warmup_bars.M1
    assert 90 == config.redis.tail_bars[Timeframe.H4]
    assert 3 == config.digits(GOLD)
    assert 9 == config.bootstrap.redis_priming_budget_s


def test_a_process_has_the_limits_of_all_but_for_its_own(home: Path) -> None:
    """One that is slow to come back must not make the others slow."""
    own = {"tick_preview": {"backoff_max_s": 60, "intensity": 2}}
    limits = loaded(home, config_document(supervisor={"period_s": 20, "processes": own})).supervisor

    assert (2, 20, 60) == _figures(limits.of("tick_preview", 30.0))
    assert (5, 20, 30) == _figures(limits.of("tick_publisher", 30.0))
    assert (5, 20, 10) == _figures(limits.of("ui"))


def _figures(limits: SupervisorConfig) -> tuple[int, float, float]:
    return limits.intensity, limits.period_s, limits.backoff_max_s


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("COLDSTART_API__PORT", "many", "COLDSTART_API__PORT: 'api.port': input should be a valid"),
        ("COLDSTART_API__PROT", "1", "COLDSTART_API__PROT: 'api.prot' is not a known key; did you"),
        ("COLDSTART_APY__PORT", "1", "COLDSTART_APY__PORT: 'apy' is not a known key; did you mean"),
        ("COLDSTART_POLL__D1_S", "NaN", "COLDSTART_POLL__D1_S: 'poll.d1_s': input should be a"),
        ("COLDSTART_NAME__X", "1", "COLDSTART_NAME__X: name is not a section."),
        ("COLDSTART_SYMBOLS__0", "EUR/USD", "COLDSTART_SYMBOLS__0: symbols comes from the config"),
        ("COLDSTART_TIMEFRAMES__0", "M1", "COLDSTART_TIMEFRAMES__0: timeframes comes from the"),
    ],
)
def test_a_bad_variable_is_named_itself(home: Path, variable: str, value: str, said: str) -> None:
    """Pointing at the file would send the operator to the wrong place."""
    assert refusal(home, config_document(), **{variable: value}).startswith(said)


def test_the_command_line_outweighs_the_environment(home: Path) -> None:
    """What was typed last is what is meant."""
    environ = {"COLDSTART_API__PORT": "9000"}

    config = load_config(written(home, config_document()), environ, {"api.port": 0}, home)

    assert 0 == config.api.port


def test_a_bad_value_of_the_command_line_is_said_to_be_from_there(home: Path) -> None:
    """The file is innocent."""
    with pytest.raises(BadConfig, match=r"^the command line: 'api\.port': input should be less"):
        load_config(None, {}, {"api.port": 70_000}, home)


@pytest.mark.parametrize("section", [None, "bootstrap"])
def test_the_memos_spellings_are_understood(home: Path, section: str | None) -> None:
    """Files written by the memo go on working, wherever it put the keys."""
    memo = {
        "redisprimingbudget_s": 11.0,
        "maxwarmupbars": 1_000,
        "bootstrap_max_duration_s": 99.0,
        "prime_ready_timeout": 12.0,
        "_COLD_START_BARS_BY_TF": {"H4": 1_080},
        "_WARMUP_BARS_BY_TF": {"M5": 500},
    }
    document = {"symbols": [GOLD], **({section: memo} if section else memo)}

    bootstrap = loaded(home, document).bootstrap

    assert 11.0 == bootstrap.redis_priming_budget_s
    assert 1_000 == bootstrap.max_warmup_bars
    assert 99.0 == bootstrap.duration_max_s
    assert 12.0 == bootstrap.prime_ready_timeout_s
    assert {**DEPTH_BARS, Timeframe.H4: 1_080} == bootstrap.depth_bars
    assert {**TAIL_BARS, Timeframe.M5: 500} == loaded(home, document).redis.tail_bars


def test_a_partial_file_is_completed_by_the_built_in_one(home: Path) -> None:
    """Two symbols and a port are a whole configuration."""
    config = loaded(home, {"symbols": [GOLD, YEN], "redis": {"tail_bars": {"M1": 10}}})

    assert (GOLD, YEN) == config.symbols
    assert "metals" == config.calendar_group(GOLD)
    assert {**TAIL_BARS, Timeframe.M1: 10} == config.redis.tail_bars
    assert 4_320 == config.bootstrap.warmup_bars.M1


def test_timeframes_are_sorted_and_unique(home: Path) -> None:
    """The grid's columns are narrowest first whatever the file says."""
    config = loaded(home, {"symbols": [GOLD], "timeframes": ["D1", "M5", "M1", "M5"]})

    assert (Timeframe.M1, Timeframe.M5, Timeframe.D1) == config.timeframes


def test_the_data_folder_is_relative_to_the_file(home: Path) -> None:
    """The same file must mean the same folder from wherever it is started."""
    path = written(home, {"symbols": [GOLD], "data_root": "bars"})
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()

    assert home / "bars" == load_config(path, {}, {}, elsewhere).data_root


def test_without_a_file_the_data_folder_is_where_one_started(home: Path) -> None:
    """`coldstart-console` on a fresh machine writes ./data_v3."""
    assert home / "data_v3" == load_config(None, {}, {}, home).data_root


def test_an_absolute_data_folder_stays(home: Path) -> None:
    """A disk of its own is the usual place."""
    absolute = home / "disk"

    assert absolute == loaded(home, {"symbols": [GOLD], "data_root": str(absolute)}).data_root


def test_the_file_beside_is_found_without_being_named(home: Path) -> None:
    """`./config.json` is the default of --config."""
    written(home, {"symbols": [YEN]})

    assert (YEN,) == load_config(None, {}, {}, home).symbols
