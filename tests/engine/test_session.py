"""Lanes before slots: D1 first, then symbol by symbol, and no slot is ever lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker import session as session_room
from engine.broker.answers import Fetched
from engine.broker.port import BarsRequest, FetchFailed, LoginFailed, LoginFault, RateLimited
from engine.broker.session import BrokerSession, Lane
from engine.status import BrokerStatus
from tests.engine.builders import GOLD, NOON, YEN, Fault, ScriptedBroker, minutes
from tests.engine.virtual_time import VirtualClock, in_virtual_time, settle
from uds.model import MINUTE_MS, Bars, Timeframe

LANES = {lane.name: lane for lane in Lane}


def request(symbol: str = GOLD, page: int = 0) -> BarsRequest:
    """A page, told apart by where it begins."""
    return BarsRequest(symbol, Timeframe.M1, NOON - page, NOON)


class Room:
    """A session over a scripted broker, and what it said of itself."""

    def __init__(self, slots: int = 1, pace: float | None = None, **broker: object) -> None:
        self.clock = VirtualClock(NOON)
        self.nonsense: set[int] = set()
        self.broker = ScriptedBroker(self._rows, self.clock, concurrency=slots, **broker)  # type: ignore[arg-type]
        self.said: list[BrokerStatus] = []
        self.session = BrokerSession(self.broker, self.clock, pace, self.said.append)

    def ask(
        self, lane: Lane = Lane.FILL, rank: tuple[int, int] = (0, 0), symbol: str = GOLD
    ) -> asyncio.Task[Fetched]:
        """Queue a request; its page number is its rank's."""
        return asyncio.create_task(self.session.fetch(request(symbol, rank[1]), lane, rank))

    def _rows(self, asked: BarsRequest) -> Bars:
        if asked.from_ms not in self.nonsense:
            return Bars.empty()
        bars = minutes(NOON - 5 * MINUTE_MS, 5)
        return replace(bars, h=bars.h - 1).take(np.arange(5)[::-1])

    def befall(self, page: int, fate: str) -> None:
        """What becomes of the request of this page."""
        error: Exception | None = {
            "fails": FetchFailed("No."),
            "is limited": RateLimited("Slow down.", 0.3),
            "crashes": RuntimeError("a bug"),
        }.get(fate)
        if error is not None or fate == "hangs":
            self.broker.faults.append(Fault(lambda asked: NOON - page == asked.from_ms, error))
        if fate == "is no history":
            self.nonsense.add(NOON - page)

    @property
    def status(self) -> BrokerStatus:
        """The newest word."""
        return self.said[-1]


@given(
    st.permutations(
        [(lane, symbol, page) for lane in LANES for symbol in (0, 1) for page in (0, 1)]
    )
)
def test_after_login_requests_go_by_lane_symbol_and_page(
    queued: list[tuple[str, int, int]],
) -> None:
    """D1 before M1 whatever the order of queueing: slots open when the first wave is queued."""

    @in_virtual_time
    async def sent() -> None:
        room = Room(slots=1)
        tasks = []
        for lane, symbol, page in queued:
            order = list(LANES).index(lane) * 10 + symbol * 2 + page
            asked = BarsRequest(str(order), Timeframe.M1, 0, 1)
            tasks.append(
                asyncio.create_task(room.session.fetch(asked, LANES[lane], (symbol, page)))
            )
            await settle(2)
        await room.session.login()
        await asyncio.gather(*tasks)

        in_order = [lane * 10 + page for lane in Lane for page in range(4)]
        assert in_order == [int(one.symbol) for one in room.broker.asked]

    sent()


@in_virtual_time
async def test_nothing_is_sent_before_the_login() -> None:
    """The port says so: a call before `login` has returned is not safe."""
    room = Room(slots=4)
    asked = room.ask()
    await asyncio.sleep(60)

    assert [] == room.broker.asked
    await room.session.login()
    await asked
    assert 1 == len(room.broker.asked)


@in_virtual_time
async def test_a_forgotten_login_holds_the_queue_and_costs_no_slot() -> None:
    """What was under way ends; nothing is sent until the next login, and then as much as ever."""
    room = Room(slots=2)
    await room.session.login()
    under_way = [room.ask(rank=(0, page)) for page in (0, 1)]
    await settle(4)
    room.session.forget_login()
    held = [room.ask(rank=(0, page)) for page in (2, 3, 4)]
    await asyncio.gather(*under_way)
    await asyncio.sleep(60)

    assert 2 == len(room.broker.asked)
    assert "logged_out" == room.status.state
    await room.session.login()
    await asyncio.gather(*held)
    assert 5 == len(room.broker.asked)
    assert ("ready", 0) == (room.status.state, room.status.slots_used)


