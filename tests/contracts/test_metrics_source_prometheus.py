import pytest

from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from tests.contracts.metrics_source import NOW, SERIES, MetricsSourceContract
from tests.prometheus_server import PrometheusServer, free_port

pytestmark = pytest.mark.prometheus


@pytest.fixture(scope="module")
def with_series(prometheus):
    for name, labels, samples in SERIES:
        prometheus.write(name, labels, [(NOW + after, value) for after, value in samples])
    return prometheus


@pytest.fixture(scope="module")
def paused(tmp_path_factory):
    """A Prometheus that is frozen: its kernel accepts, and nothing answers."""
    server = PrometheusServer(tmp_path_factory.mktemp("paused"))
    try:
        server.start()
        server.pause()
        yield server
    finally:
        server.resume()
        server.stop()


class TestPrometheusSource(MetricsSourceContract):
    @pytest.fixture
    async def source(self, with_series):
        source = connect(Source(name="default", url=with_series.url))
        yield source
        await source.close()

    @pytest.fixture
    async def away(self):
        source = connect(Source(name="away", url=f"http://127.0.0.1:{free_port()}", timeout="1s"))
        yield source
        await source.close()

    @pytest.fixture
    async def stuck(self, paused):
        source = connect(Source(name="stuck", url=paused.url, timeout="500ms", concurrency=1))
        yield source
        await source.close()
