"""The load is bounded in rate, time and reach."""

import time

import pytest
from aiohttp.test_utils import TestServer

from tests.demo.app.checkout import application
from tests.demo.app.load import assert_private, bounded, load


async def test_it_sends_the_told_number_of_requests_at_the_told_rate():
    async with TestServer(application()) as server:
        started = time.monotonic()
        seen = await load(str(server.make_url("/checkout")), rate=50, seconds=0.5)
        assert time.monotonic() - started >= 24 / 50  # the last of 25 leaves no earlier
    assert seen == {"200": 25}


async def test_a_target_that_is_away_is_counted_and_does_not_stop_the_load():
    async with TestServer(application()) as server:
        url = str(server.make_url("/checkout"))
    assert await load(url, rate=50, seconds=0.1) == {"ClientConnectorError": 5}


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/checkout", "http://10.96.0.7/", "http://[::1]:80/", "http://localhost"]
)
def test_it_may_go_to_addresses_inside(target: str):
    assert_private(target)


@pytest.mark.parametrize("target", ["http://192.0.0.9/", "http://8.8.8.8/checkout", "http://[2001:4860::1]/"])
def test_it_never_goes_to_public_addresses(target: str):
    with pytest.raises(ValueError, match="no private address"):
        assert_private(target)


@pytest.mark.parametrize("value", ["0", "-1", "201", "nan", "much"])
def test_a_rate_without_bounds_is_refused(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("RATE", value)
    with pytest.raises(ValueError):  # noqa: PT011  (a value beyond the limit and one that is no number alike)
        bounded("RATE", "40", 200)
