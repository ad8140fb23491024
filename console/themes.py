"""The colours of the screen: what each state wears in each theme; sign and text say it already.

`default` and `deutan` are at least 5.4:1 on their ground, `contrast` at least 9:1; none of them
tells anything by red against green. `mono` has no colours at all, as NO_COLOR asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .lines import Look


class Theme(NamedTuple):
    """The colours of one theme, as `#RRGGBB`."""

    ground: str
    """What everything is drawn on."""
    ink: str
    """Text that means no state."""
    dim: str
    """Text that steps back."""
    states: Mapping[Look, str]
    """The colour of each state."""


_DEFAULT = {
    Look.WAITING: "#8A8A8A",
    Look.FETCHING: "#56B4E9",
    Look.DERIVING: "#3D8BFF",
    Look.PRIMING: "#3D8BFF",
    Look.READY: "#00B98A",
    Look.STALE: "#CC79A7",
    Look.DEGRADED: "#F0C000",
    Look.FAILED: "#FF6A1F",
}
_DEUTAN = {Look.DERIVING: "#56B4E9", Look.PRIMING: "#56B4E9", Look.READY: "#4C9BFF"}
_CONTRAST = {
    Look.WAITING: "#C4C4C4",
    Look.FETCHING: "#8AD4FF",
    Look.DERIVING: "#A9C8FF",
    Look.PRIMING: "#A9C8FF",
    Look.READY: "#3DF0B8",
    Look.STALE: "#FFB0E2",
    Look.DEGRADED: "#FFE14D",
    Look.FAILED: "#FFA366",
}

THEMES = {
    "default": Theme("#121212", "#D8D8D8", "#8A8A8A", _DEFAULT),
    "deutan": Theme("#121212", "#D8D8D8", "#8A8A8A", _DEFAULT | _DEUTAN),
    "contrast": Theme("#000000", "#FFFFFF", "#C4C4C4", _CONTRAST),
}
"""By the name that `console.theme` has; `mono` stands for no colours and is not listed."""
