"""One operator at the engine: what may be done from this seat, and for how long.

Every connection to the control socket has a seat of its own, and so has the console in the
engine's process: whoever sits down may look. Acting takes a scope that is taken for a while
and runs out by itself, so that a terminal left alone is harmless again; it belongs to this
seat and to no other. The key map is not asked, the engine is.
"""

from __future__ import annotations

from ..errors import ActionRefused
from ..events import OperatorActed
from ..refusals import refusal
from ..sayings import saying, sentences
from .action import Action, Danger, Given, Operable, Question
from .actions import find_action

ARM_S = 300
"""How long a seat stays armed unless less is asked for."""


class Seat:
    """What one operator may do."""

    def __init__(self, engine: Operable, actor: str) -> None:
        self._engine = engine
        self.actor = actor
        """How journals name what is done from here."""
        self._armed_until_s = 0.0

    @property
    def left_s(self) -> float:
        """Seconds for which acts are taken; 0 when none is."""
        return max(0.0, self._armed_until_s - self._engine.tools.clock.monotonic_s())

    def arm(self, for_s: int = ARM_S) -> float:
        """Take the scope to act, at most five minutes; how many seconds. Raises ActionRefused."""
        self._must_be_writable()
        granted_s = float(min(for_s, ARM_S))
        self._armed_until_s = self._engine.tools.clock.monotonic_s() + granted_s
        return granted_s

    def disarm(self) -> None:
        """Give the scope back."""
        self._armed_until_s = 0.0

    def ask(self, action_id: str, given: Given) -> tuple[Action, Question]:
        """What an action would touch; raises ActionRefused."""
        action = find_action(action_id)
        return action, action.ask(self._engine, action.bound(given))

    def act(
        self, action_id: str, given: Given, phrase: str = "", *, is_armed: bool = False
    ) -> OperatorActed:
        """Do an action; what was done, as all are told. Raises ActionRefused.

        `is_armed` arms for this one request: how a command line acts that was told to.
        """
        action = find_action(action_id)
        self._must_be_writable()
        if not is_armed and not self.left_s:
            raise refusal(saying("looks_only"), saying("how_to_arm"), code="not_armed")
        bound = action.bound(given)
        if action.danger is Danger.DESTROY:
            _must_be_said(action.ask(self._engine, bound), phrase)
        said = action.run(self._engine, bound, self.actor)
        command, english = action.command(bound), sentences((said,))
        acted = OperatorActed(action.id, bound, self.actor, english, command, (said,))
        self._engine.tools.board.post(acted)
        return acted

    def _must_be_writable(self) -> None:
        if self._engine.is_read_only:
            raise refusal(saying("read_only"), saying("start_writable"), code="read_only")


def _must_be_said(question: Question, phrase: str) -> None:
    if question.phrase is not None and phrase != question.phrase:
        wanted = saying("say_phrase", question.phrase)
        hint = saying("phrase_option", question.phrase)
        sentence = sentences((*question.said, wanted))
        raise ActionRefused(sentence, "phrase", sentences((hint,)), (wanted, hint))
