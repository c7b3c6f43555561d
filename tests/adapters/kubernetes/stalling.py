"""A TCP forwarder before the API server that can hang: it accepts and keeps connections, and nothing moves."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import yaml


@contextlib.asynccontextmanager
async def stallable_proxy(kubeconfig, folder):
    """Yield a kubeconfig that goes through the forwarder, and an event: nothing moves while it is cleared."""
    given = yaml.safe_load(kubeconfig.read_text())
    cluster = given["clusters"][0]["cluster"]
    target = urlsplit(cluster["server"])
    flowing, connections = asyncio.Event(), set()
    flowing.set()

    async def pump(reader, writer):
        while data := await reader.read(65536):
            await flowing.wait()
            writer.write(data)
            await writer.drain()
        writer.close()

    async def accept(reader, writer):
        connections.add(asyncio.current_task())
        there, back = await asyncio.open_connection(target.hostname, target.port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(pump(reader, back))
                both.create_task(pump(there, writer))
        finally:
            for end in (writer, back):
                end.transport.abort()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cluster |= {"server": f"https://127.0.0.1:{port}", "tls-server-name": "kubernetes"}
    path = folder / "through-the-proxy.kubeconfig"
    path.write_text(yaml.safe_dump(given))
    try:
        yield path, flowing
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
