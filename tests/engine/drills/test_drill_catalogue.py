"""The catalogue: all seventeen, each complete, and the page that is made of it."""

from __future__ import annotations

import pytest

from engine.drills.catalog import CATALOG, catalog_document
from engine.drills.checks import AFTER, HELD, SCRIPTED
from engine.drills.drill import DEAD_MAN_S, LOUD_S, Drill, Stage, Way
from engine.drills.page import page
from engine.drills.scripts import _SCRIPTS
from engine.drills.shape import Place
from engine.first_status import PROCESS_NAMES
from engine.gate import GateState
from tests.engine.builders import REPOSITORY

EXPECTED = {
    "F1": {"BROKER_LOGIN_TRANSIENT", "BROKER_LOGIN_TIMEOUT", "BROKER_LOGIN_PERMANENT"},
    "F2": {"REDIS_DOWN", "REDIS_TIMEOUT", "REDIS_REGRESSED"},
    "F3": {"CASCADE_EMPTY"},
    "F4": {"GATE_OVERDUE"},
    "F5": {"NO_PROGRESS"},
    "F6": {"PRIME_PARTIAL"},
    "F7": {"WATERMARK_MISSING"},
    "F8": {"CORRUPT_JSONL", "TORN_TAIL"},
    "F9": {"BROKER_FETCH_FAILED", "BROKER_RATE_LIMITED"},
    "F10": {"OWNER_CHANGED", "FENCED"},
    "Z1": {"OWNER_CHANGED", "FENCED"},
    "Z2": {"REDIS_DOWN", "REDIS_TIMEOUT", "REDIS_REGRESSED"},
    "Z3": {"DISK_FULL", "DISK_ERROR"},
    "Z4": {"REDIS_TIMEOUT"},
    "Z5": {"LOOP_STALLED"},
    "Z6": set(),
    "Z7": {"CLOCK_JUMP"},
}
DRILLS = list(CATALOG.values())
VARIANTS = [(drill, variant) for drill in DRILLS for variant in drill.variants]
IDS = [f"{drill.id} {variant.name}" for drill, variant in VARIANTS]


def test_all_seventeen_are_there_and_expect_the_reasons_of_the_table() -> None:
    """A drill that expects another reason than the operator is told of rehearses nothing."""
    assert list(EXPECTED) == list(CATALOG)
    sandbox = {
        drill.id: {code.value for v in drill.of(Place.SANDBOX) for code in v.codes}
        for drill in DRILLS
    }
    assert sandbox == EXPECTED


@pytest.mark.parametrize("drill", DRILLS, ids=list(CATALOG))
def test_each_says_what_an_operator_must_know_before(drill: Drill) -> None:
    """The card of the screen is made of these sentences."""
    assert drill.of(Place.SANDBOX)
    assert all((drill.title, drill.seam, drill.blast_radius, drill.recovery))
    assert drill.hypothesis.endswith(".")
    assert drill.can_live is bool(drill.live)
    assert len(drill.variants) == len({variant.name for variant in drill.variants})


@pytest.mark.parametrize(("drill", "variant"), VARIANTS, ids=IDS)
def test_each_way_of_failing_can_be_carried_out_and_bounded(drill: Drill, variant) -> None:  # type: ignore[no-untyped-def]
    """What it names must exist, and the dead man must not come before the reason."""
    assert variant.radius.processes <= set(PROCESS_NAMES)
    assert variant.radius.gates <= {word.value for word in GateState}
    assert set(variant.checks) <= {*HELD, *AFTER, *SCRIPTED}
    assert (variant.way is Way.SCRIPT) is (variant.stage is Stage.SCRIPT)
    assert variant.way is not Way.SCRIPT or variant.detail in _SCRIPTS
    assert (variant.way in (Way.BROKER, Way.LOGIN)) is (variant.broker is not None)
    assert (variant.way in (Way.PLAN, Way.OVERLAY)) is (variant.fault is not None)
    assert Place.LIVE not in variant.places or variant.stage is Stage.OPEN
    assert variant.detectable_s + LOUD_S + (variant.hold_s or 0.0) < DEAD_MAN_S
    assert 0 < variant.recovers_s <= 20.0


def test_faults_that_only_a_sandbox_survives_have_no_live_run() -> None:
    """Nobody wants a live engine's clock set or its files damaged."""
    never = {Way.FILE, Way.JUMP, Way.STALL, Way.SCRIPT, Way.SERVER_RESTARTED_EMPTY}
    live = {variant.way for drill, variant in VARIANTS if Place.LIVE in variant.places}

    assert set() == never & live
    assert ["F1", "F2", "F3", "F4", "F5", "F6", "F8", "F9"] == [d.id for d in DRILLS if d.can_live]


def test_the_document_has_a_card_for_each() -> None:
    """The screen and `drill list --json` draw from it."""
    document = catalog_document()
    drills = document["drills"]

    assert isinstance(drills, list)
    assert list(CATALOG) == [drill["id"] for drill in drills]
    assert document["stops"]
    assert document["invariants"]


def test_the_page_is_the_one_the_catalogue_makes() -> None:
    """A bound corrected in one place only would be believed in the other."""
    assert page() == (REPOSITORY / "docs" / "drills.md").read_text("utf-8")
