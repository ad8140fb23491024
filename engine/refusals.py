"""Why something is not done: a refusal made of codes, for whoever says it."""

from __future__ import annotations

from .errors import ActionRefused
from .sayings import Saying, sentences


def refusal(said: Saying, *hints: Saying, code: str = "refused") -> ActionRefused:
    """To be raised; `hints` say what the operator can do."""
    return ActionRefused(sentences((said,)), code, sentences(hints), (said, *hints))
