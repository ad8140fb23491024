"""The words `config.json` is written in: sections, timeframes, and numbers that are numbers."""

from __future__ import annotations

from typing import Annotated

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


class Section(BaseModel):
    """A part of the file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
