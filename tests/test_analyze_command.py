"""The command `analyze` on records as engines write them; no engine runs here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.running import coldstart

SPANS = (
    ("login", None, 0.0, 0.5),
    ("M1", "NGAS", 0.5, 1.5),
    ("derive", "NGAS", 1.5, 1.6),
    ("commit", "NGAS", 1.6, 1.7),
    ("prime", "NGAS", 1.7, 1.8),
    ("flip", "NGAS", 1.8, 1.9),
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two recorded boots, the second twice as slow, and one that is rubbish."""
    folder = tmp_path_factory.mktemp("analyzed")
    boots = folder / "data_v3" / "boots"
    boots.mkdir(parents=True)
    for token, factor in ((7, 1.0), (8, 2.0)):
        who = {"record": 1, "boot_id": f"b{token}", "owner_token": token, "opened_ms": 0}
        lines: list[object] = [{**who, "ready_budget_s": 3.0, "prime_budget_s": 8.0}]
        for name, symbol, start_s, end_s in SPANS:
            times = {"start_s": start_s * factor, "end_s": end_s * factor}
            lines.append({"span": {"name": name, "symbol": symbol, **times}})
        lines.append({"gate": {"opened_after_s": 1.9 * factor}})
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (boots / f"{token:08d}.jsonl").write_text(text)
    (boots / "00000005.jsonl").write_text('{"record"\n')
    return folder


def test_the_chain_of_the_last_boot_needs_no_words(here: Path) -> None:
    """The first question is why it took so long."""
    done = coldstart("analyze", cwd=here)

    assert (0, "") == (done.code, done.err)
    assert "boot 8, 1970-01-01 00:00 UTC: gate open after 3.80 s" in done.out
    assert ["login", "M1", "derive", "commit", "prime", "flip", "served"] == [
        line.split()[0] for line in done.out.splitlines()[2:]
    ]


def test_a_late_boot_is_called_late(here: Path) -> None:
    """3.8 s of 3 s."""
    late = coldstart("analyze", "budget", cwd=here)
    kept = coldstart("analyze", "budget", "--boot", "7", "--json", cwd=here).json

    assert "LATE by 0.80 s" in late.out
    assert [True, True] == [promise["is_kept"] for promise in kept["promises"]]


def test_two_boots_are_compared(here: Path) -> None:
    """By their tokens, or the last two."""
    named = coldstart("analyze", "compare", "7", "8", "--json", cwd=here).json
    last = coldstart("analyze", "compare", "--json", cwd=here).json

    assert named == last
    assert ("M1", 1.0) == (named["stages"][0]["name"], named["stages"][0]["slower_s"])
    assert (7, 8) == (named["a"]["owner_token"], named["b"]["owner_token"])


def test_blame_is_a_list_from_the_longest(here: Path) -> None:
    """For people and for scripts alike."""
    told = coldstart("analyze", "blame", "--json", cwd=here).json["stages"]

    assert ["M1", "login"] == [stage["name"] for stage in told[:2]]
    assert "M1       NGAS          2.00" in coldstart("analyze", "blame", cwd=here).out


def test_a_trace_is_a_new_private_file(here: Path) -> None:
    """It names symbols and times; nothing is written over."""
    first = coldstart("analyze", "--chrome", "out/boot.json", cwd=here)
    second = coldstart("analyze", "--chrome", "out/boot.json", cwd=here)

    assert ["boot-1.json", "boot.json"] == sorted(p.name for p in (here / "out").iterdir())
    assert "boot.json" in first.err
    assert "boot-1.json" in second.err
    assert 0o600 == (here / "out" / "boot.json").stat().st_mode & 0o777
    assert "traceEvents" in json.loads((here / "out" / "boot.json").read_text())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("guess",), 2, "no view 'guess'"),
        (("blame", "7"), 2, "--boot"),
        (("compare", "7"), 2, "two boots"),
        (("--boot", "9"), 2, "the newest are 5, 7, 8"),
        (("--boot", "-9"), 2, "not recorded"),
        (("--boot", "last"), 2, "owner token"),
        (("--boot", "5"), 6, "cannot be read"),
        (("--data", "nowhere"), 6, "No boot is recorded"),
    ],
)
def test_what_cannot_be_done_is_said(
    here: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    """In one sentence with the way out."""
    done = coldstart("analyze", *words, cwd=here)

    assert (code, "") == (done.code, done.out)
    assert said in done.err
