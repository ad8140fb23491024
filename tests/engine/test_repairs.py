"""A gap is tried a few times and then once an hour; a login once a step."""

from __future__ import annotations

from engine.broker.login_plan import LoginPlan
from engine.broker.port import LoginFault
from engine.intensity import Backoff
from engine.repairs import REPAIRS_MAX, REST_MS, Repairs

GAP = (60_000, 120_000)
SCHEDULE = Backoff(0.1, 10.0)


def test_a_gap_is_tried_with_each_poll_and_then_once_an_hour() -> None:
    """Seldom, but never given up for good: the broker may get the bars back."""
    repairs = Repairs()

    tried = [ms for ms in range(0, 3 * REST_MS, 60_000) if repairs.begin(GAP, ms)]

    at_once = [60_000 * index for index in range(REPAIRS_MAX)]
    assert [*at_once, at_once[-1] + REST_MS, at_once[-1] + 2 * REST_MS] == tried
    assert REPAIRS_MAX + 2 == repairs.left([GAP])


def test_a_gap_that_is_full_is_forgotten() -> None:
    """Another hole at the same place begins anew."""
    repairs = Repairs()
    repairs.begin(GAP, 0)

    assert 0 == repairs.left([])
    assert 0 == repairs.left([GAP])


def test_a_login_that_was_not_answered_has_used_its_step_up() -> None:
    """The delay counts from its beginning, or recovery would take twice as long."""
    plan = LoginPlan()
    for _ in range(8):
        refused_s = plan.failed(LoginFault.TRANSIENT, 0.0, 0.5, SCHEDULE, 0.99)
    assert 10.0 == refused_s

    assert 0.1 == plan.failed(LoginFault.TIMEOUT, 0.0, 10.0, SCHEDULE, 0.99)
    assert 10.1 == plan.due_s


def test_a_crash_brings_no_login_forward_and_the_operator_does() -> None:
    """A process that dies in a loop must not hammer the broker."""
    plan = LoginPlan()
    plan.begins_life(0)
    plan.failed(LoginFault.TRANSIENT, 0.0, 5.0, SCHEDULE, 0.5)
    plan.begins_life(1)
    assert (1, 5.1) == (plan.failures, plan.due_s)

    plan.begins_life(1)
    assert (0, float("-inf")) == (plan.failures, plan.due_s)