@in_virtual_time
async def test_no_more_requests_are_under_way_than_there_are_slots() -> None:
    """The account allows so many; with 4 slots and 50 ms each, 10 take 3 rounds."""
    room = Room(slots=4)
    await room.session.login()
    began_s = room.clock.monotonic_s()

    await asyncio.gather(*(room.ask() for _ in range(10)))

    assert pytest.approx(0.15) == room.clock.monotonic_s() - began_s
    assert 4 == max(status.slots_used for status in room.said)
    assert 0 == room.status.slots_used


@in_virtual_time
async def test_an_urgent_request_overtakes_those_that_wait() -> None:
    """A closed minute must not stand behind an hour of backfill."""
    room = Room(slots=1)
    await room.session.login()
    tasks = [room.ask(Lane.FILL, (0, page)) for page in (1, 2, 3)]
    await settle()
    tasks.append(room.ask(Lane.LIVE, (9, 9)))
    await asyncio.gather(*tasks)

    assert [1, 9, 2, 3] == [NOON - asked.from_ms for asked in room.broker.asked]


@pytest.mark.parametrize("lane", [Lane.FILL, Lane.CATCH_UP])
def test_the_preferred_symbol_comes_next_but_interrupts_none(lane: Lane) -> None:
    """Half of two symbols makes no cell ready; D1 goes before any wish."""

    @in_virtual_time
    async def sent() -> None:
        room = Room(slots=1)
        names = ("A", "B", "C", "D")
        tasks = [
            room.ask(lane, (rank, page), name) for rank, name in enumerate(names) for page in (0, 1)
        ]
        await settle()
        await room.session.login()
        await settle()
        room.session.prefer("C")
        tasks.append(room.ask(Lane.D1, (9, 9), "Z"))
        await asyncio.gather(*tasks)

        assert list("AZACCBBDD") == [asked.symbol for asked in room.broker.asked]

    sent()


@in_virtual_time
async def test_another_wish_replaces_the_one_before() -> None:
    """The cursor wanders; what is not queued cannot come next, and backfill has its own order."""
    room = Room(slots=1)
    tasks = [
        room.ask(lane, (rank, 0), name)
        for lane in (Lane.FILL, Lane.BACKFILL)
        for rank, name in enumerate(("A", "B", "C", "D"))
    ]
    for symbol in ("B", "X", "D"):
        room.session.prefer(symbol)
    await room.session.login()
    await asyncio.sleep(0.06)
    room.session.prefer(None)
    await asyncio.sleep(0.05)
    room.session.prefer("X")
    await asyncio.gather(*tasks)

    assert list("DABCABCD") == [asked.symbol for asked in room.broker.asked]


@in_virtual_time
async def test_a_preferred_waiter_that_was_cancelled_is_passed_over() -> None:
    """Its place is gone; nobody waits for it."""
    room = Room(slots=1)
    tasks = [room.ask(Lane.FILL, (rank, 0), name) for rank, name in enumerate(("A", "B", "C"))]
    room.session.prefer("C")
    await settle()
    tasks[2].cancel()
    await room.session.login()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert list("AB") == [asked.symbol for asked in room.broker.asked]


@in_virtual_time
async def test_a_symbol_without_answers_lets_the_others_pass() -> None:
    """Asked again in its turn it would hold each slot for 5 s, and the others would never come."""
    room = Room(slots=2)
    for page in range(2):
        room.befall(page, "hangs")
    await room.session.login()
    silent = [room.ask(Lane.FILL, (0, page), "A") for page in range(3)]
    others = [room.ask(Lane.FILL, (rank, 7), name) for rank, name in enumerate("BCDEF", start=1)]
    await asyncio.sleep(session_room.REQUEST_TIMEOUT_S + 0.01)
    room.session.prefer("A")
    again = room.ask(Lane.FILL, (0, 8), "A")
    await asyncio.gather(*others)

    assert list("AABCDEF") == [asked.symbol for asked in room.broker.asked][:7]
    await asyncio.gather(*silent, again, return_exceptions=True)
    after = [room.ask(Lane.FILL, (rank, 9), name) for rank, name in enumerate("AGB")]
    await asyncio.gather(*after)
    assert list("AGB") == [asked.symbol for asked in room.broker.asked][-3:]


