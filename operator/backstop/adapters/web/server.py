"""Probes and metrics over HTTP: /healthz, /readyz, /metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Check = Callable[[], str | None]  # None when all is well, else what is wrong


class WebServer:
    """Serves until closed. Checks are called in the loop of the server, `metrics` in a thread."""

    def __init__(self, *, host: str, port: int, alive: Check, ready: Check, metrics: Callable[[], bytes]) -> None:
        self._host = host
        self._port = port
        self._alive = alive
        self._ready = ready
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; return the port, which the system chose if 0 was asked for. Raises OSError when it is taken."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._answer(self._alive)),
                web.get("/readyz", self._answer(self._ready)),
                web.get("/metrics", self._serve_metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening and end open requests."""
        if self._runner is not None:
            await self._runner.cleanup()

    @staticmethod
    def _answer(check: Check) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(_: web.Request) -> web.StreamResponse:
            problem = check()
            return web.Response(text="ok\n") if problem is None else web.Response(status=503, text=f"{problem}\n")

        return handler

    async def _serve_metrics(self, _: web.Request) -> web.StreamResponse:
        # In a thread: for a large fleet it takes a second, in which the loop has leases to renew.
        body = await asyncio.to_thread(self._metrics)
        return web.Response(body=body, headers={"Content-Type": METRICS_TYPE})
