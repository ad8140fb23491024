"""The reader's API as a reader asks it: routes, refusals, and a description that is true."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from engine.bootstrap import seal
from engine.clock import ManualClock
from engine.serving import api
from engine.serving.documents import BarsDocument, ProblemDocument, StatusDocument
from engine.serving.http import build_app, openapi_document
from tests.engine.builders import (
    GOLD,
    NOON,
    House,
    build_house,
    key,
    market_broker,
    minutes,
    small_config,
)
from uds.model import MINUTE_MS, Timeframe


@pytest.fixture
async def house() -> House:
    """Gold, not served yet."""
    config = small_config(GOLD)
    clock = ManualClock(NOON)
    return await build_house(config, market_broker(config, clock), clock)


@pytest.fixture
async def reader(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its API, without sockets."""
    depth_bars = house.tools.config.bootstrap.depth_bars
    app = build_app(house.board, house.store, house.tools.clock, depth_bars)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
        yield client


async def open_gate(house: House) -> None:
    """Three bars in every series."""
    await house.store.connect()
    await house.store.recover(GOLD)
    for timeframe in Timeframe:
        await house.store.append(key(GOLD, timeframe), minutes(NOON - 9 * MINUTE_MS, 3))
    await seal(house.tools, GOLD)


async def test_the_process_lives_whatever_the_gate(reader: httpx.AsyncClient) -> None:
    """A supervisor outside must not kill an engine that is merely filling."""
    assert 200 == (await reader.get("/livez")).status_code


async def test_readiness_is_the_gate(reader: httpx.AsyncClient, house: House) -> None:
    """200 iff /api/bars answers 200."""
    before = await reader.get("/readyz")
    await open_gate(house)
    after = await reader.get("/readyz")

    assert (503, "application/problem+json") == (before.status_code, before.headers["content-type"])
    assert "closed" == ProblemDocument.model_validate_json(before.content).gate
    assert "retry-after" in before.headers
    assert (200, {"ok": True, "gate": "open"}) == (after.status_code, after.json())


async def test_the_status_is_always_answered(reader: httpx.AsyncClient, house: House) -> None:
    """Most of all while nothing else is."""
    before = await reader.get("/api/status")
    await open_gate(house)
    after = await reader.get("/api/status")

    assert (200, 200) == (before.status_code, after.status_code)
    assert not StatusDocument.model_validate_json(before.content).readiness
    assert StatusDocument.model_validate_json(after.content).readiness


async def test_bars_are_refused_until_the_gate_opens_and_answered_after(
    reader: httpx.AsyncClient, house: House
) -> None:
    """The same question before and after."""
    query = {"symbol": GOLD, "tf": "M1", "limit": "2"}
    before = await reader.get("/api/bars", params=query)
    await open_gate(house)
    after = await reader.get("/api/bars", params=query)

    assert (503, "application/problem+json") == (before.status_code, before.headers["content-type"])
    assert "1" == before.headers["retry-after"]
    ProblemDocument.model_validate_json(before.content)
    assert (200, "application/json") == (after.status_code, after.headers["content-type"])
    assert 2 == len(BarsDocument.model_validate_json(after.content).bars)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/", 404),
        ("GET", "/api", 404),
        ("GET", "/udf/config", 404),
        ("GET", "/api/stream", 404),
        ("GET", "/metrics", 404),
        ("GET", "/api/bars/", 404),
        ("POST", "/api/bars", 405),
        ("OPTIONS", "/api/bars", 405),
        ("DELETE", "/api/status", 405),
    ],
)
async def test_what_is_not_there_is_a_problem_document(
    reader: httpx.AsyncClient, method: str, path: str, code: int
) -> None:
    """Absent, never a stub, and told where the description is."""
    answer = await reader.request(method, path)

    assert (code, "application/problem+json") == (
        answer.status_code,
        answer.headers["content-type"],
    )
    problem = ProblemDocument.model_validate_json(answer.content)
    assert f"{method} {path} is not answered here; see /openapi.json." == problem.detail


