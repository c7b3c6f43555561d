"""Fixtures that every folder of tests may use."""

import asyncio

import hypothesis

# How long an example takes is the machine's business, and `make bench`'s.
hypothesis.settings.register_profile("backstop", deadline=None)
hypothesis.settings.load_profile("backstop")

pytest_plugins = ["tests.prometheus_server", "tests.cluster.fixtures"]


def pytest_sessionstart() -> None:
    # pytest-asyncio asks for the present event loop before each async test, and up to Python 3.13 asking makes one that
    # nobody closes, which ends the session with a warning. Once told that there is none, asking makes none.
    asyncio.set_event_loop(None)