@in_virtual_time
async def test_a_waiter_cancelled_in_the_queue_leaves_its_place() -> None:
    """Its slot would otherwise be granted to nobody."""
    room = Room(slots=1)
    await room.session.login()
    first, gone, last = (room.ask(rank=(0, page)) for page in (1, 2, 3))
    await settle()

    gone.cancel()
    await settle()

    assert {"FILL": 1} == dict(room.status.queue)
    await asyncio.gather(first, last)
    assert [1, 3] == [NOON - asked.from_ms for asked in room.broker.asked]
    assert 0 == room.status.slots_used


@in_virtual_time
async def test_a_waiter_cancelled_after_being_granted_passes_its_slot_on() -> None:
    """Between the grant and the waiter's next step a restart may cancel it."""
    room = Room(slots=1)
    first, second = (room.ask(rank=(0, page)) for page in (1, 2))
    await settle()
    room.broker.login_s = 0.0
    await room.session.login()  # grants the slot to the first, which has not run since
    first.cancel()

    await second

    assert [2] == [NOON - asked.from_ms for asked in room.broker.asked]
    assert 0 == room.status.slots_used


@in_virtual_time
async def test_the_oldest_request_under_way_is_dated_until_it_is_answered() -> None:
    """A screen tells from it that the broker is silent, seconds before that is a reason."""
    room = Room(slots=2)
    room.befall(0, "hangs")
    await room.session.login()
    sent_ms = room.clock.now_ms()
    hung = room.ask(rank=(0, 0))
    await settle()
    await room.clock.sleep(1.0)
    await room.ask(rank=(0, 1), symbol=YEN)

    assert sent_ms == room.status.unanswered_since_ms
    with pytest.raises(FetchFailed):
        await hung
    assert room.status.unanswered_since_ms is None


@in_virtual_time
async def test_a_request_that_waits_for_its_pace_is_no_silence_of_the_broker() -> None:
    """It has its slot and was not sent: a screen that says `no answer` would blame the broker."""
    room = Room(slots=2, pace=0.25)
    await room.session.login()
    pages = [room.ask(rank=(0, page)) for page in range(3)]
    await asyncio.gather(*pages[:2])
    await settle()
    assert (1, None) == (room.status.slots_used, room.status.unanswered_since_ms)

    room.broker.latency_s = 1.0
    await room.clock.sleep(3.5)
    assert room.status.unanswered_since_ms is None
    await room.clock.sleep(1.0)
    sent_ms = room.status.unanswered_since_ms
    assert sent_ms is not None
    assert 550 == room.clock.now_ms() - sent_ms
    await pages[2]
    assert room.status.unanswered_since_ms is None


@in_virtual_time
async def test_a_request_cancelled_under_way_frees_its_slot() -> None:
    """A restarted process must not take slots with it."""
    room = Room(slots=1)
    await room.session.login()
    gone, waits = room.ask(rank=(0, 1)), room.ask(rank=(0, 2))
    await asyncio.sleep(0.01)

    gone.cancel()
    await waits

    assert 0 == room.status.slots_used


@in_virtual_time
async def test_a_hanging_request_fails_after_five_seconds() -> None:
    """F9: detection is 5 s, and the other slots go on meanwhile."""
    room = Room(slots=1, faults=[Fault(lambda _: True)])
    await room.session.login()
    began_s = room.clock.monotonic_s()

    with pytest.raises(FetchFailed, match=r"did not answer for XAU/USD M1 within 5 s\."):
        await room.ask()

    assert pytest.approx(5.0) == room.clock.monotonic_s() - began_s


@in_virtual_time
async def test_the_time_in_the_queue_is_not_the_brokers_fault() -> None:
    """With one slot and 100 requests the last waits 5 s before it is even sent."""
    room = Room(slots=1)
    await room.session.login()

    answers = await asyncio.gather(*(room.ask(rank=(0, page)) for page in range(120)))

    assert 120 == len(answers)


FATES = ("answers", "fails", "is limited", "hangs", "crashes", "is cancelled", "is no history")


