"""A receiver of messages, as a customer would run one: a real HTTP(S) server on loopback that checks signatures."""

import asyncio
import hashlib
import hmac
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_network

from aiohttp import web

LOOPBACK = ip_network("127.0.0.0/8")
KEY = b"0123456789abcdef-the-signing-key"


@dataclass
class Received:
    """One request, read whole."""

    path: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None

    @property
    def delivery(self) -> str:
        return self.headers["Backstop-Delivery"]

    def is_genuine(self, key=KEY):
        """Check the signature as documentation tells receivers to."""
        parts = dict(part.split("=", 1) for part in self.headers["Backstop-Signature"].split(","))
        expected = hmac.new(key, parts["t"].encode() + b"." + self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, parts["v1"])

    @property
    def signed_at(self) -> int:
        return int(self.headers["Backstop-Signature"].split(",")[0].removeprefix("t="))


@dataclass
class Receiver:
    """Answers with what `answers` holds, one after the other, then 200. `hold` makes it wait before it answers."""

    answers: list[web.StreamResponse | None] = field(default_factory=list)  # None: hang up
    received: list[Received] = field(default_factory=list)
    hold: asyncio.Event | None = None
    port: int = 0
    _names: list[str] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        app = web.Application(client_max_size=2**20)
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self._names.append(name or "")
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self.hold is not None:
            self.hold.set()
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        name = self._names[-1] if self._names else None
        self.received.append(Received(request.path_qs, dict(request.headers), await request.read(), name))
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers.pop(0) if self.answers else web.Response(text="thanks")
        if answer is None:
            request.transport.abort()
            return web.Response()
        return answer
