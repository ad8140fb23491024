"""An outage is told from bad luck, and its end is found with one request at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.broker.circuit import OPENS_AFTER, RETRY, Circuit
from engine.broker.lanes import PATIENCE_S, Lane, LaneQueue, Ticket
from tests.engine.builders import GOLD, YEN


def failing(count: int, symbols: tuple[str, ...] = (GOLD, YEN), asked: int = 2) -> Circuit:
    """So many failures in a row."""
    circuit = Circuit()
    for index in range(count):
        circuit = circuit.failed(symbols[index % len(symbols)], False, 100.0, asked)
    return circuit


def test_it_opens_after_so_many_failures_in_a_row_and_not_before() -> None:
    """A broker drops a request now and then."""
    assert "closed" == failing(OPENS_AFTER - 1).state
    assert ("open", 100.0 + RETRY.delay_s(1)) == (
        failing(OPENS_AFTER).state,
        failing(OPENS_AFTER).retry_at_s,
    )


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    """One answer is proof that the session lives."""
    circuit = failing(OPENS_AFTER - 1).answered().failed(GOLD, False, 0.0, 2)

    assert (1, "closed") == (circuit.failures, circuit.state)


def test_failures_of_one_symbol_open_it_only_where_there_is_but_one() -> None:
    """A symbol that the broker does not know is nobody else's trouble."""
    assert "closed" == failing(50, (GOLD,)).state
    assert "open" == failing(OPENS_AFTER, (GOLD,), asked=1).state


def test_failures_of_what_was_under_way_do_not_prolong_it() -> None:
    """Four requests that fail together are one outage."""
    circuit = failing(OPENS_AFTER)

    assert circuit.retry_at_s == circuit.failed(GOLD, False, 100.4, 2).retry_at_s


def test_each_failed_probe_makes_the_next_delay_longer_up_to_a_limit() -> None:
    """Recovery is found within seconds of the heal, however long the outage was."""
    circuit, delays = failing(OPENS_AFTER), []
    for _ in range(12):
        circuit = circuit.probing()
        assert "half_open" == circuit.state
        circuit = circuit.failed(GOLD, True, 1_000.0, 2)
        delays.append((circuit.retry_at_s or 0) - 1_000.0)

    assert sorted(delays) == delays
    assert RETRY.max_s == delays[-1] <= 5.0


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Lane)), st.integers(0, 3), st.integers(0, 9)), min_size=1
    ),
    st.data(),
)
def test_the_queue_gives_out_each_ticket_once_and_in_order_within_its_lane(
    wanted: list[tuple[Lane, int, int]], data: st.DataObject
) -> None:
    """Whatever was discarded meanwhile, and whoever starved."""
    queue = LaneQueue()
    tickets = [
        Ticket((symbol, page), number, lane, GOLD)
        for number, (lane, symbol, page) in enumerate(wanted)
    ]
    for ticket in tickets:
        queue.push(ticket, 0.0)
    gone = data.draw(st.lists(st.sampled_from(tickets)))
    for ticket in gone:
        queue.discard(ticket)
    came = []
    while queue:
        came.append(queue.pop(data.draw(st.sampled_from((0.0, 5.0, PATIENCE_S, 50.0)))))

    assert {t.number for t in tickets} - {t.number for t in gone} == {t.number for t in came}
    assert {} == queue.counts()
    for lane in Lane:
        mine = [(ticket.rank, ticket.number) for ticket in came if ticket.lane is lane]
        assert sorted(mine) == mine


def test_without_starving_the_more_urgent_lane_goes_first() -> None:
    """D1 before the live tail before catch-up before the fill before backfill."""
    queue = LaneQueue()
    for number, lane in enumerate(reversed(Lane)):
        queue.push(Ticket((0, 0), number, lane, GOLD), 0.0)

    assert list(Lane) == [queue.pop(PATIENCE_S - 0.1).lane for _ in Lane]