@given(st.lists(st.tuples(st.sampled_from(FATES), st.sampled_from((GOLD, YEN))), max_size=24))
def test_afterwards_as_many_slots_are_free_as_there_ever_were(fates: list[tuple[str, str]]) -> None:
    """Whatever befalls requests, none may keep its slot (F9: slots free = capacity)."""

    @in_virtual_time
    async def all_free() -> None:
        room = Room(slots=3)
        await room.session.login()
        tasks = []
        for page, (fate, symbol) in enumerate(fates):
            room.befall(page, fate)
            tasks.append(room.ask(rank=(0, page), symbol=symbol))
        await asyncio.sleep(0.02)
        for task, (fate, _) in zip(tasks, fates, strict=True):
            if fate == "is cancelled":
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert 0 == room.status.slots_used

        await room.ask()  # closes the circuit, or waits until the broker allows it
        began_s = room.clock.monotonic_s()
        await asyncio.gather(*(room.ask() for _ in range(3)))
        assert pytest.approx(0.05) == room.clock.monotonic_s() - began_s
        assert ("closed", 0) == (room.status.circuit, room.status.slots_used)

    all_free()


@in_virtual_time
async def test_answered_requests_are_counted_and_failed_ones_are_not() -> None:
    """The replay floor is recomputed from these counts."""
    room = Room(slots=2, faults=[Fault(lambda asked: asked.symbol == YEN, FetchFailed("No."))])
    await room.session.login()
    d1 = BarsRequest(GOLD, Timeframe.D1, 0, NOON)

    await asyncio.gather(room.ask(), room.ask(), room.session.fetch(d1, Lane.D1))
    with pytest.raises(FetchFailed):
        await room.ask(symbol=YEN)

    assert {"M1": 2, "D1": 1} == dict(room.status.requests)
    assert [0.05] * 3 == [one.latency_s for one in room.session.answered]
    assert "No." == room.status.last_error


@in_virtual_time
async def test_a_start_that_never_ends_keeps_so_many_answers_and_counts_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One symbol without a day keeps the gate shut for weeks, and the others are polled."""
    monkeypatch.setattr(session_room, "ANSWERED_MAX", 2)
    room = Room(slots=1)
    await room.session.login()
    for page in range(4):
        await room.session.fetch(request(page=page), Lane.FILL)

    assert [NOON, NOON - 1] == [one.request.from_ms for one in room.session.answered]
    assert {"M1": 4} == dict(room.status.requests)


@in_virtual_time
async def test_an_answer_remembers_when_it_was_queued_sent_and_received() -> None:
    """Wait and work are told apart by it."""
    room = Room(slots=1)
    await room.session.login()
    await asyncio.gather(room.ask(rank=(0, 0)), room.ask(rank=(0, 1)))

    first, second = room.session.answered
    assert pytest.approx((0.5, 0.5, 0.55)) == (first.queued_s, first.sent_s, first.answered_s)
    assert pytest.approx((0.5, 0.55, 0.6)) == (second.queued_s, second.sent_s, second.answered_s)


@in_virtual_time
async def test_the_queue_is_told_by_lane() -> None:
    """The screen's `broker D1:0 M1:4`."""
    room = Room(slots=1)
    tasks = [room.ask(lane) for lane in (Lane.D1, Lane.FILL, Lane.FILL, Lane.LIVE)]
    await settle()

    assert {"D1": 1, "FILL": 2, "LIVE": 1} == dict(room.status.queue)
    await room.session.login()
    await asyncio.gather(*tasks)
    assert {} == dict(room.status.queue)