async def test_a_refused_method_is_told_which_ones_there_are(reader: httpx.AsyncClient) -> None:
    """RFC 9110 wants the answer's `Allow`."""
    assert {"GET", "HEAD"} == set(
        (await reader.post("/api/bars")).headers["allow"].replace(" ", "").split(",")
    )


async def test_a_parameter_that_stands_twice_is_refused(reader: httpx.AsyncClient) -> None:
    """Whichever of the two were taken, the reader may have meant the other."""
    answer = await reader.get("/api/bars?symbol=XAU/USD&tf=M1&limit=1&limit=3")

    assert (400, "A parameter stands twice.") == (answer.status_code, answer.json()["detail"])


async def test_a_mistake_of_ours_is_a_problem_document_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that reads one kind of refusal reads this one; what went wrong is not told."""
    monkeypatch.setattr(api, "answer_bars", lambda *_: 1 // 0)
    app = build_app(house.board, house.store, house.tools.clock, {})
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
        answer = await client.get("/api/bars?symbol=XAU/USD&tf=M1")

    assert (500, "application/problem+json") == (
        answer.status_code,
        answer.headers["content-type"],
    )
    assert "GET /api/bars failed: ZeroDivisionError; see the log." == answer.json()["detail"]


async def test_only_named_origins_may_read_in_a_browser(house: House) -> None:
    """And none does unless it is configured; what stands ready is no exception."""
    await open_gate(house)
    depth_bars = house.tools.config.bootstrap.depth_bars
    app = build_app(
        house.board, house.store, house.tools.clock, depth_bars, ("https://charts.example",)
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
        path, name = "/api/bars?symbol=XAU/USD&tf=M1", "access-control-allow-origin"
        own = [await client.get(path, headers={"Origin": "https://charts.example"}) for _ in "ab"]
        other = await client.get(path, headers={"Origin": "https://elsewhere.example"})

    assert 2 * ["https://charts.example"] == [answer.headers[name] for answer in own]
    assert name not in other.headers


async def test_the_description_is_served(reader: httpx.AsyncClient) -> None:
    """And it is the one that is tested below."""
    answer = await reader.get("/openapi.json")

    assert json.loads(json.dumps(openapi_document())) == answer.json()


def references(part: Any) -> list[str]:
    """Every `$ref` anywhere inside."""
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [ref for value in part.values() for ref in references(value)]
    return [ref for value in part for ref in references(value)] if isinstance(part, list) else []


def test_every_reference_of_the_description_resolves() -> None:
    """A generator that follows a dangling one fails at the reader's desk."""
    document = openapi_document()

    found = references(document)
    assert len(found) > 10
    for reference in found:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


@pytest.mark.parametrize(
    ("model", "path"), [(StatusDocument, "/api/status"), (BarsDocument, "/api/bars")]
)
def test_the_description_names_the_models_that_answer(model: type[BaseModel], path: str) -> None:
    """Built from them, so it cannot be out of date; 200 and every refusal."""
    document: Any = openapi_document()

    operation = document["paths"][path]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    described = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert {field.alias or name for name, field in model.model_fields.items()} >= set(
        described["required"]
    )
    if path == "/api/bars":
        assert {"200", "400", "404", "503"} == set(operation["responses"])
        assert {"symbol", "tf"} == {p["name"] for p in operation["parameters"] if p["required"]}


def test_the_description_is_of_the_version_it_says() -> None:
    """3.1 is the one whose schemas are JSON Schema."""
    document: Any = openapi_document()

    assert "3.1.0" == document["openapi"]
    assert {"title", "version"} <= set(document["info"])
    for path, item in document["paths"].items():
        assert path.startswith("/")
        for code, answer in item["get"]["responses"].items():
            assert code.isdigit()
            assert "" != answer["description"]
