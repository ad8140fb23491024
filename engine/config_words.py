"""The words `config.json` is written in: sections, timeframes, and numbers that are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from uds.model import Timeframe


def _timeframe(value: object) -> object:
    if isinstance(value, str):
        if value not in Timeframe.__members__:
            raise ValueError(f"{value!r} is not one of {', '.join(Timeframe.__members__)}")
        return Timeframe[value]
    return value


TimeframeName = Annotated[
    Timeframe, BeforeValidator(_timeframe), PlainSerializer(lambda timeframe: timeframe.name)
]
Whole = Annotated[int, Field(strict=True)]
"""A whole number; strict, because `true` is no number."""
Number = Annotated[float, Field(strict=True)]
Positive = Annotated[Number, Field(gt=0)]
Count = Annotated[Whole, Field(ge=1)]
Seconds = Annotated[Number, Field(ge=0)]
_REACH_YEARS = 25
_YEAR_S = 31_557_600


_SCHEMES = ("redis", "rediss", "unix")
_TLS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_cert_reqs", "ssl_keyfile"})
_OPTIONS = frozenset({"db", "username", "password", "client_name"}) | _TLS_OPTIONS


def redis_address(url: str) -> str:
    """The address itself; raises ValueError where no client could make anything of it."""
    if not url.startswith(tuple(f"{scheme}://" for scheme in _SCHEMES)):
        raise ValueError("it must begin with redis://, rediss:// or unix://")
    try:
        parts = urlsplit(url)
        is_readable = parts.scheme == "unix" or (parts.port or 1) > 0
    except ValueError:
        is_readable = False
    if not is_readable:
        raise ValueError("its host or port cannot be read")
    if parts.scheme != "unix" and not (parts.path.strip("/") or "0").isdecimal():
        raise ValueError(
            "behind the host comes the number of a database, as in redis://host:6379/0"
        )
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise ValueError(f"it has no option {name!r}; there are {', '.join(sorted(_OPTIONS))}")
    return url


class Section(BaseModel):
    """A part of the file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def within_reach(bars: Mapping[Timeframe, int]) -> None:
    """Raises ValueError for more history than calendars, which begin in 1970, can be asked for."""
    for timeframe, count in bars.items():
        if count * int(timeframe) > _REACH_YEARS * _YEAR_S:
            raise ValueError(
                f"{count} {timeframe.name} are more than {_REACH_YEARS} years of open market"
            )