@in_virtual_time
async def test_requests_keep_the_configured_pace() -> None:
    """Ten a second, the first few at once: 30 requests take 2 to 3 s."""
    room = Room(slots=4, pace=10.0)
    await room.session.login()
    began_s = room.clock.monotonic_s()

    await asyncio.gather(*(room.ask() for _ in range(30)))

    assert 2.0 < room.clock.monotonic_s() - began_s < 3.0


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (LoginFailed("No.", LoginFault.PERMANENT), LoginFailed, "No."),
        (None, TimeoutError, "the login timed out"),
    ],
)
def test_a_failed_login_opens_no_slots(
    error: Exception | None,
    kind: type[Exception],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests go on waiting for the login that succeeds."""
    monkeypatch.setattr(session_room, "LOGIN_TIMEOUT_S", 2.0)

    @in_virtual_time
    async def fails() -> None:
        room = Room(slots=1, login_errors=[error])
        asked = room.ask()
        with pytest.raises(kind):
            await room.session.login()

        assert not room.session.is_open
        assert [] == room.broker.asked
        assert ("failed", said, 1) == (
            room.status.state,
            room.status.last_error,
            room.status.login_attempts,
        )

        await room.session.login()
        await asked
        assert ("ready", 2) == (room.status.state, room.status.login_attempts)

    fails()


@in_virtual_time
async def test_a_second_login_does_not_multiply_the_slots() -> None:
    """A session that expires is opened again; the account's limit stays."""
    room = Room(slots=1)
    await room.session.login()
    room.broker.login_s = 0.0
    room.broker.latency_s = 1.0
    tasks = [room.ask() for _ in range(3)]
    await asyncio.sleep(0.1)
    await room.session.login()
    await asyncio.sleep(0.1)

    assert (1, 1) == (len(room.broker.asked), room.status.slots_used)
    await asyncio.gather(*tasks)


@in_virtual_time
async def test_the_state_says_since_when() -> None:
    """`broker ready since` is for the operator; it moves with the state only."""
    room = Room(slots=1)
    await room.session.login()
    await asyncio.sleep(10)
    await room.ask()

    assert NOON + 500 == room.status.since_ms


def test_lanes_are_in_the_order_of_their_urgency() -> None:
    """The heap compares them as numbers."""
    in_order = [Lane.D1, Lane.LIVE, Lane.CATCH_UP, Lane.FILL, Lane.BACKFILL]
    assert in_order == sorted(Lane)


@in_virtual_time
async def test_what_wakes_together_is_sorted_before_a_free_slot_is_granted() -> None:
    """Slots are open already when the folder was slow to read: M1 must not overtake D1 then."""
    room = Room(slots=1)
    await room.session.login()
    tasks = [room.ask(Lane.FILL, (0, 1)), room.ask(Lane.D1, (1, 2)), room.ask(Lane.D1, (0, 3))]
    await asyncio.gather(*tasks)

    assert [3, 2, 1] == [NOON - asked.from_ms for asked in room.broker.asked]


@in_virtual_time
async def test_a_lane_that_was_passed_over_for_ten_seconds_gets_a_slot() -> None:
    """Ageing: D1 of very many symbols must not keep M1 waiting for ever."""
    room = Room(slots=1, latency_s=0.5)
    await room.session.login()
    tasks = [room.ask(Lane.D1, (0, page)) for page in range(1, 61)]
    tasks += [room.ask(Lane.FILL, (0, 100)), room.ask(Lane.BACKFILL, (0, 200))]
    await asyncio.gather(*tasks)

    sent = [NOON - asked.from_ms for asked in room.broker.asked]
    assert pytest.approx(20, abs=2) == sent.index(100)
    assert pytest.approx(20, abs=3) == sent.index(200)
    assert [*range(1, 61)] == [page for page in sent if page < 100]


@in_virtual_time
async def test_time_before_the_login_starves_nobody() -> None:
    """A login that is refused for a minute must not end D1's precedence."""
    room = Room(slots=1)
    tasks = [room.ask(Lane.FILL, (0, 1)), room.ask(Lane.D1, (0, 2)), room.ask(Lane.D1, (0, 3))]
    await asyncio.sleep(60)
    await room.session.login()
    await asyncio.gather(*tasks)

    assert [2, 3, 1] == [NOON - asked.from_ms for asked in room.broker.asked]


@in_virtual_time
async def test_backfill_leaves_a_slot_to_the_live_tail() -> None:
    """A minute that closes is asked for at once, however much history is on its way."""
    room = Room(slots=4, latency_s=1.0)
    await room.session.login()
    tasks = [room.ask(Lane.BACKFILL, (0, page)) for page in range(8)]
    await asyncio.sleep(0.5)
    assert 3 == room.status.slots_used
    began_s = room.clock.monotonic_s()
    await room.ask(Lane.LIVE, (0, 99))

    assert pytest.approx(1.0) == room.clock.monotonic_s() - began_s
    await asyncio.gather(*tasks)
    assert 0 == room.status.slots_used


@in_virtual_time
async def test_an_outage_stops_the_requests_and_one_probe_ends_it() -> None:
    """The circuit: 200 requests that wait are not 200 requests that fail every few seconds."""
    room = Room(slots=4, faults=[Fault(lambda _: True, FetchFailed("Down."), times=12)])
    await room.session.login()

    async def insist(page: int) -> None:
        while True:
            try:
                await room.ask(Lane.FILL, (0, page), (GOLD, YEN)[page % 2])
                return
            except FetchFailed:
                await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(insist(page)) for page in range(200)]
    await asyncio.sleep(0.1)
    assert 8 <= len(room.broker.asked) <= 12
    assert ("open", True) == (room.status.circuit, room.status.next_request_ms is not None)
    assert sum(room.status.queue.values()) >= 180

    await asyncio.gather(*tasks)
    assert 212 == len(room.broker.asked)
    assert ("closed", None, 0) == (
        room.status.circuit,
        room.status.next_request_ms,
        room.status.failures,
    )
    assert "half_open" in {status.circuit for status in room.said}


