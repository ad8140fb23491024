"""Every file name and every Redis key, built and parsed here only.

Paths are relative to the data folder and use `/`. Symbols come from the configuration's
list and are checked there, so no path is ever built from foreign text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .model import Generation, SeriesKey, Symbol, Timeframe

LOCK = "LOCK"
OWNER_FOLDER = "owner"
RUN_FOLDER = "run"
EMBEDDED_FOLDER = "embedded"
EMBEDDED_RECORD = "embedded/server.json"
STATE = "_derived_tail_state.json"
STATE_PREVIOUS = "_derived_tail_state.json.prev"
STATE_MEMO = "derivedtail_state.json"
"""The memo's spelling of the state file, read where the other is missing."""
STATE_SAVED = "_derived_tail_state.saved"
"""Made once a state file is durable: where it is and they are not, they were taken away."""
QUARANTINE_FOLDER = "quarantine"
BOOTS_FOLDER = "boots"
"""Where the engine records its boots; the store itself does not look there."""
DRILLS_FOLDER = "drills"
DRILL_JOURNAL = "drills/running.json"
"""What a drill that has a fault in must undo; there is none while none has."""
SOCKET_PATH_BYTES_MAX = 100

_SYMBOL = re.compile(r"[A-Z0-9](?:[A-Z0-9/._-]{0,22}[A-Z0-9])?")
_OWNER = re.compile(r"[0-9]{8}")
_SEGMENT = re.compile(r"seg-([0-9]{8})-([0-9]{4,})\.jsonl")
_PART = re.compile(r"part-[0-9]{8}\.jsonl")
_QUARANTINED = re.compile(r"([0-9]{8}-[0-9]{4,})\..+\.(?:jsonl|json)")
_OUTCOME = re.compile(r"[0-9]{15}-[A-Z][0-9]{1,2}\.json")
_COMMIT = re.compile(r"[0-9]{8}-[0-9]{4}")


def is_symbol(text: str) -> bool:
    """Whether a configured name may become a folder and a key."""
    return bool(_SYMBOL.fullmatch(text)) and ".." not in text and text != LOCK


def folder_of(symbol: Symbol) -> str:
    """`XAU/USD` → `XAU_USD`: a symbol's folder and its hash tag in Redis."""
    return symbol.replace("/", "_")


def owner_path(token: int) -> str:
    """The file whose exclusive creation mints a token."""
    return f"{OWNER_FOLDER}/{token:08d}"


def owner_token(name: str) -> int | None:
    """The token an entry of `owner/` stands for; None when it is something else."""
    return int(name) if _OWNER.fullmatch(name) else None


def series_folder(key: SeriesKey) -> str:
    """Where the segments of a series lie."""
    return f"{folder_of(key.symbol)}/tf_{int(key.timeframe)}"


def segment_path(key: SeriesKey, token: int, n: int) -> str:
    """The n-th segment a token writes for a series."""
    return f"{series_folder(key)}/seg-{token:08d}-{n:04d}.jsonl"


def segment_number(name: str) -> tuple[int, int] | None:
    """(token, n) of a segment's file name; None when it is something else."""
    match = _SEGMENT.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def segment_of(path: str) -> tuple[int, int]:
    """(token, n) of a path that `segment_path` made."""
    number = segment_number(path.rpartition("/")[2])
    assert number is not None, f"{path} is not a segment"
    return number


def is_segment_of(key: SeriesKey, path: str) -> bool:
    """Whether a path read from a file is one that this floor would build for the series."""
    number = segment_number(path.rpartition("/")[2])
    return number is not None and path == segment_path(key, *number)


def manifest_folder(symbol: Symbol) -> str:
    """Where manifests are written before they are committed."""
    return f"{folder_of(symbol)}/manifest"


def manifest_path(symbol: Symbol, generation: Generation) -> str:
    """The manifest of a generation."""
    return f"{manifest_folder(symbol)}/{generation}.json"


def manifest_generation(name: str) -> Generation | None:
    """The generation an entry of `manifest/` stands for; None when it is something else.

    A kill may leave one that was still being written, `.00000042-0001.json.tmp`.
    """
    return committed_generation(name.removeprefix(".").removesuffix(".tmp").removesuffix(".json"))


