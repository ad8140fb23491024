"""The drill page: what can be drilled, how it is begun and ended by keys, and what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from console.commands import SECTIONS
from console.dress import Dress
from console.lines import text_of
from console.messages import Told
from console.moments import stamp
from console.pages import Page
from console.replaying import ReplayApp, ReplayClient
from console.screens.phrase import PhraseScreen
from console.tape import Tape
from console.widgets.drill_notice import drill_notice
from console.widgets.drill_rows import outcome_rows
from console.words import Words
from engine.boots.recording import Recording, Step
from engine.drills.grounds import Ground
from engine.drills.shape import DrillOutcome, DrillPhase, Place, RevertedDrill, Verdict
from engine.event_log import Posted
from engine.events import DrillChanged, DrillReverted
from engine.sayings import saying
from engine.status import DrillStatus, Status

from . import drilled, scenes
from .drilled import BEGAN_MS
from .scenes import OPENED_MS, FakeClient
from .stage import FLUSHED_S, NOW_MS, drawn, staged

_TO_F9 = "j" * 8


def _marked(rows: list[str]) -> str:
    return next(row for row in rows if row.startswith(">"))


def _drill(status: Status) -> DrillStatus:
    assert status.drill is not None
    return status.drill


async def test_a_console_that_only_looks_says_how_to_arm() -> None:
    """The first f of every shift: nothing may happen, and the way on is said."""
    app, client = staged(drilled.remembered())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6", "f")
        rows = await drawn(pilot)

    assert "this console only looks; A lets it act for five minutes" == rows[22]
    assert [] == client.acted


def test_a_verdict_and_what_was_seen_are_in_the_operators_language() -> None:
    """Codes travel; an outcome of an older version has none and stays as it was written."""
    said = (saying("no_reason"), saying("still_armed", "drill killed"))
    grounds = (Ground("killed", said),)
    outcome = DrillOutcome(
        "F2", Place.LIVE, Verdict.FAIL, str(grounds[0]), None, None, NOW_MS, grounds
    )
    older = replace(outcome, grounds=())
    english, ukrainian, old = (
        " ".join(text_of(row).strip() for row in outcome_rows(one, 100, Words(language)))
        for one, language in ((outcome, "en"), (outcome, "uk"), (older, "uk"))
    )

    assert english.endswith("killed: no reason was said; the fault 'drill killed' is still armed.")
    assert ukrainian.endswith(
        "killed: жодної причини не названо; збій «drill killed» досі внесено."
    )
    assert "killed: no reason was said" in old


async def test_a_drill_is_begun_by_its_id_and_by_nothing_else() -> None:
    """The question says what it may touch; another word, or none, begins nothing."""
    app, client = staged(drilled.remembered(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6", *_TO_F9, "f", *"F2", "enter")
        assert "nothing was done: that was not F9" == (await drawn(pilot))[22]
        await pilot.press("f", "escape")
        assert [] == client.acted
        await pilot.press("а")
        rows = await drawn(pilot)
        assert any("It may touch: one" in row for row in rows)
        await pilot.press(*"F9", "enter")
        assert "Drill F9 has begun." == (await drawn(pilot))[22]

    assert [("drill", "F9")] == client.acted


async def test_from_the_grid_a_drill_is_chosen_first() -> None:
    """A cell is no drill: the operator must have read a card before anything fails."""
    app, client = staged(drilled.remembered(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f")
        rows = await drawn(pilot)
        assert " DRILLS  1/17" == rows[2]
        assert "choose a drill with j and k, then press f" == rows[22]
        await pilot.press("j", "enter", "f")
        assert isinstance(app.screen, PhraseScreen)
        await pilot.press(*"F2", "enter")
        await drawn(pilot)

    assert [("drill", "F2")] == client.acted


async def test_f_offers_the_drills_also_where_nothing_may_be_begun() -> None:
    """A newcomer is told to press it: the cards may be read, and then `A` is asked for."""
    app, client = staged(drilled.remembered())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f")
        rows = await drawn(pilot)
        assert " DRILLS  1/17" == rows[2]
        await pilot.press("f")
        assert "this console only looks; A lets it act for five minutes" == (await drawn(pilot))[22]

    assert [] == client.acted


async def test_what_the_engine_refuses_is_told_and_not_asked() -> None:
    """Its ground reaches the operator as it is: another drill runs, the gate is closed, prod."""
    app, client = staged(drilled.remembered(), refuses="F7 has no live run.", armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6", *"jjjjjj", "f")
        assert "F7 has no live run." == (await drawn(pilot))[22]

    assert [] == client.acted


async def test_the_drill_that_runs_is_ended_with_a_key_and_not_by_leaving() -> None:
    """Esc is for the page; the end of a drill is asked for, and no is the default."""
    app, client = staged(drilled.under_way(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6")
        assert "F ends it" in (await drawn(pilot))[22]
        await pilot.press("escape")
        assert "F ends it · 6 shows it" in (await drawn(pilot))[22]
        await pilot.press("F", "enter")
        assert [] == client.acted
        await pilot.press("А", "y")
        await drawn(pilot)

    assert [("drill-abort", "")] == client.acted


async def test_no_answer_hides_how_a_running_drill_is_ended() -> None:
    """Eight seconds are long while a fault is in; a long answer gives way, the key does not."""
    app, _ = staged(drilled.under_way(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        for said in ("Drill F9 has begun.", "word " * 40):
            app.post_message(Told(said))
            row = (await drawn(pilot, 0.2))[22]
            assert row.startswith(said[:20])
            assert row.endswith(" · F ends it")


@pytest.mark.parametrize("language", ["en", "uk"])
@pytest.mark.parametrize("width", [30, 50, 66, 80, 120])
def test_the_end_is_the_last_thing_to_be_lost(language: str, width: int) -> None:
    """A long way of failing, narrow terminals and a longer language must not crop it."""
    words, status = Words(language), drilled.under_way()
    drill = replace(_drill(status), id="F10", variant="a reader that lags at a rebuild")
    status = replace(status, drill=drill)
    for page in (Page.GRID, Page.DRILL):
        row = text_of(drill_notice(status, NOW_MS, page, SECTIONS, width, words))
        assert "F10" in row
        assert words.drill_key_ends.format(key="F") in row


async def test_it_is_typed_as_well() -> None:
    """The colon knows its id in any case, and the page by its name."""
    app, client = staged(drilled.remembered(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *"drills", "enter")
        assert " DRILLS" in (await drawn(pilot))[2]
        await pilot.press("colon", *"drill f5", "enter", *"F5", "enter")
        await drawn(pilot)

    assert [("drill", "F5")] == client.acted


async def test_the_checklist_moves_as_the_drill_does() -> None:
    """Who began it elsewhere does not matter: it is selected, it counts, it ends with a verdict."""
    now_ms = [BEGAN_MS]
    app, client = staged(drilled.remembered(), now_ms=lambda: now_ms[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6")
        client.push(drilled.under_way())
        now_ms[0] = BEGAN_MS + 10_000
        rows = await drawn(pilot, FLUSHED_S)
        assert _marked(rows).startswith(">◔ F9  fetches fail")
        assert any("F9 RUNNING  observe: hangs" in row and "+10.0s" in row for row in rows)
        assert "the fault goes within 0:52" in rows[22]

        now_ms[0] = BEGAN_MS + 11_500
        rows = await drawn(pilot, FLUSHED_S)
        assert any("RUNNING" in row and "+11.5s" in row for row in rows)
        assert "the fault goes within 0:50" in rows[22]

        client.push(drilled.failed())
        rows = await drawn(pilot, FLUSHED_S)
        assert "FAIL" in _marked(rows)
        assert any("✖ F9 FAIL  loud 7.40s · healed 1.90s" in row for row in rows)
        assert any("312 answers, 0 refusals" in row for row in rows)
        assert "F ends it" not in rows[22]


async def test_while_the_fault_is_out_nothing_is_said_to_be_in() -> None:
    """The dead man counts only what he would take out; a late one is at nought and not below."""
    before = replace(_drill(drilled.under_way()), phase=DrillPhase.HYPOTHESIS, variant="")
    status = replace(drilled.under_way(), drill=replace(before, dead_man_ms=None))
    app, client = staged(status)
    async with app.run_test(size=(80, 24)) as pilot:
        assert "drill F9, hypothesis · no fault is in" in (await drawn(pilot))[22]
        client.push(replace(status, drill=replace(before, dead_man_ms=NOW_MS - 5_000)))
        assert "the fault goes within 0:00" in (await drawn(pilot, FLUSHED_S))[22]


async def begun_on_journal(pilot: Pilot[Any], client: FakeClient) -> Status:
    """The journal is on the screen, and a drill begins."""
    await pilot.press("7")
    running = drilled.under_way()
    client.push(running)
    await drawn(pilot, FLUSHED_S)
    return running


async def test_the_journal_tells_the_drill_from_what_it_caused() -> None:
    """Whoever reads the night's journal must not take a drilled fault for a real one."""
    app, client = staged(drilled.remembered())
    async with app.run_test(size=(100, 30)) as pilot:
        running = await begun_on_journal(pilot, client)
        moved = replace(_drill(running), phase=DrillPhase.REVERT)
        client.push(replace(running, drill=moved))
        await drawn(pilot, FLUSHED_S)
        client.push(drilled.failed())
        text = "\n".join(await drawn(pilot, FLUSHED_S))

    assert "drill F9 began: fetches fail" in text
    assert "drill F9, revert: hangs" in text
    assert "drill F9 FAIL: hangs: loud after 7.40 s, 6.00 s were allowed." in text


