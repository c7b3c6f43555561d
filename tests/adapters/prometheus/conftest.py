import pytest

from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from tests.adapters.prometheus.raw_server import RawServer


@pytest.fixture
def server():
    """A server that behaves as the test tells it, on loopback."""
    server = RawServer()
    yield server
    server.close()


@pytest.fixture
async def source_for():
    """Return a function that connects a source to an address; all are closed in the end."""
    sources = []

    def connected(url, *, max_answer_bytes=64 * 1024 * 1024, **fields):
        fields = {"timeout": "5s", **fields}
        source = connect(
            Source.model_validate({"name": "default", "url": url, **fields}), max_answer_bytes=max_answer_bytes
        )
        sources.append(source)
        return source

    yield connected
    for source in sources:
        await source.close()