def commit_folder(symbol: Symbol) -> str:
    """Where the commit points lie; the highest valid one wins."""
    return f"{folder_of(symbol)}/commit"


def commit_path(symbol: Symbol, generation: Generation) -> str:
    """The link that makes a manifest the truth."""
    return f"{commit_folder(symbol)}/{generation}"


def committed_generation(name: str) -> Generation | None:
    """The generation an entry of `commit/` stands for; None when it is something else."""
    return Generation.parse(name) if _COMMIT.fullmatch(name) else None


def journal_folder(symbol: Symbol) -> str:
    """Where the page journals of unfinished drafts lie."""
    return f"{folder_of(symbol)}/journal"


def folders_in(symbol: Symbol, timeframes: Sequence[Timeframe]) -> tuple[str, ...]:
    """Every folder that a generation of a symbol writes to."""
    series = (series_folder(SeriesKey(symbol, timeframe)) for timeframe in timeframes)
    return (*series, journal_folder(symbol), manifest_folder(symbol), commit_folder(symbol))


def journal_path(symbol: Symbol, generation: Generation) -> str:
    """Which pages of a draft are durable."""
    return f"{journal_folder(symbol)}/{generation}.jsonl"


def journaled_generation(name: str) -> Generation | None:
    """The generation an entry of `journal/` stands for; None when it is something else."""
    return committed_generation(name.removesuffix(".jsonl"))


def is_legacy_part(name: str) -> bool:
    """Whether an entry of a series' folder was written by the platform of before."""
    return bool(_PART.fullmatch(name))


def quarantine_path(token: int, n: int, path: str) -> str:
    """Where what was bad in a file is kept: the n-th find of a token; sorts by age."""
    name = path.removesuffix(".jsonl").replace("/", ".")
    return f"{QUARANTINE_FOLDER}/{token:08d}-{n:04d}.{name}.jsonl"


def sidecar_path(quarantined: str) -> str:
    """The file beside a quarantined one that says what it is: `.json` for `.jsonl`."""
    return quarantined.removesuffix("l")


def quarantine_number(name: str) -> str | None:
    """`00000042-0001` of an entry of `quarantine/`; None when it is something else."""
    match = _QUARANTINED.fullmatch(name)
    return match[1] if match else None


def drill_outcome_path(ended_ms: int, drill_id: str) -> str:
    """Where the outcome of a drill is kept; sorts by age."""
    return f"{DRILLS_FOLDER}/{ended_ms:015d}-{drill_id}.json"


def is_drill_outcome(name: str) -> bool:
    """Whether an entry of `drills/` is one."""
    return bool(_OUTCOME.fullmatch(name))


def owner_key(namespace: str, symbol: Symbol) -> str:
    """Redis string `<token> <boot_id>`: who may write this symbol."""
    return f"{_symbol_keys(namespace, symbol)}:owner"


def live_key(namespace: str, symbol: Symbol) -> str:
    """Redis hash generation, seq, previous: what readers are served."""
    return f"{_symbol_keys(namespace, symbol)}:live"


def tail_key(namespace: str, key: SeriesKey, generation: Generation) -> str:
    """Redis string: one packed tail of one generation."""
    return f"{_symbol_keys(namespace, key.symbol)}:{generation}:{key.timeframe.name}"


def preview_key(namespace: str, key: SeriesKey) -> str:
    """Redis string with a TTL: the bar of a series that is still forming, as JSON."""
    return f"{_symbol_keys(namespace, key.symbol)}:pv:{key.timeframe.name}"


def update_channel(namespace: str, symbol: Symbol) -> str:
    """Pub/sub channel that announces each advance of a live generation."""
    return f"{_symbol_keys(namespace, symbol)}:up"


def tick_channel(namespace: str, symbol: Symbol) -> str:
    """Pub/sub channel of ticks."""
    return f"{_symbol_keys(namespace, symbol)}:tick"


def _symbol_keys(namespace: str, symbol: Symbol) -> str:
    return f"{namespace}:{{{folder_of(symbol)}}}"


def timeframe_named(text: str) -> Timeframe | None:
    """`M5` → Timeframe.M5; None for anything else."""
    return Timeframe.__members__.get(text)


def shown_address(url: str) -> str:
    """A server's address as screens and logs may have it: without user, password and options."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
