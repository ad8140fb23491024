"""A commit's document: it proves itself, and nothing hostile in it gets further than an error."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import msgspec
import pytest

from uds import manifest
from uds.errors import BadManifest
from uds.manifest import Manifest, SegmentEntry, TailDigest
from uds.model import Coverage, Generation, SeriesKey, Timeframe

from .samples import GOLD, GOLD_M1, GOLD_M5, minute

G = Generation(42, 3)
FUZZ_ROUNDS = 2_000
SAMPLE = Manifest(
    1,
    GOLD,
    str(G),
    "first_tick",
    {"zone": "America/New_York", "d1": "17:00", "h4": "17:00"},
    (
        SegmentEntry(
            60, "XAU_USD/tf_60/seg-00000042-0001.jsonl", 900, "0123abcd", minute(0), minute(4), 5
        ),
        SegmentEntry(
            300, "XAU_USD/tf_300/seg-00000042-0001.jsonl", 300, "00000000", minute(0), minute(0), 1
        ),
    ),
    {"M1": ((minute(0), minute(5)), (minute(9), minute(10))), "D1": ()},
    {"M1": TailDigest(5, "d" * 64)},
    "c" * 64,
)
DOCUMENT = manifest.encode(SAMPLE)


def refused(data: bytes) -> str:
    """The sentence a document is refused with."""
    with pytest.raises(BadManifest) as error:
        manifest.decode(GOLD, G, data)
    return str(error.value)


def resealed(**changes: Any) -> bytes:
    """The sample with other content and a right checksum, as only a bug of ours could write."""
    document = json.loads(DOCUMENT) | changes | {"checksum": ""}
    digest = hashlib.sha256(msgspec.json.encode(document)).hexdigest()
    return msgspec.json.encode(document | {"checksum": digest})


def test_a_manifest_survives_the_disk() -> None:
    """What was committed is what the next start finds."""
    found = manifest.decode(GOLD, G, DOCUMENT)

    assert SAMPLE == msgspec.structs.replace(found, checksum="")


def test_the_checksum_is_plain_sha_256_of_the_document_with_it_empty() -> None:
    """Anybody can check it, with no code of ours."""
    document = json.loads(DOCUMENT)
    claimed = document["checksum"]
    text = json.dumps(document | {"checksum": ""}, separators=(",", ":"))

    assert hashlib.sha256(text.encode()).hexdigest() == claimed


def test_a_changed_number_is_found_out() -> None:
    """A flipped digit in a length would hide lost bars."""
    assert "its checksum is wrong" in refused(DOCUMENT.replace(b'"bytes":900', b'"bytes":901'))


@pytest.mark.parametrize(
    ("symbol", "generation"), [("XAG/USD", G), (GOLD, Generation(42, 4))], ids=["symbol", "number"]
)
def test_a_manifest_under_another_name_is_refused(symbol: str, generation: Generation) -> None:
    """A copied file must not become the truth of another market or of a later time."""
    with pytest.raises(BadManifest, match="names another symbol, generation or schema"):
        manifest.decode(symbol, generation, DOCUMENT)


def test_a_later_schema_is_refused() -> None:
    """An older program must not guess what a newer one meant."""
    assert "schema" in refused(resealed(schema=2))


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "XAU_USD/tf_60/../../LOCK",
        "XAG_USD/tf_60/seg-00000042-0001.jsonl",
        "XAU_USD/tf_300/seg-00000042-0001.jsonl",
        "XAU_USD/tf_60/part-20260105.jsonl",
        "XAU_USD/tf_60/x/seg-00000042-0001.jsonl",
        "",
    ],
)
def test_a_manifest_cannot_name_a_file_that_is_not_its_own(path: str) -> None:
    """No path is ever built from foreign text, not even from text with a right checksum."""
    entry = json.loads(DOCUMENT)["segments"][0] | {"path": path}

    assert "is not a segment of XAU/USD" in refused(resealed(segments=[entry]))


@pytest.mark.parametrize(
    "change",
    [{"tf_s": 61}, {"crc": "xyz"}, {"crc": "0123ABCD"}, {"crc": "0123abcd\n"}, {"bars": "5"}],
)
def test_a_nonsensical_segment_is_refused(change: dict[str, Any]) -> None:
    """Recovery relies on each of these fields without asking again."""
    entry = json.loads(DOCUMENT)["segments"][0] | change

    assert refused(resealed(segments=[entry]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"schema":1,"symbol":"\xff"}',
        b'{"x":' + b"[" * 100_000,
        b'{"schema":NaN}',
        DOCUMENT[:-20],
        b" " * (16 * 1024 * 1024 + 1),
    ],
    ids=["empty", "null", "list", "object", "noise", "utf8", "deep", "nan", "cut", "huge"],
)
def test_hostile_documents_are_bad_manifests(data: bytes) -> None:
    """Whatever lies there, a start passes on to the commit before and says so."""
    assert "the manifest 42-3 of XAU/USD cannot be used" in refused(data)


def test_no_mutation_gets_through_or_breaks_out() -> None:
    """Bytes changed, cut, doubled, swapped: either the same manifest or BadManifest."""
    dice = random.Random(42)
    outcomes = {True: 0, False: 0}
    for _ in range(FUZZ_ROUNDS):
        data = mutated(dice, DOCUMENT)
        try:
            found = manifest.decode(GOLD, G, data)
        except BadManifest:
            outcomes[False] += 1
        else:
            outcomes[True] += 1
            assert SAMPLE == msgspec.structs.replace(found, checksum="")

    assert FUZZ_ROUNDS * 0.9 < outcomes[False]


def mutated(dice: random.Random, data: bytes) -> bytes:
    """A document to which one to three things happened."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        at, until = sorted((dice.randrange(len(changed) + 1), dice.randrange(len(changed) + 1)))
        match dice.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del changed[at : min(until, at + 40)]
            case 2:
                changed[at:at] = changed[at : min(until, at + 40)]
            case 3:
                changed[at:at] = dice.choice([b"\0", b"-", b"1e999", b"[[[", b'"', b"\xed\xa0\x80"])
            case _:
                changed[at : at + 8] = changed[at : at + 8][::-1]
    return bytes(changed)


def test_coverage_and_segments_are_found_by_series() -> None:
    """What recovery asks of it."""
    assert Coverage.of(SAMPLE.coverage["M1"]) == manifest.coverage_of(SAMPLE, Timeframe.M1)
    assert Coverage() == manifest.coverage_of(SAMPLE, Timeframe.H4)
    assert [60] == [entry.tf_s for entry in manifest.segments_of(SAMPLE, GOLD_M1)]
    assert [300] == [entry.tf_s for entry in manifest.segments_of(SAMPLE, GOLD_M5)]
    assert () == manifest.segments_of(SAMPLE, SeriesKey(GOLD, Timeframe.D1))
