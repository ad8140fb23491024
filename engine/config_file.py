"""From a file, the environment and the command line to one `Config`, or one clear sentence."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from os.path import realpath
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from uds import FolderUnreadable, read_document
from uds.model import Timeframe

from .config import Config
from .errors import BadConfig

BUILT_IN = "the built-in configuration"
_ENV_PREFIX = "COLDSTART_"
_NEVER_FROM_ENV = ("symbols", "timeframes")
_MEMO_SPELLINGS = {
    "redisprimingbudget_s": "redis_priming_budget_s",
    "maxwarmupbars": "max_warmup_bars",
    "bootstrap_max_duration_s": "duration_max_s",
    "prime_ready_timeout": "prime_ready_timeout_s",
    "_COLD_START_BARS_BY_TF": "depth_bars",
}
_MEMO_TAILS = "_WARMUP_BARS_BY_TF"
_NOT_YET = ("broker.fxcm", "broker.oanda", "api.token_env")
_BROKERS_NOT_YET = ("fxcm", "oanda")
_SENTENCE_MAX = 400
_DIGITS_MAX = 1_000


def load_config(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any], cwd: Path
) -> Config:
    """Read `path`, else `./config.json`, else the built-in file; then apply what overrides it.

    Environment variables `COLDSTART_<SECTION>__<KEY>` come next, then `overrides`, a mapping
    from dotted keys such as `broker.kind` to values. Sections that a file leaves out are the
    built-in ones. Raises BadConfig.
    """
    built_in = json.loads(_built_in_bytes())
    where = path or (cwd / "config.json" if (cwd / "config.json").is_file() else None)
    given = built_in if where is None else _read(where)
    place = BUILT_IN if where is None else str(where)
    raw = _completed(given, built_in)
    places: dict[tuple[str, ...], str] = {(): place}
    for variable, keys, value in _from_environment(environ):
        if keys[0] in _NEVER_FROM_ENV:
            raise BadConfig(f"{variable}: {keys[0]} comes from the configuration file only.")
        keys = _as_spelled(raw, keys)
        _put(raw, keys, value, variable)
        places[keys] = variable
    for dotted, value in overrides.items():
        keys = tuple(dotted.split("."))
        _put(raw, keys, value, dotted)
        places[keys] = "the command line"
    config = _validated(raw, places)
    beside = Path(realpath(where)).parent if where is not None else cwd
    for folder in (beside / config.data_root, config.broker.replay.path):
        if folder is not None and not _is_text(str(folder)):
            raise BadConfig(
                f"The folder {str(folder)!r} has a name that is no UTF-8: choose another."
            )
    return config.model_copy(update={"data_root": beside / config.data_root})


def _is_text(path: str) -> bool:
    """Whether it can stand in a document; the system takes any bytes for a name."""
    return not any("\ud800" <= letter <= "\udfff" for letter in path)


def _built_in_bytes() -> bytes:
    """The wheel carries the file in the package; a checkout has it beside the package."""
    inside = files("engine") / "default_config.json"
    if inside.is_file():
        return inside.read_bytes()
    return read_document(Path(__file__).resolve().parent.parent / "config.json")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = _parsed(read_document(path))
    except FolderUnreadable as error:
        raise BadConfig(str(error)) from error
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path} is not JSON: it is no UTF-8 text.") from error
    except RecursionError as error:
        raise BadConfig(f"{path} is not JSON: it is nested too deep.") from error
    except ValueError as error:
        raise BadConfig(f"{path} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise BadConfig(f"{path} must hold one JSON object.")
    return found


def _parsed(text: str | bytes) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_int=_whole)


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _completed(given: dict[str, Any], built_in: dict[str, Any]) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(json.dumps({**built_in, **given}))
    if isinstance(raw.get("symbol_calendars"), dict):
        raw["symbol_calendars"] = {**built_in["symbol_calendars"], **raw["symbol_calendars"]}
    bootstrap = raw.setdefault("bootstrap", {})
    for memo, ours in _MEMO_SPELLINGS.items():
        for section in (raw, bootstrap):
            if isinstance(bootstrap, dict) and memo in section:
                bootstrap[ours] = section.pop(memo)
    redis = raw.setdefault("redis", {})
    for section in (raw, bootstrap):
        if isinstance(section, dict) and isinstance(redis, dict) and _MEMO_TAILS in section:
            redis["tail_bars"] = section.pop(_MEMO_TAILS)
    return raw


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    for variable in sorted(environ):
        rest = variable.removeprefix(_ENV_PREFIX)
        if rest == variable or "__" not in rest:
            continue
        text = environ[variable]
        try:
            value = _parsed(text)
        except (ValueError, RecursionError):
            value = text
        yield variable, tuple(rest.lower().split("__")), value


def _as_spelled(raw: dict[str, Any], keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys of a variable, which knows no small letters and no slash, as the file would have them.

    What the section holds already comes first, then timeframes and symbols, then the memo's words.
    """
    names = [*Timeframe.__members__, *(s for s in raw["symbols"] if isinstance(s, str))]
    spelled = {_plain(name): name for name in names}
    section: Any = raw
    found: list[str] = []
    for key in keys:
        held = {_plain(k): k for k in section} if isinstance(section, dict) else {}
        found.append(held.get(key) or spelled.get(key) or _MEMO_SPELLINGS.get(key, key))
        section = section.get(found[-1]) if isinstance(section, dict) else None
    return tuple(found)