async def test_a_drill_whose_clock_is_set_did_not_begin_again() -> None:
    """The engine moves when it began, so that it lasts no longer; it is the same drill."""
    app, client = staged(drilled.remembered())
    async with app.run_test(size=(100, 30)) as pilot:
        running = await begun_on_journal(pilot, client)
        began_ms = _drill(running).began_ms + 3_600_000
        client.push(replace(running, drill=replace(_drill(running), began_ms=began_ms)))
        text = "\n".join(await drawn(pilot, FLUSHED_S))

    assert 1 == text.count("drill F9 began")


async def test_the_journal_tells_which_drill_a_boot_has_taken_back() -> None:
    """A console that comes after a kill, or twice, shows once what was in and that it is out."""
    done = "what its fault was made of died with the process"
    began_ms = BEGAN_MS - 60_000
    known = RevertedDrill("F8", "overlay", "pid 4711", began_ms, done, BEGAN_MS)
    unread = RevertedDrill("", "", "", None, done, BEGAN_MS)
    app, client = staged(scenes.played(drilled.remembered(), DrillReverted(known), at_ms=BEGAN_MS))
    async with app.run_test(size=(190, 30)) as pilot:
        await pilot.press("7")
        client.push(replace(client.status, api_port=8_000))
        rows = await drawn(pilot, FLUSHED_S)
        (told,) = [row for row in rows if row.startswith(">▲")]
        client.push(replace(client.status, reverted=unread))
        later = "\n".join(await drawn(pilot, FLUSHED_S))

    assert "drill F8 was cut off by a kill and is taken back: overlay; " in told
    assert f"asked for by pid 4711, {stamp(began_ms)} UTC; {done}" in told
    assert "drill with a journal that cannot be read was cut off by a kill" in later


