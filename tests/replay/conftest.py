"""One Prometheus that holds all generated histories: a month of each scenario, a day of each change of identity."""

from collections.abc import Iterator

import pytest

from tests.history.identities import identities
from tests.history.scenario import store
from tests.history.scenarios import scenarios
from tests.prometheus_server import PrometheusServer


@pytest.fixture(scope="session")
def history_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the server; filling it takes about three quarters of a minute."""
    folder = tmp_path_factory.mktemp("history")
    store([*scenarios(), *identities()], folder / "data")
    server = PrometheusServer(folder)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