def _plain(name: str) -> str:
    return name.lower().replace("/", "_")


def _put(raw: dict[str, Any], keys: tuple[str, ...], value: Any, source: str) -> None:
    section = raw
    for key in keys[:-1]:
        inner = section.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BadConfig(f"{source}: {key} is not a section.")
        section = inner
    section[keys[-1]] = value


def _validated(raw: dict[str, Any], places: Mapping[tuple[str, ...], str]) -> Config:
    """`places` says where the value under each tuple of keys came from."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        more = f" ({len(others)} more after it)" if others else ""
        place = _place(tuple(map(str, first["loc"])), places)
        raise BadConfig(f"{place}: {_sentence(first)}{more}.".replace("?.", "?")) from error


def _place(at: tuple[str, ...], places: Mapping[tuple[str, ...], str]) -> str:
    """The last source that wrote the value at fault, a section around it or a key inside."""
    found = places[()]
    for keys, source in places.items():
        shared = min(len(keys), len(at))
        if shared and keys[:shared] == at[:shared]:
            found = source
    return found


def _sentence(problem: Any) -> str:
    location = [str(part) for part in problem["loc"] if part != "[key]"]
    dotted = ".".join(location) or "the file"
    if dotted in _NOT_YET:
        return f"{dotted!r} is not in this version"
    if dotted == "broker.kind" and problem["input"] in _BROKERS_NOT_YET:
        return f"{dotted!r}: {problem['input']} is not in this version; there are sim and replay"
    if problem["type"] == "extra_forbidden":
        known = _keys_of(location[:-1])
        near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.0)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{dotted!r} is not a known key{hint}"
    if problem["type"] == "missing":
        return f"{dotted!r} is missing"
    text = problem["msg"].removeprefix("Value error, ")[:_SENTENCE_MAX]
    text = re.sub(r"\b[Tt]uple\b", "list", text)
    if problem["type"] == "path_type":
        text = "input should be a path"
    if text[1:2].islower():  # a word, not a name such as M1 or XAU/USD
        text = text[0].lower() + text[1:]
    return f"{dotted!r}: {text}" if location else text


def _keys_of(location: list[str]) -> list[str]:
    """The keys a place in the file may have."""
    model: type[BaseModel] = Config
    for part in location:
        field = {f.alias or name: f for name, f in model.model_fields.items()}.get(part)
        if field is not None:
            found = _models_in(field.annotation)
            model = found[0] if found else model
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]
