"""What the cells of the grid show beside their sign."""

from __future__ import annotations

from enum import Enum


class Metric(Enum):
    """One figure per cell; the sign before it always tells the state."""

    STATE = "state"
    """What says most about the state: a share, a count, an age or a code."""
    BARS = "bars"
    """Bars at hand."""
    AGE = "age"
    """How long ago the newest bar closed."""
    MS = "ms"
    """Milliseconds from the engine's opening to the cell's last change."""


def next_metric(metric: Metric) -> Metric:
    """The one after it, round the end."""
    metrics = list(Metric)
    return metrics[(metrics.index(metric) + 1) % len(metrics)]
