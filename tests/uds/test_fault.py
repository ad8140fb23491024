"""The fault plan: what is injected, where, how often, and that the count proves it."""

from __future__ import annotations

import pytest

from uds.fault import Fault, FaultKind, FaultPlan

EVERYTHING = frozenset(FaultKind)
REFUSED = Fault(FaultKind.REFUSE, "disk.append")


def hits(plan: FaultPlan, count: int, operation: str = "disk.append", subject: str = "x") -> str:
    """`count` operations in a row: a `!` for each that was hit, a `.` for each that was not."""
    each = (plan.next(operation, subject, EVERYTHING) for _ in range(count))
    return "".join("." if injection is None else "!" for injection in each)


def test_an_empty_plan_injects_nothing() -> None:
    """As in production, where the seams are there and nobody arms anything."""
    plan = FaultPlan()

    assert "..." == hits(plan, 3)
    assert [] == list(plan.armed)
    assert 0 == plan.injected("Z3")


def test_a_fault_holds_until_it_is_reverted() -> None:
    """Its count stays, for the verdict is given after the revert."""
    plan = FaultPlan()
    plan.arm("Z3", REFUSED)
    assert ["Z3"] == list(plan.armed)
    assert "!!" == hits(plan, 2)
    plan.revert("Z3")
    plan.revert("Z3")

    assert "..." == hits(plan, 3)
    assert [] == list(plan.armed)
    assert 2 == plan.injected("Z3")


def test_arming_again_counts_anew() -> None:
    """The proof of one run of a drill is not the proof of the next."""
    plan = FaultPlan()
    plan.arm("Z3", REFUSED)
    hits(plan, 3)
    plan.arm("Z3", REFUSED)

    assert 0 == plan.injected("Z3")
    assert "!" == hits(plan, 1)


def test_everything_is_reverted_at_once() -> None:
    """The dead man's timer does not know what is armed."""
    plan = FaultPlan()
    plan.arm("Z3", REFUSED)
    plan.arm("F2", Fault(FaultKind.TIME_OUT, "cache.*"))
    plan.revert_all()

    assert "." == hits(plan, 1)
    assert "." == hits(plan, 1, "cache.read")


@pytest.mark.parametrize(
    ("after", "times", "expected"),
    [
        (0, None, "!!!!!"),
        (2, None, "..!!!"),
        (0, 1, "!...."),
        (1, 2, ".!!.."),
        (0, 0, "....."),
        (9, None, "....."),
    ],
)
def test_the_nth_to_the_mth_operation_is_hit(after: int, times: int | None, expected: str) -> None:
    """A lost reply of the second flip must be just that (Z4)."""
    plan = FaultPlan()
    plan.arm("Z4", Fault(FaultKind.LOSE_REPLY, "disk.append", after=after, times=times))

    assert expected == hits(plan, 5)
    assert expected.count("!") == plan.injected("Z4")


@pytest.mark.parametrize(
    ("operation", "subject", "is_hit"),
    [
        ("disk.append", "XAU_USD/tf_60/seg", True),
        ("disk.append", "USD_JPY/tf_60/seg", False),
        ("disk.append", "XAU_USD/tf_300/seg", False),
        ("disk.read", "XAU_USD/tf_60/seg", False),
        ("cache.append", "XAU_USD/tf_60/seg", False),
    ],
)
def test_only_what_matches_is_hit_and_counted(operation: str, subject: str, is_hit: bool) -> None:
    """One symbol's trouble is its own."""
    plan = FaultPlan()
    plan.arm("F8", Fault(FaultKind.REFUSE, "disk.a*", "XAU_USD/tf_60/*", after=1))
    for _ in range(3):
        hits(plan, 1, "disk.append", "XAU_USD/other")
    hits(plan, 1, "disk.append", "XAU_USD/tf_60/first")

    assert ("!" if is_hit else ".") == hits(plan, 1, operation, subject)
    assert int(is_hit) == plan.injected("F8")


def test_what_a_seam_cannot_do_is_not_counted() -> None:
    """A drill that injected nothing must not look as if it had."""
    plan = FaultPlan()
    plan.arm("F8", Fault(FaultKind.CORRUPT, "*", times=1))

    assert plan.next("disk.append", "x", frozenset({FaultKind.REFUSE})) is None
    assert 0 == plan.injected("F8")
    assert plan.next("disk.read", "x", frozenset({FaultKind.CORRUPT})) is not None
    assert 1 == plan.injected("F8")


def test_the_first_armed_fault_wins() -> None:
    """An operation fails in one way; when that one is spent the next has its turn."""
    plan = FaultPlan()
    plan.arm("first", Fault(FaultKind.FULL, "*", times=1))
    plan.arm("second", REFUSED)
    kinds = [plan.next("disk.append", "x", EVERYTHING) for _ in range(2)]

    assert [FaultKind.FULL, FaultKind.REFUSE] == [hit.fault.kind for hit in kinds if hit]
    assert (1, 1) == (plan.injected("first"), plan.injected("second"))


def test_chance_is_drawn_from_the_seed() -> None:
    """The same seed hits the same operations; others hit others, about as many."""

    def drawn(seed: int) -> str:
        plan = FaultPlan(seed)
        plan.arm("Z3", Fault(FaultKind.REFUSE, "disk.append", chance=0.25))
        return hits(plan, 400)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert all(60 < drawn(seed).count("!") < 140 for seed in range(5))


def test_a_subject_is_always_damaged_in_the_same_place() -> None:
    """A bad sector does not move: two reads of a file must not tell of two bits."""
    plan = FaultPlan(1)
    plan.arm("F8", Fault(FaultKind.CORRUPT, "disk.read"))
    found = [plan.next("disk.read", subject, EVERYTHING) for subject in ("x", "y", "x")]
    draws = [injection.draw for injection in found if injection]

    assert draws[0] == draws[2]
    assert draws[0] != draws[1]