@in_virtual_time
async def test_one_symbol_the_broker_does_not_know_is_no_outage() -> None:
    """Isolation: the others' requests go on while one series fails for ever."""
    room = Room(slots=2, faults=[Fault(lambda asked: asked.symbol == YEN, FetchFailed("?"), 99)])
    await room.session.login()
    await room.ask()
    for page in range(20):
        with pytest.raises(FetchFailed):
            await room.ask(rank=(0, page), symbol=YEN)

    assert "closed" == room.status.circuit
    await room.ask()


@in_virtual_time
async def test_the_probe_is_of_a_symbol_that_did_not_fail_last() -> None:
    """Else the one request that can never succeed would hold up all the others."""
    room = Room(slots=1, faults=[Fault(lambda asked: asked.symbol != GOLD, FetchFailed("?"), 99)])
    await room.session.login()
    await room.ask()
    for page in range(8):
        with pytest.raises(FetchFailed):
            await room.ask(Lane.D1, (0, page), (YEN, "USD/CAD")[page % 2])
    assert "open" == room.status.circuit
    began_s = room.clock.monotonic_s()
    bad = room.ask(Lane.D1, (0, 50), YEN)
    await room.ask(Lane.LIVE, (0, 51), GOLD)

    assert room.clock.monotonic_s() - began_s < 1.0
    with pytest.raises(FetchFailed):
        await bad


@in_virtual_time
async def test_a_probe_that_is_cancelled_makes_room_for_another() -> None:
    """A restarted process must not leave the circuit half open for ever."""
    room = Room(slots=2, faults=[Fault(lambda _: True, FetchFailed("Down."), times=8)])
    await room.session.login()
    for page in range(8):
        with pytest.raises(FetchFailed):
            await room.ask(rank=(0, page), symbol=(GOLD, YEN)[page % 2])
    room.broker.faults.append(Fault(lambda _: True))
    probe, other = room.ask(rank=(0, 50)), room.ask(rank=(0, 51), symbol=YEN)
    await asyncio.sleep(1.0)
    assert "half_open" == room.status.circuit
    probe.cancel()

    await other
    assert ("closed", 0) == (room.status.circuit, room.status.slots_used)


@in_virtual_time
async def test_a_limit_holds_all_requests_back_as_long_as_the_broker_asks() -> None:
    """It is the account that was limited: the other slots would only prolong it."""
    room = Room(slots=4, faults=[Fault(lambda _: True, RateLimited("Slow down.", 3.0))])
    await room.session.login()
    with pytest.raises(RateLimited):
        await room.ask()
    began_s = room.clock.monotonic_s()
    await asyncio.gather(*(room.ask(rank=(0, page)) for page in range(4)))

    assert pytest.approx(3.05) == room.clock.monotonic_s() - began_s
    assert "closed" == room.status.circuit


@in_virtual_time
async def test_what_each_lane_took_is_tallied() -> None:
    """Requests and latencies, by what they were for."""
    room = Room(slots=1, faults=[Fault(lambda a: a.symbol == YEN, FetchFailed("No."))])
    await room.session.login()
    await asyncio.gather(room.ask(Lane.LIVE), room.ask(Lane.FILL))
    with pytest.raises(FetchFailed):
        await room.ask(Lane.FILL, symbol=YEN)

    live, fill = room.status.lanes["LIVE"], room.status.lanes["FILL"]
    assert (1, 0, 0.0, 0.05) == (
        live.answered_count,
        live.failed_count,
        live.waited_s,
        live.latency_max_s,
    )
    assert (1, 1) == (fill.answered_count, fill.failed_count)
    assert pytest.approx(0.05) == fill.waited_s


@in_virtual_time
async def test_after_the_start_answers_are_kept_in_the_tallies_only() -> None:
    """An engine that lives for months must not keep each of its requests."""
    room = Room(slots=1)
    await room.session.login()
    await room.ask()
    room.session.start_ended()
    await room.ask()

    assert 1 == len(room.session.answered)
    assert 2 == room.status.lanes["FILL"].answered_count
