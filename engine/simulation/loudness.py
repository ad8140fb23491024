"""Listens whether the engine says what it must, a second after it could know at the latest.

What cannot be held against it is let go: a boot that died, slept or was held up meanwhile, that
is fenced, or that had not come so far as to say anything; a fault that was over before.
"""

from __future__ import annotations

from contextvars import Context

from ..degraded import DegradedCode
from .boot import Boot
from .case import Act
from .ground import OVERDUE_S
from .loop import current_node
from .stage import Stage

_CODE = DegradedCode
_LOUD_US = 1_000_000
_ONE_BEAT_US = 600_000


class Loudness:
    """What is still expected of whom."""

    def __init__(self, stage: Stage, context: Context) -> None:
        self._stage = stage
        self._context = context
        self._disturbed_us: dict[int, int] = {}
        self._heard: set[tuple[int, int]] = set()
        self._jumped_us: list[int] = []
        self._lost_us: list[int] = []

    def running(self) -> Boot | None:
        """The boot that lives and can speak."""
        now = current_node()
        nodes = self._stage.nodes
        found = next((node for node in nodes if node.node is now), None)
        return found if found is not None and found.engine is not None else None

    def disturb(self, node: Boot) -> None:
        """It sleeps or is held up: nothing is asked of it for a while."""
        self._disturbed_us[node.number] = self._stage.now_us()

    def note_jump(self) -> None:
        """A wall clock was set."""
        self._jumped_us.append(self._stage.now_us())

    def note_loss(self) -> None:
        """Redis lost what it had, or was given something older."""
        self._lost_us.append(self._stage.now_us())

    def expect_once(
        self,
        node: Boot,
        what: int,
        codes: frozenset[DegradedCode],
        slack_s: float,
        act: Act,
    ) -> None:
        """The first time that a fault hits this boot, if it holds until it must be said."""
        ends_early = act.until_s < self._stage.now_us() / 1e6 + slack_s + 1.0
        if (node.number, what) not in self._heard and not ends_early:
            self._heard.add((node.number, what))
            self.expect(node, codes, slack_s, act.told())

    def expect(self, node: Boot, codes: frozenset[DegradedCode], slack_s: float, told: str) -> None:
        """It must have said one of them by then, or be saying it already."""
        since_us = self._stage.now_us()
        if standing_codes(node) & codes:
            return
        wait_us = round(slack_s * 1e6) + _LOUD_US
        self._stage.loop.call_later(
            wait_us / 1e6, self._judge, node, codes, since_us, told, context=self._context
        )

    def expect_state(self, node: Boot, code: DegradedCode) -> None:
        """It reads state files of which it must say this."""
        self.expect(node, frozenset({code}), 0.0, "a spoiled state file")

    def expect_open(self, node: Boot) -> None:
        """It must open in time, or say that it is late."""
        wait_us = round(OVERDUE_S * 1e6) + _LOUD_US
        self._stage.loop.call_later(wait_us / 1e6, self._judge_opening, node, context=self._context)

    def _judge_opening(self, node: Boot) -> None:
        view, is_disturbed = node.view, node.number in self._disturbed_us
        if not node.is_alive or view.has_opened or is_disturbed:
            return
        if standing_codes(node) & {_CODE.FENCED}:
            return
        is_said = any(code is _CODE.GATE_OVERDUE for _, code, _ in view.raised)
        sentence = f"{view.name}: {OVERDUE_S:g} s after its start GATE_OVERDUE was not said"
        self._stage.oracles.must(is_said, sentence)

    def _judge(self, node: Boot, codes: frozenset[DegradedCode], since_us: int, told: str) -> None:
        counts, view = self._stage.oracles.counts, node.view
        if not node.is_alive or node.node.is_paused:
            return
        if self._disturbed_us.get(node.number, -1) >= since_us - 3_000_000:
            return
        if standing_codes(node) & {_CODE.FENCED}:
            return
        is_jump = _CODE.CLOCK_JUMP in codes
        alike = self._jumped_us if is_jump else self._lost_us
        near = [us for us in alike if abs(us - since_us) < _ONE_BEAT_US]
        if (is_jump or _CODE.REDIS_REGRESSED in codes) and len(near) > 1:
            return  # they may have cancelled each other between two looks
        said = {code for at_us, code, _ in view.raised if at_us >= since_us} | standing_codes(node)
        if said & codes:
            counts["loud in time"] += 1
        else:
            names = "/".join(sorted(code.value for code in codes))
            self._stage.oracles.violated(f"{view.name}: {told} and {names} was not said in time")


def standing_codes(node: Boot) -> set[DegradedCode]:
    """What stands on a boot's board."""
    if node.engine is None:
        return set()
    return {reason.code for reason in node.engine.board.status.reasons}
