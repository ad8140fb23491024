"""`report`: one private file that explains an incident, from an engine or the folder it left."""

from __future__ import annotations

import json
import re
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from .running import FAST, NO_DEPTH, coldstart, held

PASSWORD = "pl4nted-P4ss"
TOKEN = "tok3n-of-Env"
SECRETS = {**FAST, "FXCM_PASSWORD": "fx-Pl4nted", "BROKER_API_TOKEN": TOKEN}
PLANTED = (PASSWORD, "fx-Pl4nted", TOKEN)
LIVE = {"status.json", "reasons.json", "timeline.json", "events.jsonl", "boot.jsonl"}
ALWAYS = {"about.txt", "config.json", "versions.json", "state-head.txt"}


def unpacked(path: Path) -> dict[str, str]:
    """The texts of a bundle by file name; all of one folder, all private."""
    with tarfile.open(path) as archive:
        entries = archive.getmembers()
        found: dict[str, str] = {}
        for entry in entries:
            file = archive.extractfile(entry)
            assert file is not None
            found[entry.name] = file.read().decode("utf-8")
    folder = path.name.removesuffix(".tar.gz")
    assert {folder} == {name.split("/")[0] for name in found}
    assert {0o600} == {entry.mode for entry in entries}
    return {name.split("/")[1]: text for name, text in found.items()}


def reported(*arguments: str, cwd: Path) -> tuple[Any, dict[str, str]]:
    """What `report --json` says, and what is in the bundle."""
    done = coldstart("report", "--json", *arguments, cwd=cwd, env=SECRETS)
    assert 0 == done.code, done.err
    return done.json, unpacked(Path(done.json["path"]))


def holds_none(files: dict[str, str]) -> bool:
    """Whether no planted secret is anywhere, in any writing."""
    return not [
        (name, secret) for name, text in files.items() for secret in PLANTED if secret in text
    ]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration that holds a password."""
    folder = tmp_path_factory.mktemp("report")
    config = {
        "symbols": ["XAU/USD"],
        "bootstrap": NO_DEPTH,
        "redis": {"url": f"redis://reader:{PASSWORD}@127.0.0.1:1/0"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def live(here: Path) -> tuple[Any, dict[str, str]]:
    """The report of an engine whose Redis is down; what is left of it stays for later tests."""
    with held(cwd=here, env=SECRETS):
        coldstart("wait", "--for", "phase:deriving", "--timeout", "20", cwd=here)
        return reported("--out", "live", cwd=here)


def test_a_live_engine_tells_everything(live: tuple[Any, dict[str, str]], here: Path) -> None:
    """What whoever is asked for help would ask for next."""
    document, files = live

    assert LIVE | ALWAYS == set(files)
    assert ("The running engine answered.", {}) == (document["source"], document["missing"])
    status = json.loads(files["status.json"])
    assert "REDIS_DOWN" in [r["code"] for r in json.loads(files["reasons.json"])["reasons"]]
    assert status["boot_id"] == json.loads(files["timeline.json"])["boot_id"]
    assert status["boot_id"] == json.loads(files["boot.jsonl"].splitlines()[0])["boot_id"]
    assert 1 == json.loads(files["events.jsonl"].splitlines()[0])["seq"]
    assert "textual" in json.loads(files["versions.json"])["packages"]


def test_it_is_private_and_named_by_boot_and_time(live: tuple[Any, dict[str, str]]) -> None:
    """Two incidents of a night must not be mistaken for each other."""
    path = Path(live[0]["path"])
    boot_id = json.loads(live[1]["status.json"])["boot_id"]

    assert re.fullmatch(rf"incident-{boot_id[:8]}-\d{{8}}T\d{{6}}Z\.tar\.gz", path.name)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_no_planted_secret_is_in_any_file(live: tuple[Any, dict[str, str]]) -> None:
    """It is made to be handed on."""
    config = json.loads(live[1]["config.json"])

    assert holds_none(live[1])
    assert config["redis"]["url"].endswith("127.0.0.1:1/0")


def test_without_an_engine_the_data_folder_tells(
    live: tuple[Any, dict[str, str]], here: Path
) -> None:
    """The engine that died is the one to be explained; a secret in its record stays there."""
    (record,) = here.glob("*/boots/*.jsonl")
    last = {"code": "BROKER_FETCH_FAILED", "scope": None, "detail": f"401 for demo:{TOKEN}"}
    seq = max(json.loads(line).get("seq", 0) for line in record.read_text().splitlines()) + 1
    with record.open("a") as file:
        opened_ms = json.loads(live[1]["timeline.json"])["opened_ms"]
        event = {"seq": seq, "at_ms": opened_ms, "type": "ReasonRaised", "event": last}
        file.write(json.dumps(event) + "\n" + '{"torn": "')

    document, files = reported("--out", "dead", cwd=here)

    assert document["source"].startswith("No engine answers; it tells of the last boot")
    assert ["engine"] == list(document["missing"])
    assert LIVE | ALWAYS == set(files)
    reasons = {r["code"]: r for r in json.loads(files["reasons.json"])["reasons"]}
    assert "401 for demo:***" == reasons["BROKER_FETCH_FAILED"]["detail"]
    assert (
        json.loads(live[1]["status.json"])["boot_id"] == json.loads(files["status.json"])["boot_id"]
    )
    assert holds_none(files)
    assert "not there: engine: No engine answers" in files["about.txt"]


def test_with_nothing_at_all_it_says_so(here: Path) -> None:
    """A folder that never ran: the configuration and the versions are something."""
    document, files = reported("--data", "nothing", "--out", "none", cwd=here)

    assert "No engine answers and no boot is recorded." == document["source"]
    assert ALWAYS == set(files)
    assert ["boot.jsonl", "engine"] == sorted(document["missing"])
    assert not (here / "nothing").exists()


def test_a_sentence_tells_where_or_why_not(here: Path) -> None:
    """The operator copies the path from it."""
    done = coldstart("report", "--data", "nothing", "--out", "told", cwd=here)
    refused = coldstart("report", "--data", "nothing", "--out", "config.json", cwd=here)

    assert re.fullmatch(
        r"The incident bundle is /.*/told/incident-unknown-\w+\.tar\.gz\. No engine .*\n", done.out
    )
    assert (6, "") == (refused.code, refused.out)
    assert refused.err.startswith("The bundle cannot be written to config.json: ")
