"""The checkout application does what it is told, and counts what it does."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from tests.demo.app.checkout import BUCKETS, application


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(application())) as running:
        yield running


async def pay(client: TestClient, times: int) -> list[int]:
    return [(await client.post("/checkout")).status for _ in range(times)]


async def test_it_answers_and_counts(client: TestClient):
    assert await pay(client, 3) == [200, 200, 200]
    assert await (await client.get("/counters")).json() == {"good": 3, "bad": 0, "fast": 3, "slow": 0, "total": 3}


@pytest.mark.parametrize(("ratio", "bad"), [(0, 0), (0.1, 2), (0.05, 1), (0.5, 10), (1, 20)])
async def test_it_fails_for_exactly_the_told_share(client: TestClient, ratio: float, bad: int):
    await client.post("/control", json={"failureRatio": ratio})
    assert (await pay(client, 20)).count(500) == bad
    assert (await (await client.get("/counters")).json())["bad"] == bad


async def test_it_recovers_when_told(client: TestClient):
    await client.post("/control", json={"failureRatio": 1})
    assert await pay(client, 2) == [500, 500]
    await client.post("/control", json={"failureRatio": 0})
    assert await pay(client, 2) == [200, 200]


async def test_it_is_slow_for_the_told_share(client: TestClient):
    await client.post("/control", json={"latencySeconds": 0.51, "slowRatio": 0.5})
    await pay(client, 4)
    counted = await (await client.get("/counters")).json()
    assert (counted["slow"], counted["fast"], counted["bad"]) == (2, 2, 0)


async def test_its_metrics_agree_with_its_own_count(client: TestClient):
    async def requests() -> dict[str, float]:
        text = await (await client.get("/metrics")).text()
        return {
            sample.labels["code"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "http_requests_total" and sample.labels["service"] == "checkout"
        }

    before = await requests()
    await client.post("/control", json={"failureRatio": 0.25})
    await pay(client, 8)
    after = await requests()
    assert {code: after[code] - before.get(code, 0) for code in after} == {"200": 6, "500": 2}


def test_the_example_threshold_is_a_bucket_bound():
    assert 0.5 in BUCKETS


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('{"failureRatio": 2}', "failureRatio must be a number from 0 to 1, not 2"),
        ('{"failureRatio": "much"}', "failureRatio must be a number from 0 to 1, not 'much'"),
        ('{"failureRatio": true}', "failureRatio must be a number from 0 to 1, not True"),
        ('{"latencySeconds": 31}', "latencySeconds must be a number from 0 to 30, not 31"),
        ('{"failRatio": 1}', "unexpected keyword argument 'failRatio'"),
        ("fail!", "Expecting value"),
    ],
)
async def test_a_wrong_order_is_refused_and_changes_nothing(client: TestClient, body: str, problem: str):
    answer = await client.post("/control", data=body)
    assert answer.status == 400
    assert problem in (await answer.json())["error"]
    expected = {"failureRatio": 0.0, "slowRatio": 1.0, "latencySeconds": 0.0}
    assert await (await client.get("/control")).json() == expected