async def test_a_page_that_the_engine_has_not_answered_yet_says_so() -> None:
    """An older engine knows no drills; the page must say that and not end the screen."""
    app, client = staged(scenes.end_of_boot(), armed=True)
    del client.answers["drills"]
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6", "j", "enter", "f")
        rows = await drawn(pilot)

    assert " the engine has not told its drills yet" == rows[3]
    assert [] == client.acted


async def test_a_catalogue_that_cannot_be_read_changes_nothing() -> None:
    """What a broken or hostile engine answers ends no screen."""
    app, client = staged(drilled.remembered())
    client.answers["drills"] = {"drills": [{"id": 7}]}
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6")
        rows = await drawn(pilot)

    assert " the engine has not told its drills yet" == rows[3]


async def test_drills_are_found_by_their_verdict_and_faults_by_n() -> None:
    """A filter and the way from fault to fault work here as everywhere."""
    app, _ = staged(drilled.remembered())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6", "n")
        assert _marked(await drawn(pilot)).startswith(">✖ F8")
        await pilot.press("slash", *"state:pass", "enter")
        rows = await drawn(pilot)
        assert " DRILLS  1/1" == rows[2]
        assert _marked(rows).startswith(">● F2")


async def test_one_drill_over_the_whole_page_scrolls_and_leads_back() -> None:
    """On a small terminal the card goes on below; Esc is the list again."""
    app, _ = staged(drilled.failed())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("6", *_TO_F9, "enter", "G")
        rows = await drawn(pilot)
        assert rows[2].startswith(" DRILL F9  fetches fail  ")
        assert rows[2].endswith("PgDn PgUp")
        assert any("no reader sees an older generation than before" in row for row in rows)
        await pilot.press("escape")
        assert " DRILLS  9/17" == (await drawn(pilot))[2]


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (40, 10), (72, 20), (250, 60)])
async def test_any_size_holds_a_drill(size: tuple[int, int]) -> None:
    """A terminal that is made small in the middle of a drill must not end the screen."""
    app, _ = staged(drilled.under_way())
    async with app.run_test(size=size) as pilot:
        await pilot.press("6", "j", "k", "enter", "j", "pagedown")
        rows = await drawn(pilot)
        assert app.is_running

    assert size[1] == len(rows)


async def test_a_recorded_boot_shows_its_drill() -> None:
    """What was drilled is part of what happened; nothing can be begun in a recording."""
    event = DrillChanged(_drill(drilled.under_way()))
    at_ms = OPENED_MS + 12_000
    steps = [Step(OPENED_MS, drilled.remembered()), Step(at_ms, Posted(1, at_ms, event))]
    words = Words()
    client = ReplayClient(Tape(Recording({}, steps), lambda: 0.0), words)
    app = ReplayApp(client, Dress(words, False, False, "default"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("full_stop", "6", "f")
        rows = await drawn(pilot, FLUSHED_S)

    assert _marked(rows).startswith(">◔ F9  fetches fail")
    assert any("RUNNING  observe: hangs" in row and "+4.0s" in row for row in rows)
    assert "ends it" not in rows[22]
