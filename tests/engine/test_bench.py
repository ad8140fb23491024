"""What the program measures of itself: floors by arithmetic, one real start, one real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bench.floors import Request, all_floor_s, ends_s, first_floor_s
from engine.bench.load import Load, ask_in_turn, body_of, open_load, question
from engine.bench.parent import BenchFailed, overrides, serving, start, told
from engine.bench.quick import RESTART_PAUSE_MS, ratio_limit, restart_limit_s
from engine.bench.starting import NOON_MS, Start
from engine.boots.timeline import replay_floor_s

_FAST = {"broker.sim.login_s": 0.05}
latencies = st.lists(st.floats(0.001, 1.0), max_size=40)


def requests(days: int, *pages: int, latency_s: float = 0.05) -> list[Request]:
    """So many days' requests, then of each symbol so many pages of minutes."""
    wanted = [Request(f"S{number}", "D1", latency_s) for number in range(days)]
    for number, count in enumerate(pages):
        wanted += [Request(f"S{number}", "M1", latency_s)] * count
    return wanted


@given(latencies, st.integers(1, 9))
def test_our_floor_and_the_engines_are_made_apart_and_agree(drawn: list[float], slots: int) -> None:
    """A ratio that the engine alone could vouch for would prove nothing."""
    asked = [Request("S", "M1", latency_s) for latency_s in drawn]

    assert replay_floor_s(0.5, drawn, slots) == all_floor_s(0.5, asked, slots)


@given(latencies, st.integers(1, 9))
def test_no_slot_ever_has_two_requests(drawn: list[float], slots: int) -> None:
    """Otherwise the floor would be one that no broker can keep."""
    ends = ends_s(0.5, drawn, slots)
    spans = [(end - taken, end) for end, taken in zip(ends, drawn, strict=True)]

    for begin, _ in spans:
        assert slots >= sum(a <= begin + 1e-9 and b > begin + 1e-9 for a, b in spans)


@pytest.mark.parametrize(("slots", "waves"), [(1, 208), (4, 52), (8, 26)])
def test_under_constant_latency_the_floor_is_whole_waves(slots: int, waves: int) -> None:
    """The formula of the design, for thirteen symbols and pages of 300."""
    asked = requests(13, *[15] * 13)

    assert pytest.approx(0.5 + waves * 0.05) == all_floor_s(0.5, asked, slots)


@pytest.mark.parametrize(("slots", "waves"), [(1, 28), (4, 7), (8, 4)])
def test_the_first_symbol_needs_all_days_and_its_own_pages(slots: int, waves: int) -> None:
    """ceil((S·d + k) / slots) waves, k being the pages of the symbol that has the fewest."""
    asked = requests(13, 18, *[15] * 12)

    assert pytest.approx(0.5 + waves * 0.05) == first_floor_s(0.5, asked, slots)


def test_without_requests_the_floor_is_the_login() -> None:
    """A restart within the minute asks for nothing."""
    assert (0.5, 0.5) == (all_floor_s(0.5, [], 4), first_floor_s(0.5, [], 4))


def test_short_starts_are_granted_more_and_a_restart_a_fixed_sum() -> None:
    """The targets as they were set."""
    assert (1.05, 1.02) == (ratio_limit(1.99), ratio_limit(2.0))
    assert pytest.approx(1.07) == restart_limit_s(0.7)


async def test_a_start_and_a_restart_are_measured_in_processes_of_their_own(
    tmp_path: Path,
) -> None:
    """One real engine: what it says of itself is what we find, and its order of asking holds."""
    manners = overrides(latency_ms=5, slots=4, page_bars=1_000, jitter=0.5) | _FAST
    cold = await start(tmp_path / "data", manners)
    warm = await start(tmp_path / "data", manners, NOON_MS + RESTART_PAUSE_MS)

    assert ("cold", "catch_up") == (cold.mode, warm.mode)
    assert ["D1"] * 13 == [one.timeframe for one in cold.requests[:13]]
    assert 13 == len(warm.requests)
    for found in (cold, warm):
        assert found.told_floor_s == pytest.approx(found.floor_s, abs=1e-4)
        assert found.told_elapsed_s == pytest.approx(found.elapsed_s, abs=0.2)
        assert 1 <= found.ratio
        assert found.first_s <= found.elapsed_s
        assert 0 < found.cpu_s
    assert cold == Start.of(cold.document())


async def test_a_child_that_fails_is_a_sentence() -> None:
    """Nobody should search a table for the line that is missing."""
    with pytest.raises(BenchFailed, match=r"^The process that measures `start` ended with 1"):
        await told("start", {})


async def test_the_engine_and_the_bare_server_answer_the_readers(tmp_path: Path) -> None:
    """Both are asked by the same readers, over kept connections, and both tell their CPU."""
    asked = [question(symbol, "M1", 300) for symbol in ("XAU/USD", "USD/JPY")]
    async with serving("serve", {"folder": str(tmp_path / "data")}) as ours:
        body = await body_of(ours.port, asked[0])
        given_bytes = b"%d\n%b" % (len(body), body)
        async with serving("bare", {}, given_bytes) as bare:
            for server in (ours, bare):
                before_s = await server.cpu_s()
                await ask_in_turn(server.port, asked, 2, 40)
                bodies: list[bytes] = []
                load = await open_load(server.port, asked, 200, 0.1, 4, bodies.append)
                assert (20, 0, 20) == (len(load.late_s), load.errors, len(bodies))
                assert len(body) == len(bodies[0])
                assert before_s < await server.cpu_s()
            assert body == await body_of(bare.port, asked[1])
        unknown = question("XAU/EUR", "M1", 300)
        with pytest.raises(ValueError, match="404"):
            await body_of(ours.port, unknown)
        with pytest.raises(ValueError, match="404"):
            await ask_in_turn(ours.port, [unknown], 1, 1)
        assert Load([], 2) == await open_load(ours.port, [unknown], 100, 0.02)


async def test_a_server_that_hangs_up_ends_the_measurement() -> None:
    """Half a measurement is none."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionResetError):
            await ask_in_turn(port, [b"x"], 1, 1)
