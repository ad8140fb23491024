"""File names and Redis keys: built here, parsed here, and never a way out of the folder."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uds import layout
from uds.model import Generation, SeriesKey, Timeframe

from .samples import GOLD, GOLD_M5

PLATFORM = [
    "XAU/USD",
    "XAG/USD",
    "NGAS",
    "SPX500",
    "NAS100",
    "US30",
    "GER30",
    "EUSTX50",
    "HKG33",
    "GBP/CAD",
    "NZD/CAD",
    "USD/CAD",
    "USD/JPY",
]
_GENERATIONS = st.builds(Generation, st.integers(0, 99_999_999), st.integers(0, 9_999))


@pytest.mark.parametrize("symbol", [*PLATFORM, "A", "BRK.B", "EUR_USD", "X-1"])
def test_the_platforms_symbols_are_allowed(symbol: str) -> None:
    """A rule that refuses a real market is worse than none."""
    assert layout.is_symbol(symbol)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "/",
        "../X",
        "A/../B",
        "A..B",
        "/ETC",
        "A/",
        ".A",
        "A.",
        "xau/usd",
        "XAU USD",
        "XAU\nUSD",
        "XAU/USD\n",
        "X\0Y",
        "XAU{USD}",
        "XAU:USD",
        "XAU*",
        "ЗОЛОТО",
        "Ａ",
        "٣",
        "LOCK",
        "A" * 25,
    ],
)
def test_other_text_is_no_symbol(text: str) -> None:
    """What may not become a folder and a key is refused before it can."""
    assert not layout.is_symbol(text)


@given(st.text("AZ09/._-", min_size=1, max_size=24).filter(layout.is_symbol))
def test_no_symbol_leads_out_of_the_folder(text: str) -> None:
    """Not by dots, not by slashes, not onto a name that is ours."""
    folder = layout.folder_of(text)

    assert folder == posixpath.normpath(folder)
    assert "/" not in folder
    assert folder not in {"owner", "run", "embedded", "quarantine", "LOCK"}


def test_paths_are_what_the_format_says() -> None:
    """Operators and other programs look for these names."""
    generation = Generation(42, 3)

    assert "XAU_USD/tf_300/seg-00000042-0007.jsonl" == layout.segment_path(GOLD_M5, 42, 7)
    assert "XAU_USD/manifest/00000042-0003.json" == layout.manifest_path(GOLD, generation)
    assert "XAU_USD/commit/00000042-0003" == layout.commit_path(GOLD, generation)
    assert "owner/00000042" == layout.owner_path(42)


def test_all_keys_of_a_symbol_share_a_hash_tag() -> None:
    """A fenced function may touch one slot only."""
    generation = Generation(42, 3)

    assert [
        "ns:{XAU_USD}:owner",
        "ns:{XAU_USD}:live",
        "ns:{XAU_USD}:00000042-0003:M5",
        "ns:{XAU_USD}:pv:M5",
        "ns:{XAU_USD}:up",
        "ns:{XAU_USD}:tick",
    ] == [
        layout.owner_key("ns", GOLD),
        layout.live_key("ns", GOLD),
        layout.tail_key("ns", GOLD_M5, generation),
        layout.preview_key("ns", GOLD_M5),
        layout.update_channel("ns", GOLD),
        layout.tick_channel("ns", GOLD),
    ]


def test_the_server_can_build_a_tails_key_from_the_live_key() -> None:
    """`read` in functions.lua cuts `live` off and appends generation and timeframe."""
    generation = Generation(42, 3)
    stem = layout.live_key("ns", GOLD)[: -len("live")]

    assert f"{stem}{generation}:M5" == layout.tail_key("ns", GOLD_M5, generation)


@given(st.integers(0, 99_999_999), st.integers(0, 99_999))
def test_a_segments_name_is_read_back(owner: int, n: int) -> None:
    """The name is all a recovery knows of who wrote a file and in which order."""
    path = layout.segment_path(GOLD_M5, owner, n)

    assert (owner, n) == layout.segment_number(path.rpartition("/")[2])


@given(_GENERATIONS)
def test_a_commits_name_is_read_back(generation: Generation) -> None:
    """The highest valid name in `commit/` is the truth."""
    path = layout.commit_path(GOLD, generation)

    assert generation == layout.committed_generation(path.rpartition("/")[2])


@given(st.integers(0, 99_999_999))
def test_an_owners_name_is_read_back(owner: int) -> None:
    """Tokens only grow because the highest name is read right."""
    assert owner == layout.owner_token(layout.owner_path(owner).rpartition("/")[2])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "part-20260105.jsonl",
        ".seg-00000042-0007.jsonl.tmp",
        "seg-00000042-0007.jsonl~",
        "seg-42-7.jsonl",
        "00000042-0003.json",
        "0000004x",
        "00000042 ",
        "٠٠٠٠٠٠٤٢",
        "٠٠٠٠٠٠٤٢-٠٠٠٣",
    ],
)
def test_strangers_in_a_folder_are_passed_over(name: str) -> None:
    """Editors, backups and older platforms leave files; none of them is data of ours."""
    assert layout.segment_number(name) is None
    assert layout.committed_generation(name) is None
    assert layout.owner_token(name) is None


@pytest.mark.parametrize("timeframe", Timeframe)
def test_a_timeframes_name_is_read_back(timeframe: Timeframe) -> None:
    """A request names it so."""
    assert timeframe is layout.timeframe_named(timeframe.name)


@pytest.mark.parametrize("text", ["", "m5", "M2", "300", "M5 ", "__class__"])
def test_anything_else_is_no_timeframe(text: str) -> None:
    """A request is foreign text."""
    assert layout.timeframe_named(text) is None


def test_series_of_two_symbols_never_share_a_folder_by_their_timeframe() -> None:
    """One folder a series: what lies in it needs no other proof of whose it is."""
    folders = {
        layout.series_folder(SeriesKey(symbol, tf)) for symbol in PLATFORM for tf in Timeframe
    }

    assert len(PLATFORM) * len(Timeframe) == len(folders)
